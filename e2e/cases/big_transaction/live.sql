-- More than the 8 MiB that capture publishes as one step, and more than the 32 MiB that apply holds back.
SET SESSION cte_max_recursion_depth = 200000;
BEGIN;
INSERT INTO other VALUES (2);
INSERT INTO big
  WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
  SELECT i, CONCAT(REPEAT('x', 60), i), i * 1000003 FROM n;
UPDATE big SET b = -b WHERE id % 10 = 0;
DELETE FROM big WHERE id % 7 = 0;
UPDATE other SET id = 3 WHERE id = 1;
COMMIT;
INSERT INTO other VALUES (4);
