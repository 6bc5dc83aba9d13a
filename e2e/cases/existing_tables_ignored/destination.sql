CREATE SCHEMA kept;
CREATE TABLE kept.users (id integer PRIMARY KEY, name varchar(20), more integer DEFAULT 7);
INSERT INTO kept.users VALUES (1, 'here'), (2, 'here'), (9, 'here');
