CREATE SCHEMA "{database}";
CREATE TABLE "{database}".a (id integer PRIMARY KEY);
CREATE TABLE "{database}".good (id integer PRIMARY KEY);
