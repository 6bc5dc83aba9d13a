//! The comparison against real servers: equal tables are equal in every type, and each planted difference is found.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use millrace_testkit::{Comparison, Difference, Servers, TablePair, compare_table, run_script, unique_name};
use mysql_async::Conn;
use tokio_postgres::Client;

struct Tables {
    servers: Servers,
    name: String,
    source: Conn,
    destination: Client,
}

impl Tables {
    /// A MySQL database and a PostgreSQL schema of one new name.
    async fn create(source: &str, destination: &str) -> Self {
        let servers = Servers::from_environment().unwrap();
        let name = unique_name("testkit_compare");
        let mut tables = Self {
            source: servers.connect_mysql().await.unwrap(),
            destination: servers.connect_postgres().await.unwrap(),
            servers,
            name,
        };
        let name = &tables.name;
        let zone = "SET time_zone = '+05:00', sql_mode = ''";
        run_script(&mut tables.source, &format!("CREATE DATABASE {name}; USE {name}; {zone}; {source}")).await.unwrap();
        let schema = format!("CREATE SCHEMA {name}; SET search_path = {name}; SET TimeZone = '-03:00'; {destination}");
        tables.destination.batch_execute(&schema).await.unwrap();
        tables
    }

    async fn compare(&mut self, table: &str) -> Comparison {
        let name = (self.name.as_str(), table);
        let found = compare_table(&mut self.source, &self.destination, name, name).await.unwrap();
        // Where the key can be sorted by, the comparison in order finds as much.
        match TablePair::new(name, name).compare_ordered(&mut self.source, &self.destination).await {
            Ok(ordered) => {
                assert_eq!((ordered.count, ordered.source_rows), (found.count, found.source_rows), "{ordered}")
            }
            Err(error) => assert!(error.to_string().contains("to sort by"), "{error:#}"),
        }
        found
    }

    /// Not in `Drop`: what a failed test leaves is small, and its names are its own.
    async fn remove(self) {
        self.servers.drop_mysql_database(&self.name).await.unwrap();
        self.servers.drop_postgres_schema(&self.name).await.unwrap();
    }
}

const SOURCE_TYPES: &str = "
    CREATE TABLE t (id INT UNSIGNED PRIMARY KEY, big BIGINT UNSIGNED, amount DECIMAL(65,30), f FLOAT, d DOUBLE,
        bits BIT(12), day DATE, moment DATETIME(6), instant TIMESTAMP(3) NULL, span TIME(6), year YEAR,
        code CHAR(5), word VARCHAR(20) CHARACTER SET latin1, kind ENUM('a','b;c'), marks SET('x','y','z'),
        fixed BINARY(4), raw BLOB, doc JSON, place POINT, v VECTOR(3));
    INSERT INTO t VALUES
      (1, 18446744073709551615, '-12345678901234567890123456789012345.000000000000000000000000000001', 3.4e38,
        1.7976931348623157e308, b'101', '2024-02-29', '1000-01-01 00:00:00.000001', '2024-06-30 23:59:59.999',
        '-838:59:59', 2155, 'ab', 'caf\u{e9} \u{20ac}', 'b;c', 'z,x', x'01', x'00ff', '{\"b\": [1, 1.50, \"\\\\u00e9\"], \"a\": null}',
        ST_GeomFromText('POINT(1 2)', 4326), STRING_TO_VECTOR('[1,-2.5,0.1]')),
      (2, 0, 0, 1.4e-45, 5e-324, 0, '0000-00-00', '0000-00-00', '0000-00-00', '00:00:00.5', 0,
        '', '', '', '', '', '', '\"\"', NULL, NULL),
      (3, 7, 1.5, 0.1, 0.1, b'111111111111', '0999-12-31', '9999-12-31 23:59:59.999999', '1970-01-02 00:00:00',
        '-00:00:00.000001', 1901, 'x', 'y', 'a', 'y', x'01020304', x'', '1e300', NULL, STRING_TO_VECTOR('[0,0,-0]')),
      (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
";

const DESTINATION_TYPES: &str = "
    CREATE TABLE t (id bigint PRIMARY KEY, big numeric(20), amount numeric(65,30), f real, d double precision,
        bits bit(12), day date, moment timestamp(6), instant timestamptz(3), span interval(6), year integer,
        code varchar(5), word varchar(20), kind text, marks text, fixed bytea, raw bytea, doc jsonb, place bytea, v real[]);
    INSERT INTO t VALUES
      (1, 18446744073709551615, '-12345678901234567890123456789012345.000000000000000000000000000001', 3.4e38,
        1.7976931348623157e308, b'000000000101', '2024-02-29', '1000-01-01 00:00:00.000001',
        '2024-06-30 18:59:59.999+00', '-838:59:59', 2155, 'ab', 'caf\u{e9} \u{20ac}', 'b;c', 'x,z', '\\x01000000', '\\x00ff',
        '{\"a\": null, \"b\": [1, 1.5, \"\u{e9}\"]}', '\\xe610000001010000000000000000000040000000000000\
f03f', '{1,-2.5,0.1}'),
      (2, 0, 0, 1.4e-45, 5e-324, b'000000000000', NULL, NULL, NULL, '00:00:00.5', 0,
        '', '', '', '', '\\x00000000', '', '\"\"', NULL, NULL),
      (3, 7, 1.5, 0.1, 0.1, b'111111111111', '0999-12-31', '9999-12-31 23:59:59.999999', '1970-01-01 19:00:00+00',
        '-00:00:00.000001', 1901, 'x', 'y', 'a', 'y', '\\x01020304', '', '1e300', NULL, '{0,0,-0}');
    INSERT INTO t (id) VALUES (4);
";

#[tokio::test]
async fn equal_tables_of_all_types_are_equal() {
    let mut tables = Tables::create(SOURCE_TYPES, DESTINATION_TYPES).await;
    let comparison = tables.compare("t").await;
    assert!(comparison.is_equal(), "{comparison}");
    assert_eq!((comparison.source_rows, comparison.destination_rows), (4, 4));
    tables.remove().await;
}

#[tokio::test]
async fn another_value_is_found_in_every_type() {
    let mut tables = Tables::create(SOURCE_TYPES, DESTINATION_TYPES).await;
    let changes = [
        ("big", "big - 1"),
        ("amount", "amount + 1e-30"),
        ("f", "'3.4000001e38'"),
        ("d", "'1.7976931348623155e308'"),
        ("bits", "b'000000000111'"),
        ("day", "day + 1"),
        ("moment", "moment + interval '1 microsecond'"),
        ("instant", "instant + interval '1 millisecond'"),
        ("span", "span + interval '1 microsecond'"),
        ("year", "year + 1"),
        ("code", "code || ' '"),
        ("word", "upper(word)"),
        ("kind", "'a'"),
        ("marks", "'z,x'"),
        ("fixed", "'\\x01'"),
        ("raw", "'\\x00fe'"),
        ("doc", "jsonb_set(doc, '{b,1}', '1.51')"),
        ("place", "NULL"),
        ("v", "'{1,-2.5,0.2}'"),
    ];
    for (column, value) in changes {
        let change = format!("BEGIN; UPDATE t SET {column} = {value} WHERE id = 1");
        tables.destination.batch_execute(&change).await.unwrap();
        let found = tables.compare("t").await;
        let expected = matches!(&found.differences[..], [Difference::Value { key, column: c, .. }] if key == &["1"] && c == column);
        assert!(expected && found.count == 1, "{column}: {found}");
        tables.destination.batch_execute("ROLLBACK").await.unwrap();
    }
    tables.remove().await;
}

#[tokio::test]
async fn missing_extra_and_changed_rows_are_found() {
    let rows = "CREATE TABLE t (a INT, b VARCHAR(9), c VARCHAR(9), PRIMARY KEY (a, b));
        INSERT INTO t VALUES (1,'x','same'), (2,'x','here only'), (3,'x',NULL), (4,'x',''), (5,'x','old'), (6,'x','NULL');";
    let other = "CREATE TABLE t (a integer, b text, c text);
        INSERT INTO t VALUES (1,'x','same'), (3,'x',''), (4,'x',NULL), (5,'x','new'), (6,'x',NULL), (7,'x','there only'), (1,'x','same');";
    let mut tables = Tables::create(rows, other).await;
    let found = tables.compare("t").await;
    let key = |a: &str| vec![a.to_owned(), "x".to_owned()];
    let value = |a, source: Option<&str>, destination: Option<&str>| Difference::Value {
        key: key(a),
        column: "c".to_owned(),
        source: source.map(str::to_owned),
        destination: destination.map(str::to_owned),
    };
    let expected = [
        value("3", None, Some("")),
        value("4", Some(""), None),
        value("5", Some("old"), Some("new")),
        value("6", Some("NULL"), None),
        Difference::ExtraRow { key: key("7") },
        Difference::DuplicateKey { key: key("1") },
        Difference::MissingRow { key: key("2") },
    ];
    assert_eq!(found.count, expected.len(), "{found}");
    for difference in &expected {
        assert!(found.differences.contains(difference), "{difference} is not in: {found}");
    }
    assert!(!found.is_equal() && found.to_string().contains("7 differences"), "{found}");
    tables.remove().await;
}

#[tokio::test]
async fn rows_without_a_key_are_counted() {
    let rows = "CREATE TABLE t (a INT, b TEXT); INSERT INTO t VALUES (1,'x'), (1,'x'), (2,NULL);";
    let mut tables =
        Tables::create(rows, "CREATE TABLE t (a integer, b text); INSERT INTO t VALUES (2,NULL), (1,'x'), (1,'x')")
            .await;
    assert!(tables.compare("t").await.is_equal());
    tables.destination.batch_execute("DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t WHERE a = 1)").await.unwrap();
    let found = tables.compare("t").await;
    assert_eq!(found.differences, [Difference::MissingRow { key: vec!["1".into(), "x".into()] }]);
    tables.remove().await;
}

#[tokio::test]
async fn columns_must_match_unless_said_otherwise() {
    let rows = "CREATE TABLE t (id INT PRIMARY KEY, secret TEXT, amt INT); INSERT INTO t VALUES (1,'s',5), (2,'s',6);";
    let mut tables =
        Tables::create(rows, "CREATE TABLE t (id integer, amount integer); INSERT INTO t VALUES (1,5), (2,6)").await;
    let found = tables.compare("t").await;
    let column = |name: &str| Difference::MissingColumn { column: name.to_owned() };
    let extra = Difference::ExtraColumn { column: "amount".into() };
    assert_eq!(found.differences, [column("secret"), column("amt"), extra]);

    let name = tables.name.clone();
    let pair = TablePair::new((&name, "t"), (&name, "t")).exclude("secret").rename("amt", "amount");
    assert!(pair.compare(&mut tables.source, &tables.destination).await.unwrap().is_equal());
    let filtered = pair.filter("amt > 5").compare(&mut tables.source, &tables.destination).await.unwrap();
    assert_eq!(filtered.differences, [Difference::ExtraRow { key: vec!["1".into()] }]);
    tables.remove().await;
}

#[tokio::test]
async fn a_missing_table_is_an_error() {
    let mut tables = Tables::create("CREATE TABLE t (id INT PRIMARY KEY)", "").await;
    let name = (tables.name.as_str(), "t");
    let compared = compare_table(&mut tables.source, &tables.destination, name, name).await;
    assert!(compared.expect_err("there is no table").to_string().contains("destination table"));
    tables.remove().await;
}
