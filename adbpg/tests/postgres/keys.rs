//! Deletes by key, for every type that a key can have, and what is done about duplicates.

use millrace_adbpg::{CommitOutcome, InsertStrategy, TableWrite};
use millrace_model::Cell::{self, Bytes, Double, Float, Int, Text};
use millrace_model::{ErrorClass, PgType, Row, TableSchema};

use crate::server::{Server, create, row, table, with_database};

/// Type, three different values.
fn key_values() -> Vec<(PgType, [Cell<'static>; 3])> {
    vec![
        (PgType::SmallInt, [Int(-1), Int(0), Int(7)]),
        (PgType::Integer, [Int(-2147483648), Int(0), Int(7)]),
        (PgType::BigInt, [Int(i64::MIN), Int(i64::MAX), Int(0)]),
        (
            PgType::Numeric { precision: 30, scale: 10 },
            [Text("1.0000000001"), Text("-1"), Text("99999999999999999999")],
        ),
        (PgType::Real, [Float(0.1), Float(1e-30), Float(16777216.0)]),
        (PgType::Double, [Double(0.1), Double(1e300), Double(-5e-324)]),
        (PgType::Bit(9), [Text("000000001"), Text("100000000"), Text("111111111")]),
        (PgType::Boolean, [Int(0), Int(1), Int(0)]),
        (PgType::Date, [Text("2024-02-29"), Text("0001-01-01"), Text("9999-12-31")]),
        (
            PgType::Timestamp(6),
            [Text("2024-01-01 00:00:00.000001"), Text("2024-01-01 00:00:00"), Text("1000-01-01 00:00:00")],
        ),
        (
            PgType::TimestampTz(0),
            [Text("2024-01-01 00:00:00+00"), Text("1970-01-01 00:00:01+00"), Text("2038-01-19 03:14:07+00")],
        ),
        (PgType::Time(0), [Text("00:00:00"), Text("23:59:59"), Text("12:00:00")]),
        (PgType::Interval(0), [Text("-838:59:59"), Text("838:59:59"), Text("00:00:00")]),
        (PgType::Varchar(40), [Text("a,b{}\"c\\d' NULL"), Text("NULL"), Text("")]),
        (PgType::Char(8), [Text("a"), Text("\\N"), Text("\"")]),
        (PgType::Text, [Text("\\"), Text("{\"x\"}\t\n\r"), Text(" a ")]),
        (PgType::Bytea, [Bytes(b"\\x41"), Bytes(b""), Bytes(b"\0\xff\"")]),
        (
            PgType::Uuid,
            [
                Text("123e4567-e89b-12d3-a456-426655440000"),
                Text("00000000-0000-0000-0000-000000000000"),
                Text("ffffffff-ffff-ffff-ffff-ffffffffffff"),
            ],
        ),
        (PgType::Inet, [Text("1.2.3.4"), Text("::1.2.3.4"), Text("10.0.0.0")]),
        (PgType::Jsonb, [Text("{\"a\": 1}"), Text("[]"), Text("\"x\"")]),
    ]
}

async fn write(server: &Server, schema: &TableSchema<PgType>, change: TableWrite) {
    let mut connection = server.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    transaction.write_table(schema, &change).await.unwrap();
    assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
}

fn inserts(inserts: Vec<Row>) -> TableWrite {
    TableWrite { inserts, ..TableWrite::default() }
}

#[tokio::test]
async fn deletes_by_keys_of_every_type() {
    with_database("key_types", |server| async move {
        let connection = server.connect().await;
        for (place, (ty, values)) in key_values().into_iter().enumerate() {
            let different = if ty == PgType::Boolean { 2 } else { 3 };
            let name = format!("t{place}");
            // A single key, and the same type within a composite one.
            for (suffix, key_columns) in [("single", 1), ("composite", 2)] {
                let name = format!("{name}_{suffix}");
                let schema = table(
                    &name,
                    &[("a \"k\"", ty.clone()), ("b", PgType::Integer), ("n", PgType::Integer)],
                    key_columns,
                );
                create(&connection, &schema).await;
                let rows = |n| (0..different).map(|i| row([values[i], Int(5), Int(n)])).collect::<Vec<_>>();
                write(&server, &schema, inserts(rows(1))).await;
                let deletes = rows(1)[..2].iter().map(|row| row.key(&schema.key)).collect();
                let change = TableWrite { deletes, inserts: vec![rows(2)[0].clone()], ..TableWrite::default() };
                write(&server, &schema, change).await;
                let counts = server.rows(&format!("SELECT n, count(*) FROM {name} GROUP BY n ORDER BY n DESC")).await;
                let expected: &[&str] = if different == 2 { &["2|1"] } else { &["2|1", "1|1"] };
                assert_eq!(counts, expected, "{ty} {suffix}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn keys_can_be_swapped_and_many() {
    with_database("swap", |server| async move {
        let connection = server.connect().await;
        let schema = table("swap", &[("id", PgType::Integer), ("v", PgType::Text)], 1);
        create(&connection, &schema).await;
        let rows = |from: i64| (0..25_000).map(|id| row([Int(id), Text(&(id + from).to_string())])).collect::<Vec<_>>();
        write(&server, &schema, inserts(rows(0))).await;
        let deletes = rows(0).iter().map(|row| row.key(&[0])).collect();
        write(&server, &schema, TableWrite { deletes, inserts: rows(1), ..TableWrite::default() }).await;
        let found = server.rows("SELECT count(*), count(*) FILTER (WHERE v = (id + 1)::text) FROM swap").await;
        assert_eq!(found, ["25000|25000"]);
    })
    .await;
}

#[tokio::test]
async fn a_duplicate_falls_back_or_stays_or_fails() {
    with_database("duplicate", |server| async move {
        let mut connection = server.connect().await;
        let schema = table("d", &[("a", PgType::Integer), ("b", PgType::Text), ("v", PgType::Text)], 2);
        create(&connection, &schema).await;
        write(&server, &schema, inserts(vec![row([Int(1), Text("x"), Text("old")])])).await;
        let both = |v| vec![row([Int(2), Text("x"), Text(v)]), row([Int(1), Text("x"), Text(v)])];
        let all = "SELECT a, v FROM d ORDER BY a";

        let mut transaction = connection.begin().await.unwrap();
        let error = transaction.write_table(&schema, &inserts(both("new"))).await.unwrap_err();
        assert_eq!((error.state(), error.class()), (Some("23505"), ErrorClass::Fatal));
        assert!(error.to_string().contains("d_pkey") && !error.to_string().contains("(1, x)"), "{error}");
        transaction.rollback().await.unwrap();

        let absent = InsertStrategy::WhereAbsent;
        write(&server, &schema, TableWrite { strategy: absent, ..inserts(both("kept")) }).await;
        assert_eq!(server.rows(all).await, ["1|old", "2|kept"]);

        let likely = InsertStrategy::LikelyAbsent;
        let three = [both("new"), vec![row([Int(3), Text("x"), Text("new")])]].concat();
        write(&server, &schema, TableWrite { strategy: likely, ..inserts(three) }).await;
        assert_eq!(server.rows(all).await, ["1|new", "2|new", "3|new"]);
    })
    .await;
}

#[tokio::test]
async fn another_unique_key_is_never_replaced() {
    with_database("unique", |server| async move {
        let mut connection = server.connect().await;
        let schema = table("u", &[("id", PgType::Integer), ("mail", PgType::Text)], 1);
        create(&connection, &schema).await;
        server.run("CREATE UNIQUE INDEX u_mail ON u (mail)").await;
        write(&server, &schema, inserts(vec![row([Int(1), Text("secret@x")])])).await;
        let mut transaction = connection.begin().await.unwrap();
        let change =
            TableWrite { strategy: InsertStrategy::LikelyAbsent, ..inserts(vec![row([Int(2), Text("secret@x")])]) };
        let error = transaction.write_table(&schema, &change).await.unwrap_err();
        assert!(error.to_string().contains("u_mail") && !error.to_string().contains("secret"), "{error}");
        drop(transaction);
        assert_eq!(server.rows("SELECT * FROM u").await, ["1|secret@x"]);
    })
    .await;
}
