CREATE TABLE Orders (Id INT PRIMARY KEY, Note VARCHAR(9) COMMENT 'a note', KEY (Note)) COMMENT 'all orders';
INSERT INTO Orders VALUES (1, 'a');
