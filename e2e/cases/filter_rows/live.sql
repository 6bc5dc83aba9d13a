UPDATE orders SET status = 'open' WHERE id = 1;
UPDATE orders SET status = 'draft' WHERE id = 2;
UPDATE orders SET secret = 9 WHERE id = 6;
UPDATE orders SET note = 'still out' WHERE id = 3;
UPDATE orders SET id = 40, status = 'paid' WHERE id = 4;
INSERT INTO orders VALUES (7, 'draft', '2024-05-01 00:00:00', 1, NULL, 1), (8, 'open', '2024-05-01 00:00:00', 1, NULL, 1);
UPDATE keyless SET b = 'keeper' WHERE b = 'go';
DELETE FROM keyless WHERE b = 'keep' LIMIT 1;
