//! Rows that are refused, among rows that are not; and the records of what is held.

use millrace_adbpg::{CommitOutcome, Connection, HeldRow, InsertStrategy, Refused, Replaced, TableWrite};
use millrace_model::Cell::{Int, Text};
use millrace_model::{Hold, HoldOrigin, PgType, Row, TableName, TableSchema};

use crate::server::{Server, create, row, table, with_database};

fn orders() -> TableSchema<PgType> {
    table("orders", &[("id", PgType::Integer), ("place", PgType::Integer), ("note", PgType::Varchar(3))], 1)
}

fn order(id: i64, place: i64, note: &str) -> Row {
    row([Int(id), Int(place), Text(note)])
}

fn key(id: i64) -> Row {
    row([Int(id)])
}

/// Writes with room for so many refused rows, and commits.
async fn write(server: &Server, schema: &TableSchema<PgType>, write: TableWrite, room: usize) -> Vec<Refused> {
    let mut connection = server.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    let refused = transaction.write_table_but_refused(schema, &write, room).await.unwrap();
    if refused.len() <= room {
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
    }
    refused
}

fn ids(refused: &[Refused]) -> Vec<i64> {
    let id = |refused: &Refused| match refused.row.cell(0) {
        Int(id) => id,
        other => panic!("{other:?}"),
    };
    let mut ids: Vec<i64> = refused.iter().map(id).collect();
    ids.sort_unstable();
    ids
}

fn change(deletes: Vec<Row>, inserts: Vec<Row>, strategy: InsertStrategy) -> TableWrite {
    TableWrite { deletes, inserts, strategy, ..TableWrite::default() }
}

#[tokio::test]
async fn only_refused_rows_are_left_out_whatever_refuses_them() {
    with_database("refused", |server| async move {
        let schema = orders();
        create(&server.connect().await, &schema).await;
        server.run("ALTER TABLE orders ADD CHECK (place < 1000)").await;
        let rows: Vec<Row> = (0..300)
            .map(|id| match id {
                7 => order(id, 1000, "a"),
                8 => row([Int(id), Int(8), Text("a\0b")]),
                150 => order(id, 150, "long"),
                299 => order(id, 5_000_000_000, "a"),
                _ => order(id, id, "a"),
            })
            .collect();
        for strategy in [InsertStrategy::AfterDeletes, InsertStrategy::LikelyAbsent, InsertStrategy::WhereAbsent] {
            server.run("TRUNCATE orders").await;
            let refused = write(&server, &schema, change(vec![], rows.clone(), strategy), 4).await;
            assert_eq!(ids(&refused), [7, 8, 150, 299], "{strategy:?}");
            let reasons: Vec<&str> = refused.iter().map(|refused| refused.reason.as_str()).collect();
            assert!(reasons.iter().any(|reason| reason.contains("orders_place_check")), "{reasons:?}");
            assert!(!reasons.iter().any(|reason| reason.contains("5000000000")), "{reasons:?}");
            assert_eq!(server.rows("SELECT count(*) FROM orders").await, ["296"]);
        }
        let nothing = write(&server, &schema, change(vec![], rows, InsertStrategy::LikelyAbsent), 3).await;
        assert_eq!(nothing.len(), 4, "it looks no further than that there are too many");
    })
    .await;
}

#[tokio::test]
async fn rows_that_swap_another_unique_key_are_not_refused_with_one_that_is() {
    with_database("swap_refused", |server| async move {
        let schema = orders();
        create(&server.connect().await, &schema).await;
        server.run("CREATE UNIQUE INDEX ON orders (place); ALTER TABLE orders ADD CHECK (note <> 'bad')").await;
        let rows = (1..=6).map(|id| order(id, id, "old")).collect();
        assert!(write(&server, &schema, change(vec![], rows, InsertStrategy::LikelyAbsent), 0).await.is_empty());
        // 1 and 2 swap their places, 3 is refused, and 4 takes the place that 3 was to leave.
        let rows =
            vec![order(1, 2, "new"), order(2, 1, "new"), order(3, 30, "bad"), order(4, 3, "new"), order(5, 4, "new")];
        let deletes = (1..=5).map(key).collect();
        let refused = write(&server, &schema, change(deletes, rows, InsertStrategy::LikelyAbsent), 9).await;
        // 4 meets what 3 still has, 5 what 4 still has.
        assert_eq!(ids(&refused), [3, 4, 5]);
        let expected = ["1|2|new", "2|1|new", "3|3|old", "4|4|old", "5|5|old", "6|6|old"];
        assert_eq!(server.rows("SELECT * FROM orders ORDER BY id").await, expected);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_row_s_fault_is_an_error() {
    with_database("no_row", |server| async move {
        let schema = orders();
        create(&server.connect().await, &schema).await;
        server.run("CREATE TABLE places (id integer PRIMARY KEY); ALTER TABLE orders ADD FOREIGN KEY (place) REFERENCES places").await;
        let mut connection = server.connect().await;
        let mut transaction = connection.begin().await.unwrap();
        let write = change(vec![], vec![order(1, 1, "a")], InsertStrategy::LikelyAbsent);
        let error = transaction.write_table_but_refused(&schema, &write, 9).await.unwrap_err();
        assert_eq!(error.state(), Some("23503"));
    })
    .await;
}

fn held(id: i64, place: Option<i64>) -> HeldRow {
    let hold = Hold {
        table_id: u64::MAX,
        table: TableName::new("it's", "or\"ders"),
        key: key(id),
        origin: HoldOrigin::Change,
        changes: 3,
        since: 1_700_000_000_000_000,
        reason: "it's a reason".to_owned(),
    };
    HeldRow { hold, row: place.map(|place| order(id, place, "a")), definition: vec![0, 1, 255].into() }
}

async fn replace(connection: &mut Connection, rows: &[HeldRow]) -> Replaced {
    let mut transaction = connection.begin().await.unwrap();
    let replaced = transaction.replace_held("task", rows).await.unwrap();
    if replaced == Replaced::All {
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
    }
    replaced
}

#[tokio::test]
async fn a_record_is_acted_upon_once_and_only_replaced_where_it_is() {
    with_database("held", |server| async move {
        let mut connection = server.connect().await;
        connection.ensure_state_tables().await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        transaction.insert_held("task", &[held(1, Some(1)), held(2, None)]).await.unwrap();
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
        assert_eq!(connection.read_holds("task").await.unwrap(), [held(1, None).hold, held(2, None).hold]);
        assert!(connection.read_holds("other").await.unwrap().is_empty());
        assert_eq!(replace(&mut connection, &[held(1, Some(7))]).await, Replaced::All);
        // Who takes gets what was committed last; whoever comes after finds nothing.
        let holds = [held(1, None).hold, held(2, None).hold];
        let mut transaction = connection.begin().await.unwrap();
        let mut taken = transaction.take_held("task", &holds).await.unwrap();
        taken.sort_by_key(|held| held.row.is_none());
        assert_eq!(taken, [held(1, Some(7)), held(2, None)]);
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
        assert_eq!(replace(&mut connection, &[held(1, Some(8))]).await, Replaced::Lost);
        let mut transaction = connection.begin().await.unwrap();
        assert!(transaction.take_held("task", &holds).await.unwrap().is_empty());
    })
    .await;
}
