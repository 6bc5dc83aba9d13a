-- One row of each table before the start; the live script writes the same values again, which must give equal cells.
SET SESSION sql_mode = '', time_zone = '+05:30';
CREATE TABLE t (id INT PRIMARY KEY, f FLOAT, e DOUBLE, d DECIMAL(65, 30), bu BIGINT UNSIGNED, bits BIT(64), y YEAR,
  day DATE, at DATETIME(6), instant TIMESTAMP(6) NULL, long_time TIME(6), c CHAR(10), v VARCHAR(30) CHARACTER SET latin1, label ENUM('a', 'é') CHARACTER SET latin1,
  labels SET('x', 'é'), b BINARY(8), vb VARBINARY(8), j JSON, g GEOMETRY, x VECTOR(2));
INSERT INTO t VALUES
  (1, 0.1, 0.1, 0.1, 18446744073709551615, 1, 0, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '-00:00:00.000001', ' a ', '€', 'é', 'x,é', x'0100', x'0100',
   '{"b": [1.10, 1e2, -0.0], "a": "é"}', POINT(1, 2), TO_VECTOR('[1, 0.1]')),
  (2, 16777216, 1e15, -1e30, 9223372036854775808, 0, 2155, '0001-01-01', '0999-12-31 23:59:59.999999', '1970-01-01 05:30:01.000001', '-838:59:58.999999', '', '', 'a', '', '', '',
   '[]', ST_GeomFromText('POINT(1 2)', 4326), TO_VECTOR('[-0.0, 1e-37]')),
  (3, 1.4e-45, 4.9e-324, 1e-30, 0, 18446744073709551615, 1901, '9999-12-31', '9999-12-31 23:59:59.999999', '2038-01-19 08:44:07.999999', '838:59:58.999999', 'ü', '\\N', 'é', 'é', x'00', x'00',
   'null', NULL, NULL),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (5, -3.402823466e38, -1.7976931348623157e308, 0, 1, 2, 1970, '1582-10-10', '1970-01-01 00:00:00', '2024-03-31 02:30:00', '00:00:00', 'x', 'ÿ', 'a', 'x', x'ff', x'ff', '"x"', NULL, NULL);
