DELETE FROM with_key;
DELETE FROM without_key;
