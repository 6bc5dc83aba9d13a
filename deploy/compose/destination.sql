-- The role that Millrace uses in the sample's destination (see deploy/grants.sql).
CREATE ROLE millrace LOGIN PASSWORD 'change-me';
GRANT CONNECT, CREATE ON DATABASE warehouse TO millrace;
