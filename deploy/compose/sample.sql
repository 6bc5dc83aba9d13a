-- The sample database of docker-compose.yml: a small shop. Change it while the task runs and watch the destination:
--   docker compose exec source mysql -uroot -proot-password shop -e "UPDATE orders SET status = 'paid'"
--   docker compose exec destination psql -U postgres warehouse -c 'SELECT * FROM shop.orders'
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;

CREATE TABLE customers (
  customer_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL COMMENT 'as the customer writes it',
  email VARCHAR(200) NOT NULL,
  preferences JSON,
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  UNIQUE KEY email (email)
) COMMENT 'who buys';

CREATE TABLE orders (
  order_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  status ENUM('draft', 'placed', 'paid', 'sent') NOT NULL DEFAULT 'draft',
  total DECIMAL(12, 2) NOT NULL,
  placed_at DATETIME,
  KEY customer (customer_id, placed_at)
);

CREATE TABLE order_lines (
  order_id BIGINT UNSIGNED NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  article VARCHAR(40) NOT NULL,
  quantity MEDIUMINT NOT NULL,
  price DECIMAL(10, 4) NOT NULL,
  PRIMARY KEY (order_id, line)
);

INSERT INTO customers (name, email, preferences) VALUES
  ('Ada Lovelace', 'ada@example.org', '{"newsletter": true, "languages": ["en", "fr"]}'),
  ('Grace Hopper', 'grace@example.org', '{"newsletter": false}'),
  ('René Descartes', 'rene@example.org', NULL);

-- 10,000 orders of two lines each, spread over the customers and the year 2026.
SET SESSION cte_max_recursion_depth = 10000;
INSERT INTO orders (customer_id, status, total, placed_at)
  WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000)
  SELECT 1 + n % 3, ELT(1 + n % 4, 'draft', 'placed', 'paid', 'sent'), n * 1.25,
    IF(n % 4 = 0, NULL, TIMESTAMPADD(MINUTE, n * 52, '2026-01-01')) FROM numbers;
INSERT INTO order_lines
  SELECT order_id, 1, CONCAT('article-', order_id % 97), 1 + order_id % 5, total / 2 FROM orders
  UNION ALL
  SELECT order_id, 2, CONCAT('article-', order_id % 89), 1, total / 2 FROM orders;
