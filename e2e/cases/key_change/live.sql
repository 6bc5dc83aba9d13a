-- Once, and there and back.
UPDATE t SET id = 100 WHERE id = 1;
UPDATE t SET id = 200 WHERE id = 2;
UPDATE t SET id = 2 WHERE id = 200;
-- The key with a value.
UPDATE t SET id = 300, v = 'THREE' WHERE id = 3;
-- Two rows change places within one transaction.
BEGIN;
UPDATE t SET id = -1 WHERE id = 4;
UPDATE t SET id = 4, v = 'was five' WHERE id = 5;
UPDATE t SET id = 5, v = 'was four' WHERE id = -1;
COMMIT;
-- All of them move up, in one statement.
UPDATE t SET id = id + 1 ORDER BY id DESC;
-- A key that was given up is taken again, by another row.
DELETE FROM t WHERE id = 7;
UPDATE t SET id = 7 WHERE id = 9;
INSERT INTO t VALUES (9, 'new nine');
