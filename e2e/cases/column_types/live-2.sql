INSERT INTO t (id, flag) VALUES (5, 2);
