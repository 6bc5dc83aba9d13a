CREATE SCHEMA kept;
CREATE TABLE kept.new (id integer PRIMARY KEY, more text DEFAULT 'x');
