-- The label '' and the error value of an ENUM, or the empty set of a SET, are two keys of MySQL that read the same.
SET SESSION sql_mode = '';
CREATE TABLE by_enum (k ENUM('a', '', 'b') PRIMARY KEY, v INT);
INSERT INTO by_enum VALUES (0, 1), ('a', 2), ('', 3), ('b', 4);
CREATE TABLE by_set (k SET('', 'a') PRIMARY KEY, v INT);
INSERT INTO by_set VALUES (0, 1), (1, 2), (2, 3), (3, 4);
CREATE TABLE by_other_key (k ENUM('', 'a') PRIMARY KEY, id INT NOT NULL, v INT, UNIQUE KEY by_id (id));
INSERT INTO by_other_key VALUES (0, 1, 10), ('', 2, 20), ('a', 3, 30);
CREATE TABLE by_unique (id INT PRIMARY KEY, k ENUM('a', ''), UNIQUE KEY by_k (k));
INSERT INTO by_unique VALUES (1, 0), (2, ''), (3, 'a'), (4, NULL);
-- Gets the label later.
CREATE TABLE by_label (k ENUM('a', 'b') PRIMARY KEY, v INT);
INSERT INTO by_label VALUES (0, 1), ('a', 2), ('b', 3);
