CREATE TABLE t (id INT PRIMARY KEY, code VARCHAR(20), place INT NOT NULL, UNIQUE KEY (code), UNIQUE KEY (place));
INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, NULL, 4), (5, NULL, 5);
