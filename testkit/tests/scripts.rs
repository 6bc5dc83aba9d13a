//! Scripts on a real MySQL.
#![expect(clippy::unwrap_used, reason = "tests")]

use millrace_testkit::{Servers, delete_topics, load_dump, run_script, topics_with_prefix, unique_name};
use mysql_async::prelude::Queryable;

const DUMP: &str = "
-- a dump; with what dumps have
DROP SCHEMA IF EXISTS shop;
CREATE SCHEMA shop;
USE shop;
CREATE TABLE t (id INT PRIMARY KEY, /*!50705 place POINT,*/ word VARCHAR(9));
DELIMITER ;;
CREATE TRIGGER twice BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.word = CONCAT(NEW.word, ';'); END;;
DELIMITER ;
INSERT INTO t (id, word) VALUES (1, 'a;b'), (2, 'it''s');
CREATE VIEW v AS SELECT word FROM shop.t;
";

#[tokio::test]
async fn a_dump_loads_under_another_name() {
    let servers = Servers::from_environment().unwrap();
    let name = unique_name("testkit_dump");
    let mut connection = servers.connect_mysql().await.unwrap();
    load_dump(&mut connection, DUMP, "shop", &name).await.unwrap();
    let words: Vec<String> = connection.query(format!("SELECT word FROM {name}.v ORDER BY word")).await.unwrap();
    assert_eq!(words, ["a;b;", "it's;"]);
    servers.drop_mysql_database(&name).await.unwrap();
}

#[tokio::test]
async fn topics_are_listed_and_deleted_by_prefix() {
    let servers = Servers::from_environment().unwrap();
    let prefix = unique_name("testkit_topics");
    assert!(topics_with_prefix(&servers.kafka, &prefix).await.unwrap().is_empty());
    delete_topics(&servers.kafka, &prefix).await.unwrap();
}

/// The SQL that users are given runs on a real server, and its account has the three privileges and no more.
#[tokio::test]
async fn the_grants_file_runs_and_grants_little() {
    let servers = Servers::from_environment().unwrap();
    let user = unique_name("testkit");
    let mut connection = servers.connect_mysql().await.unwrap();
    let grants = include_str!("../../deploy/grants.sql").replace("'millrace'", &format!("'{user}'"));
    run_script(&mut connection, &grants).await.unwrap();
    let granted: Vec<String> = connection.query(format!("SHOW GRANTS FOR '{user}'")).await.unwrap();
    assert_eq!(granted, [format!("GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `{user}`@`%`")]);
    connection.query_drop(format!("DROP USER '{user}'")).await.unwrap();
}

#[tokio::test]
async fn the_sample_of_docker_compose_loads() {
    let servers = Servers::from_environment().unwrap();
    let name = unique_name("testkit_sample");
    let mut connection = servers.connect_mysql().await.unwrap();
    let sample = include_str!("../../deploy/compose/sample.sql");
    load_dump(&mut connection, sample, "shop", &name).await.unwrap();
    let count =
        "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders), (SELECT count(*) FROM order_lines)";
    let rows: Option<(u32, u32, u32)> = connection.query_first(count).await.unwrap();
    assert_eq!(rows, Some((3, 10_000, 20_000)));
    servers.drop_mysql_database(&name).await.unwrap();

    let role = unique_name("testkit_role");
    let client = servers.connect_postgres().await.unwrap();
    let destination = include_str!("../../deploy/compose/destination.sql");
    let destination =
        destination.replace("millrace LOGIN", &format!("{role} LOGIN")).replace("TO millrace", &format!("TO {role}"));
    let destination = destination.replace("DATABASE warehouse", "DATABASE postgres");
    client.batch_execute(&destination).await.unwrap();
    client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}
