UPDATE orders SET id = id + 100;
DELETE FROM orders WHERE id IN (103, 108);
UPDATE orders SET note = 'in', secret = 2 WHERE id = 106;
INSERT INTO orders VALUES (109, 'paid', '2024-05-01 00:00:00', 1, NULL, 3);
DELETE FROM orders WHERE id = 109;
