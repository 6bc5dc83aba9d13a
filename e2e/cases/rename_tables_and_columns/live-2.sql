TRUNCATE TABLE customers;
INSERT INTO customers VALUES (2, 'bob');
DROP TABLE later;
