CREATE TABLE orders (id INT PRIMARY KEY, customer INT NOT NULL, a INT);
INSERT INTO orders VALUES (1, 10, 1), (2, 10, 2), (3, 30, 3);
CREATE TABLE users (id INT PRIMARY KEY, mail VARCHAR(20) NOT NULL, UNIQUE (mail));
INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE whole (id INT PRIMARY KEY, a INT);
INSERT INTO whole VALUES (1, 1);
