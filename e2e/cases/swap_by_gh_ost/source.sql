CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, customer VARCHAR(20) NOT NULL, amount INT);
INSERT INTO orders (customer, amount) VALUES ('ann', 1), ('bob', 2), ('cid', 3);
