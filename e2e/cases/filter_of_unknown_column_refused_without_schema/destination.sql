CREATE SCHEMA "{database}";
CREATE TABLE "{database}".orders (id integer PRIMARY KEY, status text);
