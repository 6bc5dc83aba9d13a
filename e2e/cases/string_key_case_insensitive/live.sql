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
