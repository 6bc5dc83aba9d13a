UPDATE a SET v = v + 1;
UPDATE without_index SET v = v + 1, id = id + 1 ORDER BY id DESC;
DELETE FROM without_index WHERE id = 2;
INSERT INTO without_index VALUES (2, 5), (1, 5);
DELETE FROM a WHERE id = 1;
INSERT INTO a VALUES (1, 9);
