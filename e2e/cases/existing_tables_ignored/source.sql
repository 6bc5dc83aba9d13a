CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(20));
INSERT INTO users VALUES (1, 'source'), (2, 'source'), (3, 'source');
CREATE TABLE marker (id INT PRIMARY KEY);
INSERT INTO marker VALUES (1);
