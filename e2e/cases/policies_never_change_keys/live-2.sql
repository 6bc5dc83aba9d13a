-- Without the character it would be the key of the other row.
INSERT INTO t VALUES (CONCAT('a', CHAR(0 USING utf8mb4), 'x'), 'v');
