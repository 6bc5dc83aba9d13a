INSERT INTO t VALUES (1, 'one'), (2, 'two');
UPDATE t SET v = 'TWO' WHERE id = 2;
DELETE FROM t WHERE id = 1;
