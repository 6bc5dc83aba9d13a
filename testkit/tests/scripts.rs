//! Scripts on a real MySQL.
#![expect(clippy::unwrap_used, reason = "tests")]

use millrace_testkit::{Servers, delete_topics, load_dump, topics_with_prefix, unique_name};
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
