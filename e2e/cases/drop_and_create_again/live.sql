UPDATE t SET v = 'older' WHERE id = 2;
DROP TABLE t;
CREATE TABLE t (k VARCHAR(20) PRIMARY KEY, id BIGINT, more DATE);
INSERT INTO t VALUES ('new', 1, '2024-02-29'), ('newer', 2, NULL);
DROP TABLE no_key;
CREATE TABLE no_key (id INT PRIMARY KEY, v TEXT);
INSERT INTO no_key VALUES (1, 'has a key now');
