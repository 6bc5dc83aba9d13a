-- The order of the key's columns is not the table's.
CREATE TABLE t (a VARCHAR(20), b INT, c DATE, v INT, PRIMARY KEY (c, a, b));
INSERT INTO t VALUES ('x', 1, '2024-01-01', 1), ('x', 2, '2024-01-01', 2), ('y', 1, '2024-01-01', 3), ('x', 1, '2024-01-02', 4);
CREATE TABLE many (a INT, b INT, c INT, v INT, PRIMARY KEY (a, b, c));
INSERT INTO many
  WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 999)
  SELECT i DIV 100, i DIV 10 MOD 10, i MOD 10, i FROM n;
