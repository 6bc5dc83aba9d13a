ALTER TABLE orders ADD INDEX by_paid (paid);
INSERT INTO orders (customer, amount) VALUES ('fay', 6);
