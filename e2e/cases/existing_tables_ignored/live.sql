UPDATE users SET name = 'changed' WHERE id = 2;
INSERT INTO users VALUES (9, 'new');
DELETE FROM users WHERE id = 3;
INSERT INTO marker VALUES (2);
