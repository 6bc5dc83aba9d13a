CREATE SCHEMA "{database}";
CREATE TABLE "{database}".a (v integer, id bigint PRIMARY KEY);
CREATE TABLE "{database}".without_index (id integer, v integer);
