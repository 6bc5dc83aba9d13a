//! Reading tables in chunks and as a whole on the real server: every row exactly once, in the model's cell forms.
#![expect(clippy::unwrap_used, reason = "tests")]

mod source;

use std::sync::Arc;

use millrace_model::{Cell, MysqlType, Row, TableSchema};
use millrace_mysql::schema::read_tables;
use millrace_mysql::snapshot::{
    ChunkLimits, ChunkReader, Completion, WholeReader, close_snapshot, open_snapshot, plan_ranges,
};
use millrace_mysql::{MysqlError, Session};

async fn schema(session: &mut Session, database: &str, table: &str) -> Arc<TableSchema<MysqlType>> {
    let mut tables = read_tables(session, &|name| &*name.database == database && &*name.table == table).await.unwrap();
    Arc::new(tables.remove(0).into_schema(1))
}

async fn read_all(
    session: &mut Session,
    schema: &Arc<TableSchema<MysqlType>>,
    limits: ChunkLimits,
    (after, through): (Option<Row>, Option<Row>),
) -> Vec<Row> {
    let mut reader = ChunkReader::new(schema.clone(), limits).unwrap();
    let (mut rows, mut after) = (Vec::new(), after);
    loop {
        let chunk = reader
            .read(session, after.as_ref(), through.as_ref())
            .await
            .unwrap_or_else(|e| panic!("{e}, after {after:?}, through {through:?}, {:?}", schema.columns));
        assert!(chunk.rows.len() <= limits.rows);
        rows.extend(chunk.rows);
        after = chunk.last_key.or(after);
        if chunk.complete == Completion::LastChunk {
            return rows;
        }
        assert!(rows.len() < 10_000, "no end");
    }
}

/// Keys of every kind: definition of the table, and its rows as SQL.
const KEYED: &[(&str, &[&str])] = &[
    ("k INT PRIMARY KEY", &["(-2147483648)", "(-1)", "(0)", "(1)", "(5)", "(1000000)", "(2147483647)"]),
    ("k BIGINT UNSIGNED PRIMARY KEY", &["(0)", "(1)", "(9223372036854775808)", "(18446744073709551615)"]),
    (
        "k VARCHAR(20) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY",
        &["('')", "('a')", "('Ab')", "('ab ')", "('é')", "('ß')", "('z')", "('😀')", "('c\\0')", "('%_')"],
    ),
    ("k VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY", &["('a')", "('A')", "('b')", "('B')", "('é')", "('E')", "('ß')"]),
    ("k VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY", &["('A')", "('b')", "('C')", "('d ')", "('É')", "('ß')"]),
    (
        "k VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY",
        &["('a')", "('B')", "('é')", "('ö')", "('€')", "('z')"],
    ),
    ("k VARCHAR(20) CHARACTER SET gbk PRIMARY KEY", &["('a')", "('漢')", "('字')", "('z')"]),
    ("k VARCHAR(20) CHARACTER SET ucs2 PRIMARY KEY", &["('a')", "('漢')", "('é')", "('z')"]),
    ("k CHAR(4) CHARACTER SET sjis PRIMARY KEY", &["('a')", "('ｱ')", "('字')", "('z')"]),
    (
        "k DECIMAL(30,5) PRIMARY KEY",
        &[
            "(-5)",
            "(-0.00001)",
            "(0)",
            "(12345678901234567890.12345)",
            "(12345678901234567890.12346)",
            "(12345678901234567890.12347)",
        ],
    ),
    (
        "k VARBINARY(9) PRIMARY KEY",
        &["('')", "(x'00')", "(x'0000')", "('a')", "('A')", "(x'ff')", "(x'ff00')", "(x'80')", "(x'27')", "(x'5c')"],
    ),
    ("k BINARY(3) PRIMARY KEY", &["('a')", "(x'00')", "(x'ff')", "(x'ffff')", "('A')"]),
    (
        "k DATE PRIMARY KEY",
        &["('0000-00-00')", "('2024-00-10')", "('2024-01-01')", "('2024-02-30')", "('9999-12-31')", "('0001-01-01')"],
    ),
    (
        "k DATETIME(6) PRIMARY KEY",
        &[
            "('0000-00-00')",
            "('2024-01-01 00:00:00.000001')",
            "('2024-01-01 00:00:00.000002')",
            "('2024-01-01 00:00:01')",
        ],
    ),
    (
        "k TIMESTAMP(3) PRIMARY KEY",
        &["('0000-00-00')", "('1970-01-01 00:00:01')", "('2024-03-31 02:30:00.5')", "('2024-03-31 02:30:00.501')"],
    ),
    (
        "k TIME(2) PRIMARY KEY",
        &["('-838:59:59')", "('-00:00:00.01')", "('00:00:00')", "('00:00:00.01')", "('838:59:59')", "('-100:00:00')"],
    ),
    ("k YEAR PRIMARY KEY", &["(0)", "(1901)", "(2000)", "(2024)", "(2155)"]),
    ("k ENUM('z','b','m','a') PRIMARY KEY", &["('z')", "('b')", "('m')", "('a')"]),
    ("k SET('z','b','m') PRIMARY KEY", &["('')", "('z')", "('b')", "('z,b')", "('m')", "('z,m')"]),
    ("k BIT(33) PRIMARY KEY", &["(0)", "(1)", "(5)", "(8589934591)"]),
    ("k FLOAT PRIMARY KEY", &["(-1.1)", "(0)", "(1.1)", "(1.2)", "(3.4e38)", "(1e-38)"]),
    ("k DOUBLE PRIMARY KEY", &["(-1.1)", "(0)", "(0.1)", "(0.30000000000000004)", "(0.3)", "(1e308)"]),
    ("k INT NOT NULL, UNIQUE KEY u (k)", &["(3)", "(1)", "(2)"]),
    (
        "a INT, b VARCHAR(9), PRIMARY KEY (a, b)",
        &["(1,'a')", "(1,'B')", "(1,'c')", "(2,'a')", "(-1,'z')", "(2,'')", "(3,'a')"],
    ),
    (
        "a VARCHAR(9), b DATE, c INT UNSIGNED, PRIMARY KEY (c, a, b)",
        &[
            "('a','2024-01-01',1)",
            "('A','2024-01-02',1)",
            "('b','2024-01-01',1)",
            "('b','2024-01-01',2)",
            "('b','2024-01-01',0)",
            "('c','0000-00-00',1)",
        ],
    ),
    ("a ENUM('z','a'), b INT, PRIMARY KEY (a, b)", &["('z',1)", "('z',2)", "('a',1)", "('a',2)", "('a',-3)"]),
    (
        "a INT NOT NULL, b DECIMAL(5,2) NOT NULL, c VARBINARY(3) NOT NULL, UNIQUE (b, c)",
        &["(1,1.5,'a')", "(1,1.5,'b')", "(2,-1.5,'a')", "(3,0,'')"],
    ),
];

#[tokio::test]
async fn reads_every_row_once_whatever_the_key() {
    source::with_database("chunks", async |session, database| {
        for (definition, values) in KEYED {
            source::run(
                session,
                &[&format!("CREATE TABLE t ({definition})"), &format!("INSERT INTO t VALUES {}", values.join(", "))],
            )
            .await;
            let schema = schema(session, database, "t").await;
            let one = ChunkLimits { rows: 1_000, bytes: 1 << 20 };
            let all = read_all(session, &schema, one, (None, None)).await;
            assert_eq!(all.len(), values.len(), "{definition}");
            for rows in [1, 2, values.len() - 1, values.len(), values.len() + 1] {
                let found = read_all(session, &schema, ChunkLimits { rows, bytes: 1 << 20 }, (None, None)).await;
                assert_eq!(found, all, "{definition} in chunks of {rows}");
            }
            let found = read_all(session, &schema, ChunkLimits { rows: 100, bytes: 1 }, (None, None)).await;
            assert_eq!(found, all, "{definition} byte by byte");
            // Any two halves make the whole.
            for row in &all {
                let edge = Some(row.key(&schema.key));
                let mut halves = read_all(session, &schema, one, (None, edge.clone())).await;
                halves.extend(read_all(session, &schema, one, (edge, None)).await);
                assert_eq!(halves, all, "{definition} in halves");
            }
            source::run(session, &["DROP TABLE t"]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn reads_empty_tables_and_ranges() {
    source::with_database("ranges", async |session, database| {
        source::run(session, &["CREATE TABLE t (id BIGINT PRIMARY KEY)"]).await;
        let schema = schema(session, database, "t").await;
        let limits = ChunkLimits { rows: 10, bytes: 1 << 20 };
        let mut reader = ChunkReader::new(schema.clone(), limits).unwrap();
        let chunk = reader.read(session, None, None).await.unwrap();
        assert_eq!((chunk.rows.len(), chunk.last_key, chunk.complete), (0, None, Completion::LastChunk));
        assert_eq!(plan_ranges(session, &schema, 4).await.unwrap().len(), 1);

        source::run(
            session,
            &["INSERT INTO t VALUES (-9223372036854775808), (-5), (0), (7), (8), (9223372036854775807)"],
        )
        .await;
        for parts in [1, 2, 3, 8] {
            let mut rows = Vec::new();
            for range in plan_ranges(session, &schema, parts).await.unwrap() {
                rows.extend(read_all(session, &schema, limits, (range.after, range.through)).await);
            }
            let keys: Vec<Cell<'_>> = rows.iter().map(|row| row.cell(0)).collect();
            let expected = [i64::MIN, -5, 0, 7, 8, i64::MAX].map(Cell::Int);
            assert_eq!(keys, expected, "{parts} parts");
        }
    })
    .await;
}

#[tokio::test]
async fn reads_each_type_in_its_form() {
    source::with_database("forms", async |session, database| {
        source::run(session, &[
            "CREATE TABLE t (id INT PRIMARY KEY, a MEDIUMINT, b BIGINT UNSIGNED, c DECIMAL(10,3) UNSIGNED ZEROFILL, d FLOAT, \
             e DOUBLE, f BIT(10), g DATE, h DATETIME(3), i TIMESTAMP, j TIME(1), k YEAR, l CHAR(5), m VARCHAR(5) \
             CHARACTER SET latin1, n TEXT, o BINARY(4), p VARBINARY(4), q BLOB, r ENUM('x','y'), s SET('x','y'), t JSON, \
             u POINT, v VECTOR(2), w INT(5) ZEROFILL, x TINYINT(1), y LONGTEXT CHARACTER SET utf16)",
            "SET SESSION time_zone = '+02:00'",
            "INSERT INTO t VALUES (1, -8388608, 18446744073709551615, 1.5, 1.1, 0.1, 513, '2024-01-02', '2024-01-02 03:04:05.6', \
             '2024-01-02 03:04:05', '-01:02:03.4', 0, 'a ', 'é', '漢', 'ab', x'00ff', x'00', 'y', 'x,y', '{\"b\":1,\"a\":[1.50]}', \
             ST_GeomFromText('POINT(1 2)'), TO_VECTOR('[1,2]'), 7, -1, '😀')",
            "INSERT INTO t (id) VALUES (2)",
            "SET SESSION time_zone = '+00:00'",
        ])
        .await;
        let schema = schema(session, database, "t").await;
        let rows = read_all(session, &schema, ChunkLimits { rows: 10, bytes: 1 << 20 }, (None, None)).await;
        let mut point = vec![0, 0, 0, 0, 1, 1, 0, 0, 0];
        point.extend(1f64.to_le_bytes().into_iter().chain(2f64.to_le_bytes()));
        let vector: Vec<u8> = 1f32.to_le_bytes().into_iter().chain(2f32.to_le_bytes()).collect();
        let expected = [
            Cell::Int(1),
            Cell::Int(-8_388_608),
            Cell::UInt(u64::MAX),
            Cell::Text("1.500"),
            Cell::Float(1.1),
            Cell::Double(0.1),
            Cell::UInt(513),
            Cell::Text("2024-01-02"),
            Cell::Text("2024-01-02 03:04:05.600"),
            Cell::Text("2024-01-02 01:04:05"),
            Cell::Text("-01:02:03.4"),
            Cell::UInt(0),
            Cell::Text("a"),
            Cell::Text("é"),
            Cell::Text("漢"),
            Cell::Bytes(b"ab\0\0"),
            Cell::Bytes(&[0, 255]),
            Cell::Bytes(&[0]),
            Cell::Text("y"),
            Cell::Text("x,y"),
            Cell::Text("{\"a\": [1.5], \"b\": 1}"),
            Cell::Bytes(&point),
            Cell::Bytes(&vector),
            Cell::UInt(7),
            Cell::Int(-1),
            Cell::Text("😀"),
        ];
        assert_eq!(rows[0].cells().collect::<Vec<_>>(), expected);
        assert!(rows[1].cells().skip(1).all(|cell| cell == Cell::Null));
    })
    .await;
}

#[tokio::test]
async fn reads_a_table_without_key_as_it_was() {
    source::with_database("whole", async |session, database| {
        source::run(session, &["CREATE TABLE t (a INT, b VARCHAR(200))"]).await;
        let values: Vec<String> = (0..500).map(|n| format!("({}, REPEAT('x', 100))", n % 7)).collect();
        source::run(session, &[&format!("INSERT INTO t VALUES {}", values.join(","))]).await;
        let schema = schema(session, database, "t").await;
        assert!(matches!(
            ChunkReader::new(schema.clone(), ChunkLimits { rows: 1, bytes: 1 }),
            Err(MysqlError::NoKey { .. })
        ));

        let mut other = source::connect().await;
        open_snapshot(session).await.unwrap();
        source::run(&mut other, &[&format!("DELETE FROM {database}.t WHERE a = 3")]).await;
        let limits = ChunkLimits { rows: 64, bytes: 2_000 };
        let mut reader = WholeReader::start(session, &schema, limits).await.unwrap();
        let (mut count, mut pieces) = (0, 0);
        while let Some(rows) = reader.next_piece().await.unwrap() {
            assert!(rows.len() <= 64 && rows.iter().map(Row::len).sum::<usize>() < 2_200);
            count += rows.len();
            pieces += 1;
        }
        assert_eq!(count, 500);
        assert!(pieces > 20);
        close_snapshot(session).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn refuses_a_table_that_changed() {
    source::with_database("changed", async |session, database| {
        source::run(session, &["CREATE TABLE t (id INT PRIMARY KEY, v DATETIME, w VARCHAR(9))"]).await;
        let schema = schema(session, database, "t").await;
        let mut reader = ChunkReader::new(schema, ChunkLimits { rows: 10, bytes: 1_000 }).unwrap();
        for alter in [
            "ALTER TABLE t MODIFY v DATETIME(3)",
            "ALTER TABLE t MODIFY v DATETIME, MODIFY w VARBINARY(9)",
            "ALTER TABLE t MODIFY w VARCHAR(9), MODIFY id BIGINT",
            "ALTER TABLE t MODIFY id INT UNSIGNED",
            "ALTER TABLE t DROP COLUMN v",
            "DROP TABLE t",
        ] {
            source::run(session, &[alter]).await;
            let error = reader.read(session, None, None).await.unwrap_err();
            assert!(matches!(error, MysqlError::TableChanged { .. }), "{alter}: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn bounds_are_read_by_the_index() {
    source::with_database("index", async |session, database| {
        for (definition, row) in [
            ("a INT, b INT, PRIMARY KEY (a, b)", "n DIV 30, n"),
            ("a VARCHAR(9) CHARACTER SET latin1, b INT, PRIMARY KEY (a, b)", "CONCAT('k', n DIV 30), n"),
            ("a ENUM('x','y','z'), b INT, PRIMARY KEY (a, b)", "1 + n DIV 1000, n"),
            ("a VARBINARY(9), b DECIMAL(9,2), PRIMARY KEY (a, b)", "n, n"),
            ("a DATETIME(3), b FLOAT, PRIMARY KEY (a, b)", "TIMESTAMPADD(SECOND, n, '2024-01-01'), n"),
        ] {
            source::run(session, &[
                &format!("CREATE TABLE t ({definition})"),
                "SET SESSION cte_max_recursion_depth = 5000",
                &format!(
                    "INSERT INTO t WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 2999) SELECT {row} FROM s"
                ),
                "ANALYZE TABLE t",
            ])
            .await;
            let schema = schema(session, database, "t").await;
            let rows = read_all(session, &schema, ChunkLimits { rows: 5_000, bytes: 1 << 20 }, (None, None)).await;
            assert_eq!(rows.len(), 3_000, "{definition}");
            let mut reader = ChunkReader::new(schema.clone(), ChunkLimits { rows: 5, bytes: 1 << 20 }).unwrap();
            let after = rows[2_900].key(&schema.key);
            source::run(session, &["FLUSH STATUS"]).await;
            assert_eq!(reader.read(session, Some(&after), None).await.unwrap().rows, rows[2_901..2_906]);
            let read = session
                .query_texts("counting", "SHOW SESSION STATUS LIKE 'Handler_read_%'")
                .await
                .unwrap()
                .into_iter()
                .map(|row| row[1].clone().unwrap().parse::<u64>().unwrap())
                .sum::<u64>();
            assert!(read < 1_000, "{definition}: {read} rows were read for 5");
            source::run(session, &["DROP TABLE t"]).await;
        }
    })
    .await;
}
