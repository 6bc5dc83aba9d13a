INSERT INTO orders VALUES (3, 'drüft');
