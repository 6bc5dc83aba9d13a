INSERT INTO t SELECT id + 10, c, g, u, typed FROM t;
UPDATE t SET c = 'good' WHERE id = 1;
UPDATE t SET c = x'8181', g = 'x' WHERE id = 2;
UPDATE t SET typed = x'FFFF', u = NULL WHERE id = 14;
UPDATE t SET id = 40 WHERE id = 4;
DELETE FROM t WHERE id = 11;
DELETE FROM keyless WHERE HEX(c) = '8161' LIMIT 1;
UPDATE keyless SET n = 3 WHERE HEX(c) = '8361';
