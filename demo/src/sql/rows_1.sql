-- Customers, what they can buy, and what they looked at. Orders fall to customers by Zipf's law: POW(n, RAND()).
USE demo;
SET sql_log_bin = 0, foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00';

INSERT INTO categories
  SELECT i, IF(i <= 12, NULL, 1 + i % 12), CONCAT(ELT(1 + i % 6, 'Bücher', 'Fromages', 'Музыка', 'お茶', 'Garden', 'Spielzeug 🧸'), ' ', i),
         CONCAT('category-', i), i % 100, i % 17 <> 0, IF(i % 3 = 0, UNHEX(SHA2(i, 256)), NULL)
  FROM demo_numbers.n WHERE i <= 200 ORDER BY i;

INSERT INTO products
  SELECT i, 13 + i % 188, CONCAT('A-', LPAD(i, 8, '0')), CONCAT(ELT(1 + i % 5, 'Teekanne', 'Café crème', 'Lampe', 'Стол', '椅子'), ' no. ', i),
         REPEAT(CONCAT('Line of a text with "quotes", a tab\t, a backslash \\ and ', i, '. '), 1 + i % 6),
         ROUND(1 + POW(2000, RAND(1)), 2), RAND(2) * 40, IF(i % 11 = 0, NULL, 1 + RAND(3) * 4), i % 32,
         JSON_OBJECT('colour', ELT(1 + i % 4, 'red', 'blue', 'grün', NULL), 'size', JSON_ARRAY(i % 90, i % 70, i / 8), 'fair', i % 2 = 0),
         IF(i % 4 = 0, REPEAT(UNHEX(SHA2(i, 256)), 6), NULL), i % 256, DATE_ADD('2015-01-01', INTERVAL i % 4000 DAY),
         DATE_ADD('2024-01-01', INTERVAL i * 997 SECOND)
  FROM demo_numbers.n WHERE i <= 20000 ORDER BY i;

INSERT INTO customers
  SELECT i, CONCAT('customer', i, '@shop.example'),
         CONCAT(ELT(1 + i % 8, 'Zoë', '李伟', 'José', 'Søren', 'Анна', 'محمد', 'Ngọc', 'Max 🙂'), ' ', i),
         1 + i % 4, ROUND(RAND(4) * 1000 - 100, 2), IF(i % 5 = 0, NULL, DATE_ADD('1940-01-01', INTERVAL i % 25000 DAY)),
         i % 3 = 0, IF(i % 7 = 0, NULL, JSON_OBJECT('language', ELT(1 + i % 3, 'de', 'fr', 'zh'), 'limit', i / 3)),
         IF(i % 9 = 0, CONCAT('calls\nback, ', i, '\r\n'), NULL),
         DATE_ADD('2018-01-01', INTERVAL i * 3600 SECOND), IF(i % 6 = 0, NULL, DATE_ADD('2025-01-01', INTERVAL i * 300 SECOND))
  FROM demo_numbers.n WHERE i <= 60000 ORDER BY i;

INSERT INTO addresses
  SELECT i, 1 + i % 60000, 1 + i % 3, CONCAT(ELT(1 + i % 4, 'Hauptstraße', 'Rue de l''Église', 'Main Street', '中山路'), ' ', i % 300),
         ELT(1 + i % 5, 'Köln', 'Besançon', 'Málaga', '上海', 'Łódź'), LPAD(i % 99999, 5, '0'), ELT(1 + i % 5, 'DE', 'FR', 'ES', 'CN', 'PL'),
         RAND(5) * 180 - 90, RAND(6) * 360 - 180, IF(i % 8 = 0, NULL, 1970 + i % 55)
  FROM demo_numbers.n WHERE i <= 80000 ORDER BY i;

INSERT INTO events
  SELECT i, FLOOR(POW(60000, RAND(7))), ELT(1 + i % 4, 'view', 'search', 'basket', 'login'),
         JSON_OBJECT('product', i % 20000, 'words', JSON_ARRAY(CONCAT('w', i % 100), NULL, TRUE), 'scroll', RAND(8)),
         CONCAT('Browser/', i % 20, '.0 (X11; Linux)'), DATE_ADD('2025-06-01', INTERVAL i * 1234567 MICROSECOND)
  FROM demo_numbers.n WHERE i <= 60000 ORDER BY i;
