CREATE TABLE t (
    id INT PRIMARY KEY,
    note TEXT DEFAULT ('none'),
    tags JSON DEFAULT (JSON_ARRAY()),
    settings JSON DEFAULT (CAST('{"a": 1}' AS JSON)),
    day DATE DEFAULT (CURDATE()),
    at DATETIME(3) DEFAULT (NOW(3)),
    number INT DEFAULT (-7),
    product INT DEFAULT (2 * 3),
    amount DECIMAL(10, 2) DEFAULT (1.5),
    ratio DOUBLE DEFAULT (-1e3),
    flags BIT(8) DEFAULT (b'101'),
    plain_flags BIT(8) DEFAULT b'110',
    token VARBINARY(8) DEFAULT (0x610062),
    kind ENUM('a', 'b') DEFAULT ('b'),
    choice SET('a', 'b', 'c') DEFAULT ('a,c'),
    opens TIME DEFAULT ('08:30:00'),
    founded YEAR DEFAULT (2024),
    -- These stay behind.
    unique_id VARCHAR(36) DEFAULT (UUID()),
    too_long VARCHAR(3) DEFAULT ('longer'),
    too_large TINYINT DEFAULT (1000),
    other_day DATETIME DEFAULT (CURDATE()),
    quoted VARCHAR(9) DEFAULT ('it''s'),
    half DECIMAL(10, 2) DEFAULT (1 / 2)
);
INSERT INTO t (id, too_long, too_large) VALUES (1, '', 0), (2, '', 0);
