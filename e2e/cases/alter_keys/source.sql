CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c VARCHAR(10), PRIMARY KEY (a));
INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y'), (3, 30, NULL);
CREATE TABLE plain (a INT NOT NULL, b INT);
INSERT INTO plain VALUES (1, 1), (2, 2), (3, NULL);
CREATE TABLE numbered (v VARCHAR(10));
INSERT INTO numbered VALUES ('one'), ('two'), ('two');
