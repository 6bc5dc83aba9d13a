//! Every type with its edge values: what the binlog's rows hold is what SELECT gives.

use millrace_model::mysql_type::Rounding;
use millrace_model::mysql_type::Sign::{Signed, Unsigned};
use millrace_model::{MysqlType, RowWriter};
use millrace_mysql::binlog::{BinlogStart, RowDecoder, RowImage};
use millrace_mysql::charset::Charsets;

use millrace_mysql::cell_form::put_value;
use mysql_async::prelude::Queryable;

use crate::lab::{ColumnCase, Lab, decode, inserted, labels, shown};

/// A column's definition, its type, and values in SQL.
type Case = (String, MysqlType, Vec<String>);

fn case(definition: &str, ty: MysqlType, values: &[&str]) -> Case {
    (definition.to_owned(), ty, values.iter().map(|value| value.to_string()).collect())
}

fn numbers() -> Vec<Case> {
    let decimal = |precision: u8, scale: u8| {
        let before = "9".repeat(usize::from(precision - scale));
        let max = format!("{before}.{}", "9".repeat(usize::from(scale)));
        let least = format!("0.{}1", "0".repeat(usize::from(scale.max(1)) - 1));
        let values = ["0", &max, &format!("-{max}"), &least, &format!("-{least}"), "-1", "1", "7.5", "-0.07"];
        let values: Vec<String> = values.iter().map(|v| format!("'{v}'")).collect();
        (format!("decimal({precision},{scale})"), MysqlType::Decimal { precision, scale }, values)
    };
    let mut cases = vec![
        case("tinyint", MysqlType::TinyInt(Signed), &["-128", "127", "0", "-1"]),
        case("tinyint unsigned", MysqlType::TinyInt(Unsigned), &["0", "255"]),
        case("smallint", MysqlType::SmallInt(Signed), &["-32768", "32767", "-1"]),
        case("smallint unsigned", MysqlType::SmallInt(Unsigned), &["65535"]),
        case("year", MysqlType::Year, &["0", "1901", "2155", "2000"]),
        case("mediumint", MysqlType::MediumInt(Signed), &["-8388608", "8388607", "-1", "0"]),
        case("mediumint unsigned zerofill", MysqlType::MediumInt(Unsigned), &["16777215"]),
        case("int", MysqlType::Int(Signed), &["-2147483648", "2147483647", "-1"]),
        case("int unsigned", MysqlType::Int(Unsigned), &["4294967295"]),
        case("bigint", MysqlType::BigInt(Signed), &["-9223372036854775808", "9223372036854775807", "-1"]),
        case("bigint unsigned", MysqlType::BigInt(Unsigned), &["18446744073709551615", "0"]),
        case(
            "float",
            MysqlType::Float(Rounding::None),
            &["0", "1.1", "-3.4028234e38", "1.17549e-38", "1e-45", "16777217"],
        ),
        case("double", MysqlType::Double(Rounding::None), &["0", "-0e0", "0.1", "1.7976931348623157e308", "5e-324"]),
        case("bit(1)", MysqlType::Bit(1), &["b'1'", "b'0'"]),
        case("bit(9)", MysqlType::Bit(9), &["b'100000001'"]),
        case("bit(64)", MysqlType::Bit(64), &["18446744073709551615", "1"]),
    ];
    let shapes = [(1, 0), (9, 9), (10, 2), (18, 9), (19, 1), (30, 30), (40, 3), (65, 0), (65, 30), (65, 29)];
    cases.extend(shapes.map(|(precision, scale)| decimal(precision, scale)));
    // ZEROFILL is shown with its zeros in SQL; the value is what is compared.
    cases.retain(|(definition, ..)| !definition.contains("zerofill"));
    cases
}

fn times() -> Vec<Case> {
    let dates = ["'0000-00-00'", "'1000-01-01'", "'9999-12-31'", "'2024-00-10'", "'2024-02-31'", "'0001-01-01'"];
    let mut cases = vec![case("date", MysqlType::Date, &dates)];
    for digits in 0..=6 {
        let date_times =
            ["'0000-00-00'", "'9999-12-31 23:59:59'", "'2024-02-29 12:34:56.123456'", "'0001-00-00 00:00:00.5'"];
        let timestamps = ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-02-29 12:34:56.123456'", "0"];
        let times = [
            "'-838:59:59'",
            "'838:59:59'",
            "'00:00:00'",
            "'-00:00:00.1'",
            "'-00:00:01.50'",
            "'-12:34:56.789012'",
            "'00:00:00.000001'",
            "'-00:00:00.000001'",
            "'-00:00:01'",
            "'-00:00:00.009'",
            "'101:00:00.12345'",
        ];
        cases.push(case(&format!("datetime({digits})"), MysqlType::DateTime(digits), &date_times));
        cases.push(case(&format!("timestamp({digits}) null"), MysqlType::Timestamp(digits), &timestamps));
        cases.push(case(&format!("time({digits})"), MysqlType::Time(digits), &times));
    }
    cases
}

fn strings() -> Vec<Case> {
    let char_of = |length, charset: &str| MysqlType::Char { length, charset: charset.into() };
    let varchar = |length, charset: &str| MysqlType::Varchar { length, charset: charset.into() };
    let text = |length_bytes, charset: &str| MysqlType::Text { length_bytes, charset: charset.into() };
    let latin1 = "_latin1 x'80e9818d8f909d9fff41'";
    let many: Vec<String> = (0..300).map(|n| format!("label {n}")).collect();
    let many_sql: Vec<String> = many.iter().map(|label| format!("'{label}'")).collect();
    vec![
        case("char(10)", char_of(10, "utf8mb4"), &["'a  '", "''", "'é😀'", "'  a'"]),
        case("char(255)", char_of(255, "utf8mb4"), &["REPEAT('😀', 255)", "'x'"]),
        case("char(20) character set latin1", char_of(20, "latin1"), &[latin1]),
        case("varchar(10)", varchar(10, "utf8mb4"), &["'a  '", "''", "'\\0\\n'"]),
        case("varchar(63)", varchar(63, "utf8mb4"), &["REPEAT('😀', 63)"]),
        case("varchar(64)", varchar(64, "utf8mb4"), &["REPEAT('😀', 64)", "'y'"]),
        case("varchar(300) character set latin1", varchar(300, "latin1"), &[latin1, "'plain'"]),
        case("varchar(10) character set ascii", varchar(10, "ascii"), &["'plain'"]),
        case("varchar(10) character set utf8mb3", varchar(10, "utf8mb3"), &["'grüße'"]),
        case("tinytext", text(1, "utf8mb4"), &["'tiny é'"]),
        case("text character set latin1", text(2, "latin1"), &[latin1]),
        case("mediumtext", text(3, "utf8mb4"), &["REPEAT('é', 70000)"]),
        case("longtext collate utf8mb4_bin", text(4, "utf8mb4"), &["'long'"]),
        case("binary(4)", MysqlType::Binary(4), &["'a'", "'a\\0b'", "''", "'\\0\\0\\0\\0'", "'a   '"]),
        case("binary(255)", MysqlType::Binary(255), &["x'00ff'"]),
        case("varbinary(5)", MysqlType::Varbinary(5), &["'a\\0'", "''"]),
        case("varbinary(300)", MysqlType::Varbinary(300), &["REPEAT('q', 300)"]),
        case("tinyblob", MysqlType::Blob(1), &["x'ff00'"]),
        case("blob", MysqlType::Blob(2), &["x'00'"]),
        case("mediumblob", MysqlType::Blob(3), &["REPEAT('b', 70000)"]),
        case("longblob", MysqlType::Blob(4), &["''"]),
        case("enum('x','é','a b')", MysqlType::Enum(labels(["x", "é", "a b"])), &["'x'", "'é'", "'a b'", "'wrong'"]),
        case("enum('x','é') character set latin1", MysqlType::Enum(labels(["x", "é"])), &["'é'"]),
        (
            format!("enum({})", many_sql.join(",")),
            MysqlType::Enum(many.clone().into()),
            vec!["'label 0'".into(), "'label 299'".into()],
        ),
        case("set('a','b','c')", MysqlType::Set(labels(["a", "b", "c"])), &["''", "'a'", "'c,a'", "'b,c'"]),
        case("enum('a','','b')", MysqlType::Enum(labels(["a", "", "b"])), &["1", "2", "3", "''"]),
        case("set('','a','b')", MysqlType::Set(labels(["", "a", "b"])), &["0", "1", "2", "3", "5", "6", "7"]),
        case("set('a','','b')", MysqlType::Set(labels(["a", "", "b"])), &["2", "3", "6", "7"]),
        case("set('a','é') character set latin1", MysqlType::Set(labels(["a", "é"])), &["'a,é'"]),
        (
            format!("set({})", many_sql[..64].join(",")),
            MysqlType::Set(many[..64].into()),
            vec!["18446744073709551615".into(), "'label 63'".into(), "'label 0,label 33'".into()],
        ),
        (format!("set({})", many_sql[..20].join(",")), MysqlType::Set(many[..20].into()), vec!["1048575".into()]),
        (format!("set({})", many_sql[..33].join(",")), MysqlType::Set(many[..33].into()), vec!["4294967297".into()]),
        case("json", MysqlType::Json, &["'{\"b\": [1, 2.50, null], \"a\": \"x\"}'", "'null'"]),
        case("geometry", MysqlType::Geometry("geometry".into()), &["ST_GeomFromText('POINT(1 2)', 4326)"]),
        case("point srid 0", MysqlType::Geometry("point".into()), &["POINT(3, 4)"]),
        case("vector(3)", MysqlType::Vector(3), &["STRING_TO_VECTOR('[1,-2.5,3e10]')"]),
        case("char(9) character set latin1", char_of(9, "latin1"), &["'after a vector'"]),
        case("int generated always as (id + 1) virtual", MysqlType::Int(Signed), &[]),
        case("int generated always as (id * 2) stored", MysqlType::Int(Signed), &[]),
        case("int invisible", MysqlType::Int(Signed), &["5"]),
    ]
}

/// One table of all cases: row n holds the nth value of each, or NULL.
async fn fill(lab: &mut Lab, table: &str, cases: &[Case]) -> Vec<ColumnCase> {
    let mut columns = vec![("id".to_owned(), "int primary key".to_owned(), MysqlType::Int(Signed))];
    let named =
        cases.iter().enumerate().map(|(n, (definition, ty, _))| (format!("c{n}"), definition.clone(), ty.clone()));
    columns.extend(named);
    let definitions: Vec<String> = columns.iter().map(|(name, definition, _)| format!("{name} {definition}")).collect();
    lab.run(&format!("CREATE TABLE {table} ({}) CHARACTER SET utf8mb4", definitions.join(", "))).await;
    let rows = cases.iter().map(|(.., values)| values.len()).max().unwrap() + 1;
    for row in 0..rows {
        let (mut names, mut values) = (vec!["id".to_owned()], vec![row.to_string()]);
        for ((name, ..), (.., list)) in columns[1..].iter().zip(cases) {
            if let Some(value) = list.get(row) {
                names.push(name.clone());
                values.push(value.clone());
            }
        }
        lab.run(&format!("INSERT IGNORE INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "))).await;
    }
    columns
}

async fn compare(lab: &mut Lab, table: &str, cases: &[Case]) {
    let (start, _) = lab.now().await;
    let columns = fill(lab, table, cases).await;
    let schema = lab.schema(table, &columns);
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let decoded = decode(&batches, &schema);
    compare_with_snapshot(lab, table, &columns, &decoded).await;
    let images = inserted(&decoded);
    let expected = lab.select(table, &columns).await;
    assert_eq!(images.len(), expected.len());
    for (image, row) in images.iter().zip(&expected) {
        for ((cell, value), (name, definition, _)) in image.iter().zip(row).zip(&columns) {
            assert_eq!(cell, value, "{table} row {:?} {name} {definition}", row[0]);
        }
    }
}

/// A snapshot's reader must give the same bytes for the same value.
async fn compare_with_snapshot(lab: &mut Lab, table: &str, columns: &[ColumnCase], images: &[RowImage]) {
    let names: Vec<&str> = columns.iter().map(|(name, ..)| name.as_str()).collect();
    let sql = format!("SELECT {} FROM {table} ORDER BY id", names.join(", "));
    let rows: Vec<mysql_async::Row> = lab.session.exec(sql, ()).await.unwrap();
    let (mut writer, mut scratch) = (RowWriter::new(), String::new());
    for (row, image) in rows.into_iter().zip(images) {
        let RowImage::Insert(image) = image else { panic!("{image:?}") };
        for (value, (.., ty)) in row.unwrap().iter().zip(columns) {
            put_value(&mut writer, &mut scratch, ty, value).unwrap();
        }
        let snapshot = writer.finish();
        for (index, (name, definition, _)) in columns.iter().enumerate() {
            assert_eq!(image.cell(index), snapshot.cell(index), "{table} {name} {definition}");
        }
        assert_eq!(*image, snapshot);
    }
}

#[tokio::test]
async fn numbers_read_as_the_server_shows_them() {
    for metadata in ["FULL", "MINIMAL"] {
        let mut lab = Lab::new("numbers").await;
        set_metadata(&mut lab, metadata).await;
        compare(&mut lab, "numbers", &numbers()).await;
        set_metadata(&mut lab, "MINIMAL").await;
        lab.finish().await;
    }
}

#[tokio::test]
async fn times_read_as_the_server_shows_them() {
    let mut lab = Lab::new("times").await;
    compare(&mut lab, "times", &times()).await;
    lab.finish().await;
}

#[tokio::test]
async fn strings_read_as_the_server_shows_them() {
    for metadata in ["FULL", "MINIMAL"] {
        let mut lab = Lab::new("strings").await;
        set_metadata(&mut lab, metadata).await;
        compare(&mut lab, "strings", &strings()).await;
        set_metadata(&mut lab, "MINIMAL").await;
        lab.finish().await;
    }
}

/// The variable is global only; MINIMAL, the default, is put back.
async fn set_metadata(lab: &mut Lab, metadata: &str) {
    lab.run(&format!("SET GLOBAL binlog_row_metadata = {metadata}")).await;
}

#[tokio::test]
async fn a_compressed_transaction_reads_as_any_other() {
    let mut lab = Lab::new("compressed").await;
    lab.run("SET binlog_transaction_compression = ON").await;
    let (start, _) = lab.now().await;
    let columns = [
        column("id", MysqlType::Int(Signed)),
        column("v", MysqlType::Text { length_bytes: 3, charset: "utf8mb4".into() }),
    ];
    lab.run("CREATE TABLE t (id int primary key, v mediumtext)").await;
    lab.run("BEGIN").await;
    for id in 0..50 {
        lab.run(&format!("INSERT INTO t VALUES ({id}, REPEAT('{id}', 10000))")).await;
    }
    lab.run("UPDATE t SET v = 'short' WHERE id < 10").await;
    lab.run("COMMIT").await;
    lab.run("INSERT INTO t VALUES (100, 'after')").await;
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let images = decode(&batches, &lab.schema("t", &columns));
    assert_eq!(images.len(), 61);
    assert!(matches!(&images[55], RowImage::Update { after, .. } if shown(after)[1].as_deref() == Some("short")));
    let places: std::collections::BTreeSet<_> = batches.iter().map(|batch| batch.place.clone()).collect();
    assert_eq!(places.len(), 2, "all rows of a compressed transaction have its place");
    lab.finish().await;
}

#[tokio::test]
async fn changes_of_many_rows_come_in_order() {
    let mut lab = Lab::new("changes").await;
    let (start, _) = lab.now().await;
    let columns = [column("id", MysqlType::Int(Signed)), column("v", MysqlType::Int(Unsigned))];
    lab.run("CREATE TABLE t (id int primary key, v int unsigned)").await;
    lab.run("INSERT INTO t VALUES (1, 10), (2, NULL), (3, 30)").await;
    lab.run("UPDATE t SET v = id WHERE id < 3").await;
    lab.run("DELETE FROM t ORDER BY id").await;
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let shown_images: Vec<String> = decode(&batches, &lab.schema("t", &columns)).iter().map(describe).collect();
    assert_eq!(shown_images, ["+1,10", "+2,NULL", "+3,30", "1,10>1,1", "2,NULL>2,2", "-1,1", "-2,2", "-3,30"]);
    lab.finish().await;
}

#[tokio::test]
async fn a_changed_table_does_not_pass_for_its_old_schema() {
    let mut lab = Lab::new("changed").await;
    set_metadata(&mut lab, "FULL").await;
    let columns = [column("id", MysqlType::Int(Signed)), column("v", MysqlType::Int(Signed))];
    let (start, _) = lab.now().await;
    lab.run("CREATE TABLE t (id int primary key, v int)").await;
    let changes = ["RENAME COLUMN v TO w", "MODIFY w int unsigned", "MODIFY w bigint unsigned", "ADD x int"];
    for change in changes {
        lab.run(&format!("ALTER TABLE t {change}")).await;
        lab.run("INSERT INTO t (id) SELECT COUNT(*) FROM t").await;
    }
    let schema = lab.schema("t", &columns);
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let errors: Vec<String> = batches
        .iter()
        .map(|batch| RowDecoder::new(&batch.map, &schema, &Charsets::default()).unwrap_err().mismatch.to_string())
        .collect();
    let named = "column \"w\" instead of \"v\"";
    assert_eq!(errors, [named, named, named, "3 columns instead of 2"]);
    set_metadata(&mut lab, "MINIMAL").await;
    lab.finish().await;
}

fn column(name: &str, ty: MysqlType) -> ColumnCase {
    (name.to_owned(), String::new(), ty)
}

fn describe(image: &RowImage) -> String {
    let text = |row| shown(row).into_iter().map(|cell| cell.unwrap_or("NULL".into())).collect::<Vec<_>>().join(",");
    match image {
        RowImage::Insert(row) => format!("+{}", text(row)),
        RowImage::Delete(row) => format!("-{}", text(row)),
        RowImage::Update { before, after } => format!("{}>{}", text(before), text(after)),
    }
}
