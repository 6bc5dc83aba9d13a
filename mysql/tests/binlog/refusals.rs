//! What a real server can log and must not be passed over.

use millrace_model::mysql_type::{MysqlType, Sign::Signed};
use millrace_model::{ErrorClass, RowWriter};
use millrace_mysql::binlog::{BinlogError, BinlogStart, Refusal, RowDecoder};
use millrace_mysql::charset::Charsets;

use crate::lab::Lab;

async fn refusal(test: &str, statements: &[&str]) -> Option<Refusal> {
    let mut lab = Lab::new(test).await;
    lab.run("CREATE TABLE t (id int primary key, j json)").await;
    lab.run("INSERT INTO t VALUES (1, '{\"a\": \"a long enough text\", \"b\": \"another long enough text\"}')").await;
    let (start, _) = lab.now().await;
    for sql in statements {
        lab.run(sql).await;
    }
    let result = lab.read(BinlogStart::Place(start)).await;
    lab.run("SET SESSION binlog_format = ROW").await;
    lab.finish().await;
    match result {
        Err(error @ BinlogError::Refused { .. }) => {
            assert_eq!(error.class(), ErrorClass::Fatal);
            assert!(!error.hint().is_empty());
            let BinlogError::Refused { refusal, .. } = error else { return None };
            Some(refusal)
        }
        _ => None,
    }
}

#[tokio::test]
async fn statement_format_is_refused() {
    let sql = ["SET SESSION binlog_format = STATEMENT", "UPDATE t SET j = NULL"];
    assert_eq!(refusal("statement_format", &sql).await, Some(Refusal::StatementFormat));
}

#[tokio::test]
async fn partial_images_are_refused() {
    let mut lab = Lab::new("images").await;
    lab.run("CREATE TABLE t (id int primary key, v int)").await;
    lab.run("INSERT INTO t VALUES (1, 1)").await;
    let (start, _) = lab.now().await;
    lab.run("SET SESSION binlog_row_image = MINIMAL").await;
    lab.run("UPDATE t SET v = 2").await;
    let column = |name: &str| (name.to_owned(), String::new(), MysqlType::Int(Signed));
    let schema = lab.schema("t", &[column("id"), column("v")]);
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let decoder = RowDecoder::new(&batches[0].map, &schema, &Charsets::default()).unwrap();
    let error = decoder.decode(&batches[0], &mut RowWriter::new()).unwrap_err();
    assert!(matches!(error, BinlogError::PartialImage { .. }), "{error}");
    lab.finish().await;
}
