//! JSON documents: the text made of the binlog's binary form is the text that the server prints.

use millrace_model::MysqlType;
use millrace_model::mysql_type::Sign::Signed;
use millrace_mysql::binlog::{BinlogStart, RowImage};
use mysql_async::prelude::Queryable;

use crate::lab::{ColumnCase, Lab, decode, inserted, shown};

fn columns() -> [ColumnCase; 2] {
    [("id".into(), "int primary key".into(), MysqlType::Int(Signed)), ("j".into(), "json".into(), MysqlType::Json)]
}

/// Documents as SQL expressions.
fn documents() -> Vec<String> {
    let mut documents: Vec<String> = [
        r#"'{"b": 1, "a": 2, "aa": {"x": [1, [2, [3]], {}]}, "": null}'"#,
        r#"'[true, false, null, "", 0, -1, 1.5, "é😀\\u0001\\u001f\\"\\\\/\\b\\f\\n\\r\\t"]'"#,
        r#"'{"a\\"b\\n": "key with escapes", "é": "name"}'"#,
        "'[-32768, -32769, 32767, 32768, 65535, 65536, 2147483647, 2147483648, -2147483648, -2147483649]'",
        "'[4294967295, 4294967296, 9223372036854775807, -9223372036854775808, 18446744073709551615]'",
        "'[0.0, -0.0, 1e0, 1e14, 1e15, 1e16, 123456789012345678e1, 1e-5, 1e-14, 1e-15, 1e-16, 1e300, 1e-300]'",
        "'[3.14, 1.7976931348623157e308, 5e-324, 1234567890123456.7, 0.1, 100.0, 12345678901234567890]'",
        "'[[], {}, [[]], [{}]]'",
        "'\"scalar\"'",
        "'17'",
        "'null'",
        "JSON_ARRAY(1.50, -0.001, CAST('99999999999999999999.123456789' AS DECIMAL(50,20)), CAST(7 AS DECIMAL(5,0)))",
        "JSON_ARRAY(DATE'2015-01-15', TIME'-10:11:12', TIME'838:59:59', TIME'-00:00:00.5', TIMESTAMP'2015-01-15 23:24:25.12')",
        "JSON_ARRAY(CAST('0000-00-00' AS DATE), CAST('0001-02-03 04:05:06' AS DATETIME))",
        "JSON_OBJECT('b', x'00ff10', 'c', REPEAT('q', 200), 'd', CAST(REPEAT('z', 200) AS BINARY))",
        "JSON_ARRAY(CAST(REPEAT('z', 57) AS BINARY), CAST(REPEAT('z', 58) AS BINARY), CAST('' AS BINARY))",
        "JSON_ARRAY(b'101', CAST(2024 AS YEAR), POINT(1, 2))",
        "JSON_ARRAY(REPEAT('a', 127), REPEAT('b', 128), REPEAT('c', 16383), REPEAT('d', 16384))",
        "CONCAT('[', REPEAT('12345, ', 30000), '1]')",
        "CONCAT('{', (WITH RECURSIVE n (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 900) \
            SELECT GROUP_CONCAT('\"key', k, '\": {\"v\": \"', REPEAT('x', 100), '\", \"n\": ', k * 100000, '}') FROM n), '}')",
        "CONCAT(REPEAT('[', 99), '1', REPEAT(']', 99))",
        "CONCAT(REPEAT('{\"a\":', 99), 'true', REPEAT('}', 99))",
    ]
    .map(String::from)
    .to_vec();
    documents.push(format!("'\"{}\"'", "\\\\u0000".repeat(1000)));
    documents
}

async fn table(lab: &mut Lab) {
    lab.run("SET group_concat_max_len = 10000000").await;
    lab.run("CREATE TABLE t (id int primary key, j json)").await;
}

#[tokio::test]
async fn documents_read_as_the_server_prints_them() {
    let mut lab = Lab::new("documents").await;
    table(&mut lab).await;
    let (start, _) = lab.now().await;
    for (id, document) in documents().iter().enumerate() {
        lab.run(&format!("INSERT INTO t VALUES ({id}, {document})")).await;
    }
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let images = inserted(&decode(&batches, &lab.schema("t", &columns())));
    let expected = lab.select("t", &columns()).await;
    assert_eq!(images.len(), documents().len());
    for (image, row) in images.iter().zip(expected) {
        assert_eq!(image, &row);
    }
    lab.finish().await;
}

#[tokio::test]
async fn doubles_read_as_the_server_prints_them() {
    let mut lab = Lab::new("doubles").await;
    table(&mut lab).await;
    let (start, _) = lab.now().await;
    // A fixed walk through all exponents and mantissas.
    let mut bits = 0x9e37_79b9_7f4a_7c15u64;
    let mut doubles = Vec::new();
    while doubles.len() < 3000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let any = f64::from_bits(bits);
        let near_one = (bits >> 11) as f64 / 10f64.powi((bits % 40) as i32 - 5);
        doubles.extend(
            [any, near_one, (near_one * 100.0).round() / 100.0, (bits >> 10) as f64 / 8.0]
                .into_iter()
                .filter(|d| d.is_finite()),
        );
    }
    for (id, chunk) in doubles.chunks(50).enumerate() {
        let marks = vec!["CAST(? AS DOUBLE)"; chunk.len()].join(", ");
        let values: Vec<mysql_async::Value> = chunk.iter().map(|&double| double.into()).collect();
        lab.session.exec_drop(format!("INSERT INTO t VALUES ({id}, JSON_ARRAY({marks}))"), values).await.unwrap();
    }
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let images = inserted(&decode(&batches, &lab.schema("t", &columns())));
    for (image, row) in images.iter().zip(lab.select("t", &columns()).await) {
        let (ours, theirs) = (image[1].as_ref().unwrap(), row[1].as_ref().unwrap());
        for (mine, wanted) in ours.split(", ").zip(theirs.split(", ")) {
            assert_eq!(mine, wanted);
        }
        assert_eq!(ours, theirs);
    }
    lab.finish().await;
}

/// The server changes documents in place, and leaves gaps in them.
#[tokio::test]
async fn documents_changed_in_place_read_as_the_server_prints_them() {
    let mut lab = Lab::new("in_place").await;
    table(&mut lab).await;
    let text = "'{\"a\": \"a long enough text\", \"b\": [1, 2, 3], \"c\": {\"d\": 1}}'";
    lab.run(&format!("INSERT INTO t VALUES (1, {text})")).await;
    for change in [
        "JSON_SET(j, '$.a', 'x')",
        "JSON_REMOVE(j, '$.b[0]')",
        "JSON_REPLACE(j, '$.c.d', 'long')",
        "JSON_REMOVE(j, '$.a')",
    ] {
        let (start, _) = lab.now().await;
        lab.run(&format!("UPDATE t SET j = {change}")).await;
        let batches = lab.batches(BinlogStart::Place(start)).await;
        let images = decode(&batches, &lab.schema("t", &columns()));
        let [RowImage::Update { after, .. }] = &images[..] else { panic!("{images:?}") };
        assert_eq!(shown(after), lab.select("t", &columns()).await[0]);
    }
    lab.finish().await;
}

/// What the server logs of a document are its changes; what is read is the document.
#[tokio::test]
async fn partial_updates_read_as_the_server_prints_them() {
    let mut lab = Lab::new("partial").await;
    lab.run("SET binlog_row_value_options = PARTIAL_JSON").await;
    lab.run("CREATE TABLE t (id int primary key, j json, other json, v int)").await;
    let text = "{\"a\": \"a long enough text\", \"list\": [1, [2, 3], {\"b\": null}], \"é\\\"x\": {\"d\": 1.5}}";
    let (start, _) = lab.now().await;
    lab.run(&format!("INSERT INTO t VALUES (1, '{}', '{{\"k\": [1, 2, 3, 4, 5]}}', 1)", text.replace('\\', "\\\\")))
        .await;
    let mut said = Vec::new();
    for change in [
        "j = JSON_SET(j, '$.a', 'x')",
        "j = JSON_SET(j, '$.new', CAST(7.50 AS DECIMAL(9,2)), '$.\"\"', DATE'2024-01-01')",
        "j = JSON_REPLACE(j, '$.list[1][0]', JSON_OBJECT('z', 1, 'aa', 2)), other = JSON_REMOVE(other, '$.k[2]')",
        "j = JSON_REMOVE(j, '$.list[0]', '$.list[1].b'), v = 2",
        "other = JSON_SET(other, '$.k[9]', 'at the end'), v = 3",
        "other = JSON_INSERT(other, '$.k[0][1]', 'makes an array')",
        "j = JSON_SET(j, '$.\"é\\\\\"x\".d', 'quoted')",
        "other = JSON_SET(other, '$.k[last-99]', 'at the beginning'), j = JSON_REMOVE(j, '$.list[last]'), v = 4",
        "other = JSON_REMOVE(other, '$.k[last-1]'), j = JSON_SET(j, '$[last].list[last][last]', 'in a scalar')",
        "other = JSON_SET(other, '$.k[last][last-1]', 'before'), j = JSON_SET(j, '$.list[last]', JSON_OBJECT('a', 1))",
        "j = JSON_REMOVE(j, '$[last].list[last].a'), other = JSON_REPLACE(other, '$[0].k[last-2]', 'third from the end')",
        "j = JSON_SET(j, '$', JSON_ARRAY(1)), other = NULL",
        "other = '{}', j = JSON_SET(j, '$[1]', 2)",
    ] {
        lab.run(&format!("UPDATE t SET {change}")).await;
        let row: (String, Option<String>) =
            lab.session.query_first("SELECT CAST(j AS CHAR), CAST(other AS CHAR) FROM t").await.unwrap().unwrap();
        said.push(row);
    }
    let columns = [columns()[0].clone(), columns()[1].clone(), other(), number()];
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let in_part = batches.iter().filter(|batch| batch.kind == millrace_mysql::binlog::RowsKind::UpdateInPart).count();
    assert_eq!(in_part, said.len());
    let images = decode(&batches, &lab.schema("t", &columns));
    let mut last = None;
    for (image, (j, other)) in images[1..].iter().zip(said) {
        let RowImage::Update { before, after } = image else { panic!("{image:?}") };
        assert_eq!(shown(after)[1..3], [Some(j), other]);
        assert!(last.is_none_or(|last| last == *before));
        last = Some(after.clone());
    }
    lab.finish().await;
}

fn other() -> ColumnCase {
    ("other".into(), "json".into(), MysqlType::Json)
}

fn number() -> ColumnCase {
    ("v".into(), "int".into(), MysqlType::Int(Signed))
}
