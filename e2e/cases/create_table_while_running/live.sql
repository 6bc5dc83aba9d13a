CREATE TABLE second (id INT UNSIGNED NOT NULL AUTO_INCREMENT, name VARCHAR(30) CHARACTER SET latin1 NOT NULL DEFAULT 'x' COMMENT 'its name',
  kind ENUM('a', 'b c', 'd''e') DEFAULT 'a', made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (id), KEY (name))
  ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COMMENT = 'made while the task runs';
INSERT INTO second (name, kind) VALUES ('é', 'b c'), ('ü', NULL), ('', 'd''e');
INSERT INTO first VALUES (2);
CREATE TABLE IF NOT EXISTS second (other INT);
CREATE TABLE without_key (a INT, b TEXT);
INSERT INTO without_key VALUES (1, 'x'), (1, 'x');
CREATE TABLE `{database}`.qualified (a INT NOT NULL, b INT, UNIQUE KEY (a));
INSERT INTO qualified VALUES (1, 2);
CREATE TABLE hollow (id BIGINT PRIMARY KEY);
