CREATE TABLE orders (
    id INT PRIMARY KEY,
    status ENUM('draft', 'open', 'paid'),
    created_at DATETIME,
    amount DECIMAL(10,2),
    note VARCHAR(20),
    secret INT
);
INSERT INTO orders VALUES
    (1, 'draft', '2024-05-01 00:00:00', 5, 'a', 1), (2, 'open', '2024-05-01 00:00:00', 5, 'b', 1),
    (3, 'paid', '2023-12-31 23:59:59', 5, 'c', 1), (4, NULL, '2024-05-01 00:00:00', 5, 'd', 1),
    (5, 'paid', NULL, 5, NULL, 1), (6, 'paid', '2024-01-01 00:00:00', 0.01, NULL, 2);
CREATE TABLE keyless (a INT, b VARCHAR(10));
INSERT INTO keyless VALUES (1, 'Keep'), (1, 'keep'), (1, 'go'), (NULL, 'keep');
