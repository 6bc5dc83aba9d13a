INSERT INTO t (id, opens) VALUES (5, '24:00:00');
