CREATE TABLE t (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'the key',
  name VARCHAR(40) NOT NULL DEFAULT 'it''s "x" \\ y' COMMENT 'it''s a "name" \\ here',
  amount DECIMAL(12, 3) NOT NULL DEFAULT 1.500,
  flag BIT(3) DEFAULT b'101',
  kind ENUM('a', 'b') NOT NULL DEFAULT 'b',
  day DATE DEFAULT '2024-02-29',
  made DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  instant TIMESTAMP NOT NULL DEFAULT '2024-01-01 00:00:00',
  note TEXT COMMENT 'line\nbreak, tab\t, ünïcode',
  number INT DEFAULT -7,
  ratio DOUBLE DEFAULT 0.25,
  nil VARCHAR(10) NOT NULL DEFAULT '',
  nothing VARCHAR(10) DEFAULT NULL,
  computed INT GENERATED ALWAYS AS (number * 2) STORED,
  seen INT INVISIBLE DEFAULT 3,
  PRIMARY KEY (id),
  UNIQUE KEY by_name (name, day),
  KEY by_kind (kind),
  KEY by_two (number, ratio),
  KEY by_kind_again (kind DESC)
) COMMENT = 'the table''s "comment"';
INSERT INTO t (name, note) VALUES ('one', 'x');
-- Names of indexes belong to a table in MySQL, to the schema in the destination.
CREATE TABLE u (id INT NOT NULL, kind INT, UNIQUE KEY by_name (id), KEY by_kind (kind));
INSERT INTO u VALUES (1, 1);
