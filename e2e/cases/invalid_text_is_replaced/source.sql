-- Codes that a character set leaves open: MySQL stores them, and shows `?` for each.
CREATE TABLE t (
    id INT PRIMARY KEY,
    c VARCHAR(20) CHARACTER SET cp1250,
    g TEXT CHARACTER SET gbk,
    u CHAR(10) CHARACTER SET ucs2,
    typed VARCHAR(9) CHARACTER SET greek
);
INSERT INTO t VALUES (1, x'61816281', x'61AAA162', x'0061D8000062', x'FFE1'), (2, 'ž', '日本', '日本', 'α'), (3, NULL, NULL, NULL, NULL),
    (4, x'81', x'AAA1', x'D800', x'FF'), (5, '', '', '', '');
-- Without a key rows are told apart by their values as they are in the destination.
CREATE TABLE keyless (c VARCHAR(20) CHARACTER SET cp1250, n INT);
INSERT INTO keyless VALUES (x'8161', 1), (x'8161', 1), (x'8361', 1), ('a', 2);
