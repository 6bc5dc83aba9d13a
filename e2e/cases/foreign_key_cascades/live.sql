DELETE FROM customers WHERE id IN (3, 4);
UPDATE customers SET id = id + 1000 WHERE id BETWEEN 10 AND 19;
UPDATE orders SET id = id + 100000 WHERE customer = 20;
DELETE FROM orders WHERE customer = 21;
DELETE FROM orders WHERE id IN (71, 80);
DELETE FROM tree WHERE id = 2;
-- Deleted by the statement and by the cascade.
DELETE c, o FROM customers c JOIN orders o ON o.customer = c.id WHERE c.id = 22;
-- A row that goes and comes again takes with it what refers to it.
REPLACE INTO customers VALUES (23, 'again');
INSERT INTO customers VALUES (24, 'x') ON DUPLICATE KEY UPDATE id = 2024;
