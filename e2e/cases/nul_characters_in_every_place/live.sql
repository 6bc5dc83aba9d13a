INSERT INTO t SELECT id + 10, v, c, x, w, e, s, j FROM t;
UPDATE t SET v = CONCAT('x', v), c = '\0', w = CONCAT(w, '\0'), s = 3, e = 4, j = JSON_SET(j, '$[0]', '\0\0') WHERE id > 10;
DELETE FROM t WHERE c = '\0' AND id = 11;
