//! Every type's values through COPY, read back as the server prints and as it stores them.

use millrace_adbpg::{CommitOutcome, TableWrite};
use millrace_model::Cell::{self, Bytes, Double, Float, Int, Null, Text};
use millrace_model::PgType;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::server::{create, row, table, with_database};

const HOSTILE: [&str; 12] = [
    "",
    " ",
    "\\N",
    "NULL",
    "\\.",
    "a\tb\nc\rd\\e",
    "{a,\"b\"}",
    "'; DROP TABLE x;--",
    "\"",
    "\\\\x41",
    "grüße 🦀",
    "\u{1}\u{b}\u{7f}",
];

#[tokio::test]
async fn values_arrive_as_they_are() {
    with_database("types", |server| async move {
        let mut connection = server.connect().await;
        let numeric = PgType::Numeric { precision: 65, scale: 30 };
        let cases: Vec<(PgType, Cell<'_>, &str)> = vec![
            (PgType::SmallInt, Int(-32768), "-32768"),
            (PgType::Integer, Int(2147483647), "2147483647"),
            (PgType::BigInt, Int(i64::MIN), "-9223372036854775808"),
            (PgType::Numeric { precision: 20, scale: 0 }, Text("18446744073709551615"), "18446744073709551615"),
            (
                numeric,
                Text("-99999999999999999999999999999999999.999999999999999999999999999999"),
                "-99999999999999999999999999999999999.999999999999999999999999999999",
            ),
            (PgType::Real, Float(f32::MIN_POSITIVE), "1.1754944e-38"),
            (PgType::Real, Float(f32::from_bits(1)), "1e-45"),
            (PgType::Real, Float(f32::MAX), "3.4028235e+38"),
            (PgType::Double, Double(f64::from_bits(1)), "5e-324"),
            (PgType::Double, Double(0.1 + 0.2), "0.30000000000000004"),
            (PgType::Double, Double(-0.0), "-0"),
            (PgType::Bit(5), Text("00101"), "00101"),
            (PgType::Boolean, Int(1), "t"),
            (PgType::Date, Text("0001-01-01"), "0001-01-01"),
            (PgType::Timestamp(6), Text("9999-12-31 23:59:59.999999"), "9999-12-31 23:59:59.999999"),
            (PgType::TimestampTz(3), Text("2024-03-31 01:30:00.125+00"), "2024-03-31 01:30:00.125+00"),
            (PgType::Time(2), Text("23:59:59.99"), "23:59:59.99"),
            (PgType::Interval(6), Text("-838:59:59.000001"), "-838:59:59.000001"),
            (PgType::Interval(0), Text("838:59:59"), "838:59:59"),
            (PgType::Varchar(3), Text("äöü"), "äöü"),
            (PgType::Char(4), Text("a"), "a   "),
            (PgType::Text, Text("\\N"), "\\N"),
            (PgType::Text, Null, "<null>"),
            (PgType::Bytea, Bytes(b"\\x00\0\xff"), "\\x5c78303000ff"),
            (PgType::Bytea, Bytes(b""), "\\x"),
            (PgType::Json, Text("{\"b\": 1,  \"a\": \"\\n\"}"), "{\"b\": 1,  \"a\": \"\\n\"}"),
            (PgType::Jsonb, Text("{\"b\": 1.50, \"a\": [null]}"), "{\"a\": [null], \"b\": 1.50}"),
            (PgType::RealArray, Text("{1,-2.5,1e+20}"), "{1,-2.5,1e+20}"),
            (PgType::Uuid, Text("123e4567-e89b-12d3-a456-426655440000"), "123e4567-e89b-12d3-a456-426655440000"),
            (PgType::Inet, Text("1.2.3.4"), "1.2.3.4"),
            (PgType::Inet, Text("::ffff:1.2.3.4"), "::ffff:1.2.3.4"),
        ];
        let names: Vec<String> = (0..cases.len()).map(|place| format!("c {place}\"")).collect();
        let columns: Vec<(&str, PgType)> =
            names.iter().zip(&cases).map(|(name, (ty, ..))| (name.as_str(), ty.clone())).collect();
        let schema = table("Matrix \"x\"", &columns, 0);
        create(&connection, &schema).await;

        let mut transaction = connection.begin().await.unwrap();
        let inserts = vec![row(cases.iter().map(|case| case.1))];
        transaction.write_table(&schema, &TableWrite { inserts, ..TableWrite::default() }).await.unwrap();
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));

        let expected: Vec<&str> = cases.iter().map(|case| case.2).collect();
        let sql = "SET timezone TO 'UTC'; SELECT * FROM \"Matrix \"\"x\"\"\"";
        assert_eq!(server.rows(sql).await, [expected.join("|")]);
    })
    .await;
}

#[tokio::test]
async fn hostile_and_random_texts_and_floats_come_back_exactly() {
    with_database("random", |server| async move {
        let mut connection = server.connect().await;
        let columns = [("id", PgType::BigInt), ("t", PgType::Text), ("d", PgType::Double), ("f", PgType::Real)];
        let schema = table("random", &columns, 1);
        create(&connection, &schema).await;

        let mut runner = TestRunner::deterministic();
        let text = "[\\x01-\\x20\\\\\"'{},Nntr.]{0,9}|\\PC{0,40}".prop_map(|text| text.replace('\0', ""));
        let mut cases: Vec<(String, u64)> = HOSTILE.iter().map(|text| ((*text).to_owned(), 0)).collect();
        for _ in 0..3000 {
            cases.push((
                text.new_tree(&mut runner).unwrap().current(),
                any::<u64>().new_tree(&mut runner).unwrap().current(),
            ));
        }
        let finite = |bits: u64| if f64::from_bits(bits).is_finite() { f64::from_bits(bits) } else { 1.5 };
        let finite_single = |bits: u64| {
            let value = f32::from_bits(bits as u32);
            if value.is_finite() { value } else { -1.5 }
        };
        let inserts = cases.iter().enumerate().map(|(id, (text, bits))| {
            row([Int(id as i64), Text(text), Double(finite(*bits)), Float(finite_single(*bits))])
        });
        let mut transaction = connection.begin().await.unwrap();
        let change = TableWrite { inserts: inserts.collect(), ..TableWrite::default() };
        transaction.write_table(&schema, &change).await.unwrap();
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));

        let outsider = server.outsider().await;
        let found = outsider.query("SELECT t, d, f FROM random ORDER BY id", &[]).await.unwrap();
        assert_eq!(found.len(), cases.len());
        for (row, (text, bits)) in found.iter().zip(&cases) {
            assert_eq!(row.get::<_, &str>(0), text);
            assert_eq!(row.get::<_, f64>(1).to_bits(), finite(*bits).to_bits());
            assert_eq!(row.get::<_, f32>(2).to_bits(), finite_single(*bits).to_bits());
        }
    })
    .await;
}

#[tokio::test]
async fn rows_beyond_one_chunk_all_arrive() {
    with_database("chunks", |server| async move {
        let mut connection = server.connect().await;
        let schema = table("wide", &[("id", PgType::Integer), ("t", PgType::Text)], 1);
        create(&connection, &schema).await;
        let big = "x\t".repeat(200_000);
        let small = "y\\".repeat(500);
        let texts = (0..2000).map(|id| if id % 500 == 0 { &big } else { &small });
        let inserts = texts.enumerate().map(|(id, text)| row([Int(id as i64), Text(text)])).collect();
        let mut transaction = connection.begin().await.unwrap();
        transaction.write_table(&schema, &TableWrite { inserts, ..TableWrite::default() }).await.unwrap();
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
        let expected = format!("2000|{}", 4 * big.len() + 1996 * small.len());
        assert_eq!(server.rows("SELECT count(*), sum(length(t)) FROM wide").await, [expected]);
    })
    .await;
}
