//! The rows of the workloads: made of numbers alone, so that each run has the same.

/// Scripts that make `n`, a table of the numbers from 1 to `limit`, outside the binlog.
pub(crate) fn numbers(limit: u64) -> String {
    format!(
        "SET sql_log_bin = 0; DROP DATABASE IF EXISTS bench_numbers; CREATE DATABASE bench_numbers; \
         CREATE TABLE bench_numbers.n (i INT PRIMARY KEY); \
         INSERT INTO bench_numbers.n WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < {limit}) \
         SELECT i FROM n;"
    )
}

/// Ends what [`numbers`] began.
pub(crate) const FORGET_NUMBERS: &str = "SET sql_log_bin = 0; DROP DATABASE bench_numbers";

/// A table of the form that sysbench makes.
pub(crate) fn narrow_table(name: &str) -> String {
    format!(
        "CREATE TABLE {name} (id INT NOT NULL PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, \
         pad CHAR(60) NOT NULL, KEY k_{name} (k))"
    )
}

/// The columns of a narrow row for number `i` (an SQL expression).
pub(crate) fn narrow_row(i: &str) -> String {
    let part = |salt: u32| format!("LPAD(CRC32({i} * 31 + {salt}), 11, '0')");
    let parts = |from: u32, count: u32| (from..from + count).map(part).collect::<Vec<_>>().join(", '-', ");
    format!("{i}, CRC32({i}) % 1000000, CONCAT({}), CONCAT({})", parts(0, 10), parts(20, 5))
}

/// Rows 1 to `rows` of a narrow table, outside the binlog.
pub(crate) fn narrow_rows(name: &str, rows: u64) -> String {
    format!("SET sql_log_bin = 0; INSERT INTO {name} SELECT {} FROM bench_numbers.n WHERE i <= {rows}", narrow_row("i"))
}

/// A table with 30 columns of all common types.
pub(crate) fn wide_table(name: &str) -> String {
    format!(
        "CREATE TABLE {name} (id BIGINT NOT NULL PRIMARY KEY, t1 TINYINT, t2 TINYINT UNSIGNED, s1 SMALLINT, \
         m1 MEDIUMINT, i1 INT, i2 INT UNSIGNED, b1 BIGINT, b2 BIGINT UNSIGNED, d1 DECIMAL(10,2), d2 DECIMAL(30,10), \
         f1 FLOAT, f2 DOUBLE, y1 YEAR, dt1 DATE, tm1 TIME, tm2 TIME(6), dtm1 DATETIME, dtm2 DATETIME(6), \
         ts1 TIMESTAMP NULL, ts2 TIMESTAMP(3) NULL, c1 CHAR(20), v1 VARCHAR(100), v2 VARCHAR(255) CHARACTER SET latin1, \
         x1 TEXT, bi1 BINARY(16), vb1 VARBINARY(64), j1 JSON, e1 ENUM('new','paid','sent','lost'), \
         se1 SET('a','b','c','d'))"
    )
}

/// Rows 1 to `rows` of a wide table, outside the binlog.
pub(crate) fn wide_rows(name: &str, rows: u64) -> String {
    format!(
        "SET sql_log_bin = 0, time_zone = '+00:00'; INSERT INTO {name} SELECT i, i % 128, i % 256, i % 32768 - 16000, \
         i % 8000000 - 4000000, CRC32(i) % 2147483647, CRC32(i * 3), i * 1000003, 18446744073709551615 - i, \
         i % 1000000 / 100, CRC32(i) * 1000003 / 7, i / 8, i / 7, 1970 + i % 130, \
         DATE_ADD('2000-01-01', INTERVAL i % 9000 DAY), SEC_TO_TIME(i % 86400), \
         ADDTIME('00:00:00', SEC_TO_TIME(i % 86400 + (i % 1000000) / 1000000)), \
         DATE_ADD('2010-01-01', INTERVAL i * 997 SECOND), DATE_ADD('2010-01-01', INTERVAL i * 1000003 MICROSECOND), \
         DATE_ADD('2015-06-01', INTERVAL i * 61 SECOND), DATE_ADD('2015-06-01 00:00:00.125', INTERVAL i * 67 SECOND), \
         CONCAT('char ', i), CONCAT('a varchar of some length, number ', i, ' grün 日本'), CONCAT('café ', i), \
         REPEAT(CONCAT('text ', i, ' '), 1 + i % 12), UNHEX(LPAD(HEX(i), 32, '0')), UNHEX(SHA2(i, 256)), \
         JSON_OBJECT('id', i, 'tags', JSON_ARRAY('x', i % 10), 'price', i / 4), ELT(1 + i % 4, 'new', 'paid', 'sent', 'lost'), \
         ELT(1 + i % 3, 'a', 'a,c', 'b,d') FROM bench_numbers.n WHERE i <= {rows}"
    )
}

/// Tables of the backlog.
pub(crate) const BACKLOG_TABLES: u64 = 10;
/// Changes of one transaction of the backlog: 6 rows inserted, 3 updated, 1 deleted.
pub(crate) const CHANGES: u64 = 10;

/// A procedure that writes transaction `j` of the backlog into a table that began with `first` rows. Each transaction
/// deletes one of the six rows of the one before it, so that no row is deleted twice.
pub(crate) fn backlog_procedure(table: u64, first: u64) -> String {
    let row = |place: u32| format!("({first} + j * 6 + {place}, j, REPEAT('c', 100), CONCAT('pad ', j, ' {place}'))");
    let rows: Vec<String> = (0..6).map(row).collect();
    let update = |salt: u32| {
        format!(
            "UPDATE back_{table} SET k = k + 1, pad = CONCAT('new ', j) WHERE id = 1 + (j * 7919 + {salt} * 101) % {first};"
        )
    };
    let updates: String = (0..3).map(update).collect();
    format!(
        "CREATE PROCEDURE write_{table}(j INT) BEGIN START TRANSACTION; INSERT INTO back_{table} VALUES {}; {updates} \
         DELETE FROM back_{table} WHERE id = {first} + (j - 1) * 6 + 3; COMMIT; END",
        rows.join(", ")
    )
}

/// A procedure that writes transactions 1 to `rounds` into each table of the backlog, by turns.
pub(crate) fn backlog_driver() -> String {
    let calls: String = (0..BACKLOG_TABLES).map(|table| format!("CALL write_{table}(j); ")).collect();
    format!(
        "CREATE PROCEDURE write_backlog(rounds INT) BEGIN DECLARE j INT DEFAULT 1; WHILE j <= rounds DO {calls} \
         SET j = j + 1; END WHILE; END"
    )
}

/// A procedure that updates all rows of `hot` so many times, each in a transaction.
pub(crate) const HOT_PROCEDURE: &str = "CREATE PROCEDURE write_hot(rounds INT) BEGIN DECLARE j INT DEFAULT 1; \
     WHILE j <= rounds DO UPDATE hot SET n = n + 1, note = CONCAT('round ', j); SET j = j + 1; END WHILE; END";
