CREATE TABLE t (a INT, b VARCHAR(20), c DOUBLE, d DATETIME);
INSERT INTO t VALUES
  (1, 'one', 1.5, '2024-01-01 10:00:00'), (1, 'one', 1.5, '2024-01-01 10:00:00'), (1, 'one', 1.5, '2024-01-01 10:00:00'),
  (2, NULL, NULL, NULL), (2, NULL, NULL, NULL), (NULL, NULL, NULL, NULL), (3, '', 0, '2024-01-01 00:00:00');
CREATE TABLE documents (a INT, j JSON, x BLOB, y DECIMAL(30, 10), z BIT(9));
INSERT INTO documents VALUES (1, '{"b": 1, "a": [1, 2.50]}', x'00ff', 1.5, b'101'), (1, '{"b": 1, "a": [1, 2.50]}', x'00ff', 1.5, b'101'),
  (2, NULL, NULL, NULL, NULL);
CREATE TABLE nullable_unique (a INT, v INT, UNIQUE KEY (a));
INSERT INTO nullable_unique VALUES (1, 1), (NULL, 1), (NULL, 1);
CREATE TABLE unique_not_null (a INT NOT NULL, v INT, UNIQUE KEY (a));
INSERT INTO unique_not_null VALUES (1, 1), (2, 1);
