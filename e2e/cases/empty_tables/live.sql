INSERT INTO with_key VALUES (1, 'first');
INSERT INTO without_key VALUES ('first');
TRUNCATE TABLE composite;
