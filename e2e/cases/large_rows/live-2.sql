-- Above what Kafka takes as one message: in parts.
INSERT INTO t VALUES (20, REPEAT(RANDOM_BYTES(1000), 5000), 'five'), (21, NULL, REPEAT('日本', 3500000));
INSERT INTO t VALUES (22, REPEAT(x'00ff5c0a', 16000000), 'sixty-four');
UPDATE t SET c = CONCAT(c, '!') WHERE id IN (20, 21, 22);
UPDATE t SET id = 30 WHERE id = 21;
DELETE FROM t WHERE id = 20;
