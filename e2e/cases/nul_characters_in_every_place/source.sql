-- At the start, in the middle, at the end, and alone; also in labels, and in another character set.
CREATE TABLE t (
    id INT PRIMARY KEY,
    v VARCHAR(9),
    c CHAR(9),
    x TEXT,
    w MEDIUMTEXT CHARACTER SET utf16,
    e ENUM('\0a', 'a\0b', 'b\0', '\0'),
    s SET('\0a', 'a\0b', 'b\0'),
    j JSON
);
INSERT INTO t (id, v) VALUES (1, '\0a'), (2, 'a\0b'), (3, 'b\0'), (4, '\0'), (5, '\0\0a\0'), (6, 'a'), (7, ''), (8, NULL);
UPDATE t SET c = v, x = v, w = v, e = 1 + id % 4, s = id, j = JSON_ARRAY(v, JSON_OBJECT('k', v)) WHERE id < 8;
