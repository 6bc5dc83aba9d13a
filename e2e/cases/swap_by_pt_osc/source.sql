CREATE TABLE orders (id INT NOT NULL AUTO_INCREMENT, customer VARCHAR(20) NOT NULL, amount INT, PRIMARY KEY (id), KEY by_customer (customer));
INSERT INTO orders (customer, amount) VALUES ('ann', 1), ('bob', 2), ('cid', 3);
