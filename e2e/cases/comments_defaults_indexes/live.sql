INSERT INTO t (name, seen) VALUES ('two', 4);
UPDATE t SET number = 5;
