INSERT INTO a VALUES (4, 'before');
INSERT INTO b VALUES (4, 'before');
TRUNCATE TABLE a;
INSERT INTO a VALUES (1, 'after'), (5, 'after');
INSERT INTO b VALUES (5, 'after');
TRUNCATE no_key;
INSERT INTO no_key VALUES ('after'), ('after');
TRUNCATE TABLE b;
