-- Orders, their lines and payments.
USE demo;
SET sql_log_bin = 0, foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00';

INSERT INTO orders
  SELECT i, FLOOR(POW(60000, RAND(11))), 1 + i % 4, ROUND(5 + POW(3000, RAND(12)), 2), ELT(1 + i % 3, 'EUR', 'USD', 'CNY'), i % 20 = 0,
         IF(i % 4 = 0, CONCAT('leave it at the neighbour''s, № ', i), NULL),
         DATE_ADD('2023-01-01', INTERVAL i * 300000007 MICROSECOND), DATE_ADD('2023-01-02', INTERVAL i * 300000011 MICROSECOND)
  FROM demo_numbers.n WHERE i <= 220000 ORDER BY i;

INSERT INTO order_items
  SELECT o.i, l.line, FLOOR(POW(20000, RAND(13))), 1 + o.i % 5, ROUND(1 + POW(2000, RAND(14)), 2), IF(o.i % 3 = 0, NULL, RAND(15))
  FROM demo_numbers.n o JOIN (SELECT 1 AS line UNION ALL SELECT 2 UNION ALL SELECT 3) l ON l.line <= 1 + o.i % 3
  WHERE o.i <= 220000 ORDER BY o.i, l.line;

INSERT INTO payments
  SELECT i, i, 1 + i % 4, ROUND(5 + POW(3000, RAND(16)), 2), IF(i % 10 = 0, NULL, UNHEX(LEFT(SHA2(i, 256), 32))),
         IF(i % 6 = 0, NULL, SEC_TO_TIME(i % 9000 / 7)), IF(i % 12 = 0, NULL, DATE_ADD('2023-01-03', INTERVAL i * 300000013 MICROSECOND))
  FROM demo_numbers.n WHERE i <= 200000 ORDER BY i;
