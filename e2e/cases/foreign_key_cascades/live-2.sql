START TRANSACTION;
DELETE FROM customers WHERE id = 30;
INSERT INTO customers VALUES (30, 'new');
INSERT INTO orders VALUES (300, 30, 31, 'new');
INSERT INTO items VALUES (300, 1, 'new');
UPDATE customers SET id = 3000 WHERE id = 30;
UPDATE customers SET id = 3100 WHERE id = 31;
COMMIT;
START TRANSACTION;
DELETE FROM customers;
ROLLBACK;
-- Beyond one message and one chunk.
INSERT INTO items WITH RECURSIVE n (i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
  SELECT o.id, n.i, 'many' FROM orders o, n WHERE o.customer BETWEEN 40 AND 45;
UPDATE customers SET id = id + 1000 WHERE id BETWEEN 40 AND 42;
DELETE FROM customers WHERE id BETWEEN 43 AND 45;
CREATE TABLE later (id INT PRIMARY KEY, customer INT, FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE SET NULL);
INSERT INTO later SELECT id, id FROM customers;
ALTER TABLE items ADD COLUMN more INT DEFAULT 5;
DELETE FROM customers WHERE id BETWEEN 46 AND 50;
UPDATE orders SET id = -id WHERE customer = 51;
