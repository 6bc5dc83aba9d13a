UPDATE t SET gone = NULL;
ALTER TABLE t ADD COLUMN more INT, MODIFY gone INT;
INSERT INTO t (id, amount, more) VALUES (2, 2.5, 3);
