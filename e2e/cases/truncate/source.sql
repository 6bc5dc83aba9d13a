CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(10));
CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(10));
CREATE TABLE no_key (v VARCHAR(10));
INSERT INTO a VALUES (1, 'one'), (2, 'two'), (3, 'three');
INSERT INTO b VALUES (1, 'one'), (2, 'two'), (3, 'three');
INSERT INTO no_key VALUES ('one'), ('two'), ('two');
