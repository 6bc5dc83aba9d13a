-- The same key for MySQL, another one for the destination.
UPDATE t SET k = 'A' WHERE k = 'a';
UPDATE t SET k = 'e' WHERE k = 'é';
UPDATE t SET v = 20 WHERE k = 'b';
REPLACE INTO t VALUES ('STRASSE', 30);
DELETE FROM t WHERE k = '日本';
INSERT INTO t VALUES ('日本語', 7);
INSERT INTO t VALUES ('B', 99) ON DUPLICATE KEY UPDATE v = 21;
UPDATE padded SET k = 'A ' WHERE k = 'a';
UPDATE padded SET v = 22 WHERE k = 'B';
REPLACE INTO padded VALUES ('Ü ', 33);
UPDATE many SET k = UPPER(k) WHERE v % 3 = 0;
DELETE FROM many WHERE v % 7 = 0;
-- What MySQL takes for the same key is no second row there: nothing of it comes.
INSERT IGNORE INTO t VALUES ('Á', 100), ('b', 101);
INSERT IGNORE INTO padded VALUES ('a', 100), ('B   ', 101);
INSERT IGNORE INTO other VALUES (5, 'b', 100), (6, 'C', 101);
INSERT IGNORE INTO alone VALUES ('A', 100), ('N', 101);
-- Back and forth, also within one transaction.
UPDATE padded SET k = 'a' WHERE k = 'A';
UPDATE padded SET k = 'A  ' WHERE k = 'a';
UPDATE other SET k = 'A ' WHERE k = 'a';
START TRANSACTION;
DELETE FROM padded WHERE k = 'b';
INSERT INTO padded VALUES ('B ', 40);
UPDATE other SET k = 'x' WHERE k = 'A';
UPDATE other SET k = 'a  ' WHERE id = 2;
UPDATE other SET k = 'B' WHERE id = 1;
REPLACE INTO other VALUES (7, 'C ', 41);
DELETE FROM alone WHERE k = 'A';
INSERT INTO alone VALUES ('A', 42);
UPDATE alone SET k = 'N' WHERE k = 'ñ';
REPLACE INTO alone VALUES ('b', 43);
COMMIT;
