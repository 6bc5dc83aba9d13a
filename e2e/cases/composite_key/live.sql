INSERT INTO t VALUES ('', 1, '2024-01-01', 5), ('x', -1, '2024-01-01', 6);
UPDATE t SET v = v * 10 WHERE a = 'x';
UPDATE t SET b = b + 10 WHERE a = 'y';
UPDATE t SET c = '1999-12-31', a = 'z' WHERE v = 40;
DELETE FROM t WHERE a = 'x' AND b = 2;
UPDATE many SET b = 10 - b WHERE a = 3 AND b = 0;
UPDATE many SET v = -v WHERE c = 5;
DELETE FROM many WHERE a = 9;
