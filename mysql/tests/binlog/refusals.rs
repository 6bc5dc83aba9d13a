//! What a real server can log and must not be passed over.

use millrace_model::mysql_type::{MysqlType, Sign::Signed};
use millrace_model::{ErrorClass, RowWriter};
use millrace_mysql::binlog::{BinlogError, BinlogStart, BinlogStream, Refusal, RowDecoder, SourceEvent, TableFilter};
use millrace_mysql::charset::Charsets;

use crate::lab::{Lab, options, server_id};

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

/// Runs a statement that is logged as text, with tables `t` of two databases; whether it is passed over where only the
/// first has selected tables. In `{other}` is the name of the second database.
async fn is_passed_over(test: &str, before: &str, statement: &str) -> bool {
    let mut lab = Lab::new(test).await;
    let other = format!("{}_other", lab.database);
    lab.run("CREATE TABLE t (id int primary key)").await;
    lab.run(&format!("CREATE DATABASE {other}")).await;
    lab.run(&format!("CREATE TABLE {other}.t (id int primary key auto_increment, v double)")).await;
    let fill = |sql: &str| sql.replace("{other}", &other).replace("{ours}", &lab.database);
    let (before, statement) = (fill(before), fill(statement));
    for sql in before.split(';').filter(|sql| !sql.trim().is_empty()) {
        lab.run(sql).await;
    }
    let (start, _) = lab.now().await;
    lab.run("SET SESSION binlog_format = STATEMENT").await;
    lab.run(&statement).await;
    lab.run("SET SESSION binlog_format = ROW").await;
    let (end, _) = lab.now().await;
    let database = lab.database.clone();
    let filter = TableFilter::new(|_| true).in_databases(move |name| name == database);
    let stream = BinlogStream::open(options(), BinlogStart::Place(start), server_id(0)).await.unwrap();
    let mut stream = stream.selecting(filter);
    let is_passed = loop {
        match stream.next().await {
            Ok(SourceEvent::Commit { end: place }) if place >= end => break true,
            Ok(_) => {}
            Err(BinlogError::Refused { refusal: Refusal::StatementFormat, .. }) => break false,
            Err(error) => panic!("{error}"),
        }
    };
    lab.run("DROP TABLE IF EXISTS child").await;
    lab.run(&format!("DROP DATABASE {other}")).await;
    lab.finish().await;
    is_passed
}

#[tokio::test]
async fn statements_that_use_tables_of_other_databases_alone_are_passed_over() {
    let with_all_that_statements_need = "INSERT INTO {other}.t (v) VALUES (@a + rand()), (last_insert_id())";
    assert!(is_passed_over("text_elsewhere", "SET @a = 1", with_all_that_statements_need).await);
    assert!(!is_passed_over("text_here", "", "INSERT INTO {ours}.t VALUES (1)").await);
    assert!(!is_passed_over("text_both", "", "INSERT INTO {other}.t (id) SELECT id FROM {ours}.t").await);
}

#[tokio::test]
async fn statements_whose_triggers_functions_or_foreign_keys_lead_here_are_refused() {
    let trigger =
        "CREATE TRIGGER {other}.r BEFORE INSERT ON {other}.t FOR EACH ROW INSERT INTO {ours}.t VALUES (NEW.id)";
    assert!(!is_passed_over("text_trigger", trigger, "INSERT INTO {other}.t (id) VALUES (1)").await);
    let cascade = "CREATE TABLE child (id int primary key, p int, FOREIGN KEY (p) REFERENCES {other}.t (id) ON DELETE \
                   CASCADE); INSERT INTO {other}.t (id) VALUES (1); INSERT INTO child VALUES (1, 1)";
    assert!(!is_passed_over("text_cascade", cascade, "DELETE FROM {other}.t").await);
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
