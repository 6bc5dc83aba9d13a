DELIMITER $$
CREATE PROCEDURE make_tables(first INT, last INT)
BEGIN
  DECLARE i INT DEFAULT first;
  WHILE i <= last DO
    SET @sql = CONCAT('CREATE TABLE t', i, ' (id INT PRIMARY KEY, v VARCHAR(20), KEY (v))');
    PREPARE statement FROM @sql; EXECUTE statement; DEALLOCATE PREPARE statement;
    SET @sql = CONCAT('INSERT INTO t', i, ' VALUES (1, ''a', i, '''), (2, ''b', i, '''), (3, NULL)');
    PREPARE statement FROM @sql; EXECUTE statement; DEALLOCATE PREPARE statement;
    SET i = i + 1;
  END WHILE;
END$$
CREATE PROCEDURE change_tables(first INT, last INT)
BEGIN
  DECLARE i INT DEFAULT first;
  WHILE i <= last DO
    SET @sql = CONCAT('UPDATE t', i, ' SET v = ''changed'' WHERE id < 3');
    PREPARE statement FROM @sql; EXECUTE statement; DEALLOCATE PREPARE statement;
    SET i = i + 1;
  END WHILE;
END$$
DELIMITER ;
CALL make_tables(1, 60);
