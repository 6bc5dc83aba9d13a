SET SESSION sql_mode = 'ALLOW_INVALID_DATES';
CREATE TABLE t (
    id INT PRIMARY KEY,
    kind VARCHAR(10) NOT NULL,
    day DATE NOT NULL,
    at DATETIME(3),
    stamp TIMESTAMP(6) NULL,
    name VARCHAR(20),
    doc JSON
);
INSERT INTO t VALUES
    (1, 'good', '2024-02-29', '1000-01-01 00:00:00', '2024-01-01 00:00:00.5', 'a', '{"a": "\\\\u0000"}'),
    (2, 'zero', '0000-00-00', '0000-00-00', '0000-00-00 00:00:00', CONCAT('a', CHAR(0 USING utf8mb4)), NULL),
    (3, 'invalid', '2024-00-10', '0000-01-01 10:00:00', NULL, '', JSON_ARRAY(CONCAT('x', CHAR(0 USING utf8mb4)), 'y'));
-- Without a key rows are told apart by their values as they are in the destination.
CREATE TABLE keyless (name VARCHAR(20), kind VARCHAR(10), day DATE);
INSERT INTO keyless VALUES (CHAR(0 USING utf8mb4), 'zero', '0000-00-00'), (CONVERT(0xEFBFBD USING utf8mb4), 'zero', '0000-00-00'),
    ('b', 'invalid', '2023-02-30'), ('b', 'invalid', '2023-02-31');
