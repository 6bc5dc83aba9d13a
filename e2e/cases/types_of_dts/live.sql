INSERT INTO t VALUES (3, 'é', '', '00:00:00', 'x', '', 'null', NULL);
UPDATE t SET opens = '12:00:00', doc = JSON_SET(doc, '$.c', 'ü'), code = 'zz' WHERE id = 1;
UPDATE keyless SET opens = '01:02:04' WHERE code = 'a' LIMIT 1;
DELETE FROM keyless WHERE code = 'b';
UPDATE own SET opens = '100:00:00';
ALTER TABLE t MODIFY code CHAR(6) NOT NULL DEFAULT 'none', ADD COLUMN closes TIME;
INSERT INTO t (id, code, closes) VALUES (4, 'longer', '20:00:00');
