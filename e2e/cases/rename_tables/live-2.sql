RENAME TABLE a TO {database}_out.x, b TO a, {database}_out.x TO b;
UPDATE a SET v = 'again' WHERE id = 1;
DELETE FROM b WHERE id = 7;
ALTER TABLE came ADD COLUMN w INT;
INSERT INTO came VALUES (5, 'five', 5);
DROP TABLE made, renamed_again;
INSERT INTO made_of_another VALUES (2, 2);
DROP DATABASE {database}_out;
