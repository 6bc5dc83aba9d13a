SET SESSION sql_mode = 'ALLOW_INVALID_DATES';
INSERT INTO t VALUES
    (4, 'good', '9999-12-31', '9999-12-31 23:59:59.999', '2038-01-01 00:00:00', 'b', 'null'),
    (5, 'zero', '0000-00-00', '0000-00-00', '0000-00-00 00:00:00', CHAR(0, 0 USING utf8mb4), '{"a": {"b": "\\u0000\\u0000"}}'),
    (6, 'invalid', '2023-02-30', '2024-12-00 00:00:00', NULL, NULL, '"\\\\\\u0000"');
UPDATE t SET kind = 'invalid', day = '0000-05-05', at = '2023-04-31 01:00:00' WHERE id = 1;
UPDATE t SET kind = 'good', day = '2024-01-01', at = NULL, stamp = NULL WHERE id = 2;
UPDATE t SET id = 30 WHERE id = 3;
DELETE FROM t WHERE id = 4;
DELETE FROM keyless WHERE name = CHAR(0 USING utf8mb4) COLLATE utf8mb4_bin LIMIT 1;
DELETE FROM keyless WHERE day = '2023-02-31';
