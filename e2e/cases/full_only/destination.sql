CREATE SCHEMA "{database}";
CREATE TABLE "{database}".t (id INTEGER PRIMARY KEY, v VARCHAR(20));
CREATE TABLE "{database}".no_key (v VARCHAR(20));
