CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL);
CREATE TABLE orders (
  id INT PRIMARY KEY, customer INT, advisor INT, note VARCHAR(20),
  FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (advisor) REFERENCES customers (id) ON DELETE SET NULL ON UPDATE SET NULL);
-- The key itself changes with what it refers to, over two tables.
CREATE TABLE items (
  order_id INT, line INT, text VARCHAR(20), PRIMARY KEY (order_id, line),
  FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE notes (
  order_id INT, line INT, note TEXT,
  FOREIGN KEY (order_id, line) REFERENCES items (order_id, line) ON DELETE CASCADE);
CREATE TABLE tree (
  id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE);
INSERT INTO customers WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
  SELECT i, CONCAT('customer ', i) FROM n;
INSERT INTO orders SELECT 10 * c.id + n.i, c.id, 1 + (c.id * 7 + n.i) % 60, 'first'
  FROM customers c, (SELECT 0 i UNION SELECT 1 UNION SELECT 2 UNION SELECT 3) n;
INSERT INTO items SELECT o.id, n.i, 'line' FROM orders o, (SELECT 1 i UNION SELECT 2) n;
INSERT INTO notes SELECT order_id, line, 'same' FROM items WHERE line = 1 AND order_id < 100;
INSERT INTO notes SELECT order_id, line, 'same' FROM items WHERE line = 1 AND order_id < 100;
INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 1), (4, 2), (5, 4), (6, 3), (7, NULL), (8, 7);
