CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL, town VARCHAR(50));
SET SESSION cte_max_recursion_depth = 10000;
INSERT INTO customer
  WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1234)
  SELECT i, CONCAT('customer ', i), IF(i % 3 = 0, NULL, 'Zürich') FROM n;
