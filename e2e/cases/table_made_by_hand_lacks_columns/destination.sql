CREATE SCHEMA "{database}";
CREATE TABLE "{database}".a (id integer PRIMARY KEY);
