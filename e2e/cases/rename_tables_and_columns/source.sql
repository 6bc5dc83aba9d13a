CREATE TABLE orders (id INT PRIMARY KEY, amt DECIMAL(10,2), note VARCHAR(20), KEY (note));
INSERT INTO orders VALUES (1, 1.50, 'one'), (2, 2.50, NULL);
CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(20));
INSERT INTO customers VALUES (1, 'ann');
CREATE TABLE keyless (a INT, b INT);
INSERT INTO keyless VALUES (1, 1), (1, 1);
