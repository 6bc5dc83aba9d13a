CREATE TABLE orders (id INT PRIMARY KEY, status VARCHAR(10) COLLATE utf8mb4_0900_ai_ci);
INSERT INTO orders VALUES (1, 'open'), (2, 'Draft');
