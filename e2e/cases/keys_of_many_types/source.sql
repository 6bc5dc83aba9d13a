-- Types whose order is not that of their texts: labels by their number, sets by their bits, times by their sign.
CREATE TABLE by_enum (k ENUM('z', 'ü', 'a', 'b c', 'B''', '10', '9') PRIMARY KEY, v INT);
INSERT INTO by_enum SELECT n + 1, n FROM (VALUES ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6)) AS numbers (n);
CREATE TABLE by_set (k SET('z', 'a', 'm') PRIMARY KEY, v INT);
INSERT INTO by_set SELECT n, n FROM (VALUES ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7)) AS numbers (n);
CREATE TABLE by_date (k DATE PRIMARY KEY, v INT);
INSERT INTO by_date VALUES ('0001-01-01', 1), ('1000-01-01', 2), ('1970-01-01', 3), ('2024-02-29', 4), ('9999-12-31', 5);
CREATE TABLE by_datetime (k DATETIME(6) PRIMARY KEY, v INT);
INSERT INTO by_datetime VALUES ('0001-01-01', 1), ('2024-01-01', 2), ('2024-01-01 00:00:00.000001', 3), ('2024-01-01 00:00:00.1', 4),
    ('9999-12-31 23:59:59.999999', 5);
CREATE TABLE by_timestamp (k TIMESTAMP(3) PRIMARY KEY, v INT);
INSERT INTO by_timestamp SELECT FROM_UNIXTIME(n), n FROM (VALUES ROW(1), ROW(1711846799.999), ROW(1711846800), ROW(1729990800), ROW(2147483647)) AS numbers (n);
CREATE TABLE by_time (k TIME(2) PRIMARY KEY, v INT);
INSERT INTO by_time VALUES ('-838:59:59', 1), ('-00:00:01', 2), ('-00:00:00.01', 3), ('00:00:00', 4), ('00:00:00.5', 5), ('100:00:00', 6),
    ('99:00:00', 7), ('838:59:59', 8);
CREATE TABLE by_year (k YEAR PRIMARY KEY, v INT);
INSERT INTO by_year VALUES (0, 1), (1901, 2), (2000, 3), (2155, 4);
CREATE TABLE by_decimal (k DECIMAL(25, 5) PRIMARY KEY, v INT);
INSERT INTO by_decimal VALUES (-99999999999999999999.99999, 1), (-10, 2), (-9.5, 3), (0, 4), (0.00001, 5), (9, 6), (10, 7),
    (99999999999999999999.99999, 8);
CREATE TABLE by_unsigned (k BIGINT UNSIGNED PRIMARY KEY, v INT);
INSERT INTO by_unsigned VALUES (0, 1), (9223372036854775807, 2), (9223372036854775808, 3), (18446744073709551615, 4);
CREATE TABLE by_double (k DOUBLE PRIMARY KEY, v INT);
INSERT INTO by_double VALUES (-1.7976931348623157e308, 1), (-0.1, 2), (0, 3), (5e-324, 4), (0.1, 5), (0.30000000000000004, 6), (1e300, 7);
CREATE TABLE by_bit (k BIT(10) PRIMARY KEY, v INT);
INSERT INTO by_bit VALUES (0, 1), (1, 2), (255, 3), (256, 4), (1023, 5);
CREATE TABLE by_binary (k BINARY(4) PRIMARY KEY, v INT);
INSERT INTO by_binary VALUES ('', 1), (0x00000001, 2), ('a', 3), ('a ', 4), (0x61000020, 5), (0xffffff00, 6), (0xffffffff, 7);
CREATE TABLE by_all (e ENUM('b', 'a'), s SET('y', 'x'), t TIME, d DECIMAL(4, 1), b BINARY(2), v INT, PRIMARY KEY (e, s, t, d, b));
INSERT INTO by_all SELECT e.n, s.n, IF(t.n, '-01:00:00', '25:00:00'), IF(d.n, -1.5, 10), IF(b.n, 0x6100, 0x00ff), e.n + 10 * s.n
    FROM (VALUES ROW(1), ROW(2)) AS e (n), (VALUES ROW(0), ROW(3)) AS s (n), (VALUES ROW(0), ROW(1)) AS t (n),
    (VALUES ROW(0), ROW(1)) AS d (n), (VALUES ROW(0), ROW(1)) AS b (n);
