-- For MySQL these keys are equal without regard to case and accents; for the destination they are bytes.
CREATE TABLE t (k VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, v INT);
INSERT INTO t VALUES ('a', 1), ('B', 2), ('straße', 3), ('É', 4), ('', 5), ('日本', 6);
-- PAD SPACE: blanks at the end do not count either.
CREATE TABLE padded (k VARCHAR(30) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY, v INT);
INSERT INTO padded VALUES ('a', 1), ('b  ', 2), ('ü', 3);
CREATE TABLE many (k VARCHAR(30) PRIMARY KEY, v INT);
SET SESSION cte_max_recursion_depth = 10000;
INSERT INTO many
  WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
  SELECT CONCAT(CHAR(97 + i % 26 USING utf8mb4), IF(i % 2, 'x', 'X'), i), i FROM n;
-- Unique keys beside the primary key, of which one is the table's only key.
CREATE TABLE other (id INT PRIMARY KEY, k VARCHAR(30) COLLATE utf8mb4_general_ci UNIQUE, v INT);
INSERT INTO other VALUES (1, 'a', 1), (2, 'B ', 2), (3, 'ç', 3), (4, NULL, 4);
CREATE TABLE alone (k CHAR(30) COLLATE utf8mb4_general_ci NOT NULL UNIQUE, v INT);
INSERT INTO alone VALUES ('a', 1), ('B', 2), ('ñ', 3);
