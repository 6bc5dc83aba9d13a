//! Foreign keys, as the server takes them.

use std::sync::Arc;

use millrace_adbpg::{Constrained, ForeignKey, ReferenceAction};
use millrace_model::TableName;

use crate::server::{Server, with_database};

fn key(name: &str, columns: &[&str], referenced: &str, referenced_columns: &[&str]) -> ForeignKey {
    let names = |names: &[&str]| names.iter().map(|&name| Arc::from(name)).collect();
    ForeignKey {
        name: name.to_owned(),
        table: TableName::new("public", "child"),
        columns: names(columns),
        referenced: TableName::new("public", referenced),
        referenced_columns: names(referenced_columns),
        on_delete: ReferenceAction::Cascade,
        on_update: ReferenceAction::Restrict,
    }
}

async fn add(server: &Server, key: &ForeignKey) -> Constrained {
    server.connect().await.add_foreign_key(key).await.unwrap()
}

const TABLES: &str = "CREATE TABLE parent (a integer, b text, c integer, PRIMARY KEY (b, a));
    INSERT INTO parent VALUES (1, 'x', 1);
    CREATE TABLE child (id integer PRIMARY KEY, one integer, two text);
    INSERT INTO child VALUES (1, 1, 'x'), (2, NULL, 'y'), (3, 3, NULL), (4, NULL, NULL);";

#[tokio::test]
async fn a_foreign_key_is_made_once_every_row_holds() {
    with_database("foreign_keys", |server| async move {
        server.run(TABLES).await;
        server.run("INSERT INTO child VALUES (5, 1, 'X'), (6, 2, 'x')").await;
        let key = key("to \"parent", &["one", "two"], "parent", &["a", "b"]);
        assert_eq!(add(&server, &key).await, Constrained::Violated { rows: 2 });
        assert!(!server.connect().await.has_foreign_key(&key).await.unwrap());
        server.run("DELETE FROM child WHERE id > 4").await;
        assert_eq!(add(&server, &key).await, Constrained::Made);
        assert!(server.connect().await.has_foreign_key(&key).await.unwrap());
        server.run("DELETE FROM parent").await;
        assert_eq!(server.rows("SELECT id FROM child ORDER BY 1").await, ["2", "3", "4"]);
    })
    .await;
}

#[tokio::test]
async fn what_the_server_does_not_take_is_said() {
    with_database("foreign_keys_refused", |server| async move {
        server.run(TABLES).await;
        for (columns, referenced, there, expected) in [
            (["one"], "parent", ["c"], "no unique constraint"),
            (["two"], "child", ["id"], "cannot be implemented"),
            (["one"], "nowhere", ["id"], "does not exist"),
        ] {
            let refused = add(&server, &key("k", &columns, referenced, &there)).await;
            assert!(matches!(&refused, Constrained::Refused { why } if why.contains(expected)), "{refused:?}");
        }
    })
    .await;
}

/// A key is not made while somebody applies: by Kafka's partitions, or in one process.
#[tokio::test]
async fn who_writes_is_known() {
    with_database("foreign_keys_writers", |server| async move {
        let looker = server.connect().await;
        let mut apply = server.connect().await;
        apply.ensure_state_tables().await.unwrap();
        assert!(!looker.is_written_by("shop", "shop-1").await.unwrap());
        apply.take_over("shop-1", &[0, 3]).await.unwrap();
        assert!(looker.is_written_by("shop", "shop-1").await.unwrap());
        assert!(!looker.is_written_by("shop", "shop-2").await.unwrap());
        let gone = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {}", apply.backend().pid);
        drop(apply);
        server.wait_for(crate::server::Rows::None, &gone).await;
        assert!(!looker.is_written_by("shop", "shop-1").await.unwrap());

        let run = server.connect().await;
        assert!(run.try_lock_task("other").await.unwrap());
        assert!(looker.is_written_by("other", "other-1").await.unwrap());
    })
    .await;
}
