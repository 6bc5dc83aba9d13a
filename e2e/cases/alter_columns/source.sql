CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) NOT NULL, b INT DEFAULT 5, KEY by_a (a));
INSERT INTO t VALUES (1, 'one', 1), (2, 'two', NULL), (3, 'three', 3);
CREATE TABLE without_key (a INT, b VARCHAR(10));
INSERT INTO without_key VALUES (1, 'x'), (1, 'x'), (2, NULL);
