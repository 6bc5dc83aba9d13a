-- Columns that no SELECT * shows, and such that MySQL computes: of functional indexes, of generated invisible primary keys, before
-- and between others.
CREATE TABLE functional (id INT PRIMARY KEY, a VARCHAR(20), b INT, j JSON, z INT,
    KEY lower_a ((LOWER(a))), KEY twice ((b * 2), z), KEY every_element ((CAST(j->'$[*]' AS UNSIGNED ARRAY))));
INSERT INTO functional VALUES (1, 'Aa', 1, '[1, 2]', 10), (2, 'B', NULL, NULL, 20), (3, NULL, -3, '[]', NULL), (4, '', 4, '[4]', 40);
CREATE TABLE computed (v INT AS (a + 1) VIRTUAL, a INT, s VARCHAR(30) AS (CONCAT('s', a)) STORED, id INT PRIMARY KEY, i INT INVISIBLE DEFAULT 5,
    n INT AS (v * 2) VIRTUAL INVISIBLE, KEY by_sum ((a + i)), KEY by_virtual (v));
INSERT INTO computed (id, a) VALUES (1, 1), (2, NULL), (3, 3), (4, 4);
CREATE TABLE made_key (g INT AS (k) STORED NOT NULL PRIMARY KEY, k INT, v INT);
INSERT INTO made_key (k, v) VALUES (1, 1), (2, 2), (3, 3);
SET SESSION sql_generate_invisible_primary_key = ON;
CREATE TABLE invisible_key (a INT, b TEXT, KEY by_half ((a DIV 2)));
INSERT INTO invisible_key VALUES (1, 'same'), (1, 'same'), (2, NULL), (3, 'x');
