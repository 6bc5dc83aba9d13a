//! Tables without a key: counts of equal rows.

use millrace_adbpg::{AdbpgError, CommitOutcome, TableWrite};
use millrace_model::Cell::{Bytes, Double, Float, Int, Null, Text};
use millrace_model::{PgType, Row};

use crate::server::{create, row, table, with_database};

#[tokio::test]
async fn equal_rows_are_counted() {
    with_database("keyless", |server| async move {
        let mut connection = server.connect().await;
        let columns = [
            ("a", PgType::Integer),
            ("b", PgType::Text),
            ("c", PgType::Double),
            ("d", PgType::Jsonb),
            ("e", PgType::Bytea),
            ("f", PgType::Json),
            ("g", PgType::RealArray),
            ("h", PgType::Char(3)),
            ("i", PgType::Real),
            ("j", PgType::Bit(3)),
            ("k", PgType::Interval(0)),
        ];
        let schema = table("k", &columns, 0);
        create(&connection, &schema).await;
        let full = |c: f64| {
            row([
                Int(1),
                Text("\\ 'x'"),
                Double(c),
                Text("{\"b\": 1.0, \"a\": 2}"),
                Bytes(b"\\x"),
                Text("{ }"),
                Text("{1.5,-0}"),
                Text("ab"),
                Float(0.1),
                Text("010"),
                Text("-01:00:00"),
            ])
        };
        let empty: Row = row(std::iter::repeat_n(Null, columns.len()));
        let mut transaction = connection.begin().await.unwrap();
        let keyless = vec![(full(0.0), 3), (full(-0.0), 1), (empty.clone(), 2)];
        let change = TableWrite { keyless, inserts: vec![full(0.5)], ..TableWrite::default() };
        transaction.write_table(&schema, &change).await.unwrap();
        let keyless = vec![(full(-0.0), -1), (full(0.0), -2), (empty.clone(), -1), (full(0.5), 1)];
        let change = TableWrite { keyless, ..TableWrite::default() };
        transaction.write_table(&schema, &change).await.unwrap();
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
        let sql = "SELECT c, count(*) FROM k GROUP BY c::text, c ORDER BY 2, 1";
        assert_eq!(server.rows(sql).await, ["0|1", "<null>|1", "0.5|2"]);

        let mut transaction = connection.begin().await.unwrap();
        let change = TableWrite { keyless: vec![(full(0.5), -3)], ..TableWrite::default() };
        let error = transaction.write_table(&schema, &change).await.unwrap_err();
        assert!(matches!(error, AdbpgError::Count { expected: 3, found: 2, .. }), "{error}");
        transaction.rollback().await.unwrap();
        assert_eq!(server.rows(sql).await, ["0|1", "<null>|1", "0.5|2"]);
    })
    .await;
}
