UPDATE orders SET amt = amt + 1, id = id + 10 WHERE id = 1;
DELETE FROM orders WHERE id = 2;
INSERT INTO orders VALUES (3, 0, 'three');
DELETE FROM keyless LIMIT 1;
CREATE TABLE later (id INT PRIMARY KEY);
INSERT INTO later VALUES (1);
