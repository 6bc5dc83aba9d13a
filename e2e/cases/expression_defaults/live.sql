INSERT INTO t (id, too_long, too_large) VALUES (3, '', 0);
-- Written down in the binlog in other words than in the catalog.
CREATE TABLE made LIKE t;
CREATE TABLE written (id INT PRIMARY KEY, note TEXT DEFAULT ('none'), tags JSON DEFAULT (JSON_ARRAY()), settings JSON DEFAULT (CAST('{"a": 1}' AS JSON)),
    day DATE DEFAULT (CURRENT_DATE), at DATETIME(3) DEFAULT (CURRENT_TIMESTAMP(3)), number INT DEFAULT (-7), product INT DEFAULT (2*3),
    amount DECIMAL(10, 2) DEFAULT (1.5), ratio DOUBLE DEFAULT (-1e3), flags BIT(8) DEFAULT (b'101'), plain_flags BIT(8) DEFAULT b'110',
    token VARBINARY(8) DEFAULT (x'610062'), kind ENUM('a', 'b') DEFAULT ('b'), choice SET('a', 'b', 'c') DEFAULT ('a,c'), opens TIME DEFAULT ('08:30:00'),
    founded YEAR DEFAULT (2024), unique_id VARCHAR(36) DEFAULT (UUID()), too_long VARCHAR(3) DEFAULT ('longer'));
INSERT INTO written (id, too_long) VALUES (1, 'x');
ALTER TABLE t ADD COLUMN more TEXT DEFAULT ('more'), ADD COLUMN later DATE DEFAULT (CURRENT_DATE), ADD COLUMN bits BIT(3) NOT NULL DEFAULT b'011',
    ALTER COLUMN number SET DEFAULT (8), ALTER COLUMN note SET DEFAULT (CONCAT('no', 'ne')), ALTER COLUMN half SET DEFAULT (0.5);
INSERT INTO t (id, too_long, too_large) VALUES (4, '', 0);
