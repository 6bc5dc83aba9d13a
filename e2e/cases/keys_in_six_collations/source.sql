-- Chunks end between words that one collation takes for equal and another does not. Before the space, in the order of
-- characters, are CHAR(1) and the tabulator: where spaces are padded, a word with one of them comes before the word.
CREATE TABLE words (k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PRIMARY KEY, v INT);
INSERT IGNORE INTO words
    WITH letters (n, c) AS (VALUES ROW(0, ''), ROW(1, 'a'), ROW(2, 'A'), ROW(3, 'ä'), ROW(4, 'ß'), ROW(5, 's'), ROW(6, 'S'), ROW(7, ' '),
        ROW(8, 'é'), ROW(9, '😀'))
    SELECT CONCAT(x.c, y.c, z.c), x.n * 100 + y.n * 10 + z.n FROM letters AS x, letters AS y, letters AS z
    ORDER BY 2;
INSERT INTO words VALUES (CONCAT('a', CHAR(9 USING utf8mb4)), 1000), (CONCAT('a', CHAR(1 USING utf8mb4)), 1001), ('0', 1002),
    ('-a', 1003), ('Æ', 1004), ('fi', 1005), ('e', 1006), ('z', 1007);
CREATE TABLE k1 (k VARCHAR(20) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, v INT);
CREATE TABLE k2 (k VARCHAR(20) COLLATE utf8mb4_0900_as_cs PRIMARY KEY, v INT);
CREATE TABLE k3 (k VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, v INT);
CREATE TABLE k4 (k CHAR(20) COLLATE utf8mb4_unicode_ci PRIMARY KEY, v INT);
CREATE TABLE k5 (k VARCHAR(20) COLLATE utf8mb4_sv_0900_ai_ci PRIMARY KEY, v INT);
CREATE TABLE k6 (k VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci PRIMARY KEY, v INT);
-- No collation: NUL bytes and spaces at the end are bytes like others.
CREATE TABLE k7 (k VARBINARY(20) PRIMARY KEY, v INT);
INSERT IGNORE INTO k1 SELECT k, v FROM words ORDER BY v;
INSERT IGNORE INTO k2 SELECT k, v FROM words ORDER BY v;
INSERT IGNORE INTO k3 SELECT k, v FROM words ORDER BY v;
INSERT IGNORE INTO k4 SELECT k, v FROM words ORDER BY v;
INSERT IGNORE INTO k5 SELECT k, v FROM words ORDER BY v;
INSERT IGNORE INTO k6 SELECT k, v FROM words WHERE k NOT LIKE '%😀%' ORDER BY v;
INSERT INTO k7 SELECT k, v FROM words;
INSERT INTO k7 VALUES (0x00, 100), (0x0000, 101), (0x6100, 102), (0x610020, 103), (0xff, 104), (0xff00, 105);
