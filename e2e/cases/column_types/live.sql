INSERT INTO t VALUES (4, 0, 0.00, 'x', '00:00:00', '1999-12-31 00:00:00', '1000-01-01', 'null', 'é');
UPDATE t SET flag = 1 - flag, id = id + 100 WHERE id < 3;
DELETE FROM t WHERE id = 3;
