-- Least-privilege accounts for Millrace. Change the passwords and, where you can, '%' to the hosts that Millrace runs on.

-- The source (MySQL). Run as an administrator of the source.
--   SELECT              reads the schema and the snapshot's rows. It can be granted on the selected databases or tables
--                       only: GRANT SELECT ON shop.* TO ...
--   REPLICATION SLAVE   reads the binlog (the phase "incremental" only)
--   REPLICATION CLIENT  reads the positions and settings of the binlog (the phase "incremental" only)
--   XA_RECOVER_ADMIN    (MySQL, not granted below) lets the check see transactions that are prepared and not
--                       ended. Without it the check warns, and you see to it that there is none when the task starts
--   LOCK TABLES         on the databases that move, for a source without GTIDs only: for tables without a key, and before
--                       MySQL 8.0.22 for all (see docs/operations.md)
-- Millrace writes nothing to the source.
CREATE USER IF NOT EXISTS 'millrace'@'%' IDENTIFIED BY 'change-me';
GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'millrace'@'%';

-- The destination (AnalyticDB for PostgreSQL, Greenplum, PostgreSQL). Run as the owner of the destination database
-- there; in this file it is a comment, because the statements above are for another server.
--
--   CREATE ROLE millrace LOGIN PASSWORD 'change-me';
--   GRANT CONNECT, CREATE ON DATABASE warehouse TO millrace;
--
-- CREATE on the database lets it make a schema for each MySQL database and one, "millrace", for its own progress; it
-- owns what it makes, which covers loading, changing and dropping tables there. For tables that exist already:
--
--   GRANT USAGE, CREATE ON SCHEMA sales TO millrace;
--   GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON sales.orders TO millrace;
--
-- To ALTER or DROP a table that exists already it must own it: ALTER TABLE sales.orders OWNER TO millrace;
