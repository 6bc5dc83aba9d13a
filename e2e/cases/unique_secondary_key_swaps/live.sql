BEGIN;
UPDATE t SET code = NULL WHERE id = 1;
UPDATE t SET code = 'a' WHERE id = 2;
UPDATE t SET code = 'b' WHERE id = 1;
COMMIT;
-- A value that one row gave up is taken by another.
DELETE FROM t WHERE id = 3;
INSERT INTO t VALUES (30, 'c', 3);
-- All of them move up, each into the place of the next.
UPDATE t SET place = place + 1 ORDER BY place DESC;
REPLACE INTO t VALUES (6, 'b', 2);
INSERT INTO t VALUES (7, NULL, 100) ON DUPLICATE KEY UPDATE place = 101;
