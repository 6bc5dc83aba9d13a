CREATE TABLE t (
    id BIGINT UNSIGNED PRIMARY KEY,
    code CHAR(4) NOT NULL DEFAULT 'none',
    name VARCHAR(30),
    opens TIME(3),
    kind ENUM('x', 'y') DEFAULT 'x',
    tags SET('a', 'b'),
    doc JSON,
    day DATE
);
INSERT INTO t VALUES (1, 'ab  ', 'n ', '23:59:59.999', 'x', 'a,b', '{"b": 1, "a": [1.0, null]}', '2024-01-01'),
    (2, DEFAULT, NULL, NULL, DEFAULT, NULL, NULL, NULL);
CREATE TABLE keyless (code CHAR(3), opens TIME, doc JSON);
INSERT INTO keyless VALUES ('a', '01:02:03', '{}'), ('a', '01:02:03', '{}'), ('b', NULL, '[1]');
CREATE TABLE own (id INT PRIMARY KEY, place POINT, opens TIME);
INSERT INTO own VALUES (1, POINT(1, 2), '-838:59:59');
