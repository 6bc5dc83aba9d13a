CREATE TABLE t (
    id BIGINT UNSIGNED PRIMARY KEY,
    flag TINYINT(1) NOT NULL DEFAULT 1,
    amount DECIMAL(12,2),
    kind ENUM('x', 'y'),
    opens TIME(3),
    day DATETIME,
    born DATE,
    doc JSON,
    code CHAR(3)
);
INSERT INTO t VALUES
    (1, 0, 7.00, 'x', '09:30:00.5', '2024-02-29 00:00:00', '2024-02-29', '{"a": 1}', 'abc'),
    (9223372036854775807, 1, -3.00, 'y', '23:59:59.999', NULL, NULL, '[]', ''),
    (3, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE some_rows (id INT PRIMARY KEY, active TINYINT NOT NULL);
INSERT INTO some_rows VALUES (1, 0), (2, 0);
CREATE TABLE some_more (id INT PRIMARY KEY);
INSERT INTO some_more VALUES (1), (2);
CREATE TABLE some_keys (id INT PRIMARY KEY);
INSERT INTO some_keys VALUES (1), (2);
