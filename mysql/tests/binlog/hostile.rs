//! Bytes of the binlog that were changed on the way: decoded or refused, without a panic and without much memory.
//!
//! The bytes to change are real: a binlog file of the server, cut into its events.

use bytes::Bytes;
use millrace_model::{BinlogPlace, MysqlType, RowWriter};
use millrace_mysql::binlog::{BinlogStart, RowDecoder, RowsBatch, TableMap};
use millrace_mysql::charset::Charsets;
use millrace_mysql::ddl::{StatementContext, classify};
use millrace_mysql::server::NameCase;
use millrace_mysql::sql_text::SqlMode;
use millrace_testkit::{Mutations, peak_address_space};
use mysql_async::prelude::Queryable;

use crate::lab::{ColumnCase, Lab, labels};

const ROUNDS: usize = 100_000;
const MOST_MEMORY: u64 = 512 << 20;

/// The header of an event, and the number of a table map in it (MySQL source, `Log_event_header`).
const HEADER: usize = 19;
const TABLE_MAP: u8 = 19;
const CHECKSUM: usize = 4;

fn columns() -> Vec<ColumnCase> {
    use millrace_model::mysql_type::Rounding;
    use millrace_model::mysql_type::Sign::Signed;
    let decimal = MysqlType::Decimal { precision: 30, scale: 9 };
    [
        ("id", "int primary key", MysqlType::Int(Signed)),
        ("d", "decimal(30,9)", decimal),
        ("t", "text", MysqlType::Text { length_bytes: 2, charset: "utf8mb4".into() }),
        ("b", "varbinary(300)", MysqlType::Varbinary(300)),
        ("e", "enum('a','b')", MysqlType::Enum(labels(["a", "b"]))),
        ("s", "set('x','y','z')", MysqlType::Set(labels(["x", "y", "z"]))),
        ("at", "datetime(6)", MysqlType::DateTime(6)),
        ("span", "time(3)", MysqlType::Time(3)),
        ("bits", "bit(17)", MysqlType::Bit(17)),
        ("f", "double", MysqlType::Double(Rounding::None)),
        ("j", "json", MysqlType::Json),
    ]
    .map(|(name, definition, ty)| (name.to_owned(), definition.to_owned(), ty))
    .into()
}

async fn write(lab: &mut Lab) {
    let definitions: Vec<String> =
        columns().iter().map(|(name, definition, _)| format!("{name} {definition}")).collect();
    lab.run("FLUSH BINARY LOGS").await;
    lab.run("SET SESSION binlog_row_value_options = ''").await;
    lab.run(&format!("CREATE TABLE t ({}) CHARSET utf8mb4 COLLATE utf8mb4_bin", definitions.join(", "))).await;
    for id in 0..20 {
        lab.run(&format!(
            "INSERT INTO t VALUES ({id}, -{id}123.456789, REPEAT('é', {id} * 20), x'00ff', 'b', 'x,z', NOW(6), '-12:34:56.789', \
             b'10101', {id} / 7, '{{\"a\": [1, null, {{\"b\": 2.5}}], \"c\": \"{id}\"}}'), ({id} + 100, NULL, NULL, NULL, \
             NULL, NULL, NULL, NULL, NULL, NULL, JSON_ARRAY(CAST(1.5 AS DECIMAL(9,3)), NOW(6), x'00'))"
        ))
        .await;
    }
    lab.run("SET SESSION binlog_row_value_options = PARTIAL_JSON").await;
    lab.run("UPDATE t SET j = JSON_REMOVE(JSON_SET(j, '$.c', 'new', '$.d', 7), '$.a[0]') WHERE id < 10").await;
    lab.run("SET SESSION binlog_row_value_options = ''").await;
    lab.run("UPDATE t SET d = -d, t = 'changed', j = '[]'").await;
    lab.run("DELETE FROM t WHERE id < 10").await;
}

/// The table maps of the newest binlog file, without header and checksum.
async fn table_maps(lab: &mut Lab, file: &str) -> Vec<Vec<u8>> {
    let sql = format!("SELECT LOAD_FILE(CONCAT(@@datadir, '{file}'))");
    let bytes: Option<Option<Vec<u8>>> = lab.session.query_first(sql).await.unwrap();
    let bytes = bytes.flatten().unwrap();
    let (mut maps, mut at) = (Vec::new(), 4);
    while let Some(header) = bytes.get(at..at + HEADER) {
        let size = u32::from_le_bytes([header[9], header[10], header[11], header[12]]) as usize;
        if header[4] == TABLE_MAP {
            maps.push(bytes[at + HEADER..at + size - CHECKSUM].to_vec());
        }
        at += size;
    }
    maps
}

#[tokio::test]
async fn changed_rows_and_table_maps_are_decoded_or_refused() {
    let mut lab = Lab::new("hostile").await;
    let mut mutations = Mutations::of_test("changed_rows_and_table_maps_are_decoded_or_refused");
    write(&mut lab).await;
    let (end, _) = lab.now().await;
    let batches = lab.batches(BinlogStart::Place(BinlogPlace::new(&*end.file, 4))).await;
    let maps = table_maps(&mut lab, &end.file).await;
    assert!(maps.len() >= 20 && batches.len() >= 20, "{} maps, {} batches", maps.len(), batches.len());
    let schema = lab.schema("t", &columns());
    let before = peak_address_space().unwrap();
    let (mut writer, mut decoded, mut refused) = (RowWriter::new(), 0, 0);
    for _ in 0..ROUNDS {
        let batch = &batches[mutations.below(batches.len())];
        let decoder = RowDecoder::new(&batch.map, &schema, &Charsets::default()).unwrap();
        let changed = RowsBatch { data: Bytes::from(mutations.mutate(&batch.data)), ..batch.clone() };
        match decoder.decode(&changed, &mut writer) {
            Err(error) => assert!(error.to_string().contains(&*end.file), "no place in: {error}"),
            Ok(images) => {
                for image in images {
                    match image {
                        Ok(_) => decoded += 1,
                        Err(error) => {
                            refused += 1;
                            assert!(error.to_string().contains(&*end.file), "no place in: {error}");
                            break;
                        }
                    }
                }
            }
        }
        let map = &maps[mutations.below(maps.len())];
        if let Ok(map) = TableMap::parse(Bytes::from(mutations.mutate(map))) {
            let _ = RowDecoder::new(&map, &schema, &Charsets::default());
        }
    }
    assert!(decoded > 0 && refused > 0, "{decoded} decoded, {refused} refused");
    assert!(peak_address_space().unwrap() < before + MOST_MEMORY);
    lab.finish().await;
}

/// Statements as binlogs have them.
const STATEMENTS: [&str; 8] = [
    "CREATE TABLE IF NOT EXISTS `a``b`.t (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v VARCHAR(10) DEFAULT 'it''s' \
     COMMENT \"c\", g INT GENERATED ALWAYS AS (id * 2) STORED, KEY k (v(3) DESC), CHECK (id > 0)) ENGINE=InnoDB",
    "ALTER TABLE t ADD COLUMN (a INT, b ENUM('x','y')), DROP COLUMN c, MODIFY d DECIMAL(10,2) NOT NULL FIRST, RENAME TO s.u",
    "/* c */ DROP TABLE IF EXISTS a, `b`.`c` /*! CASCADE */ # end",
    "RENAME TABLE a TO b, c.d TO e.f -- why",
    "TRUNCATE TABLE `t`",
    "CREATE UNIQUE INDEX i ON t (a, (LOWER(b)))",
    "CREATE TABLE t2 LIKE t",
    "/*!50003 CREATE */ /*!50020 DEFINER=`root`@`%` */ TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
];

fn context() -> StatementContext {
    StatementContext {
        default_database: "d".into(),
        sql_mode: SqlMode::default(),
        server_version: 80036,
        name_case: NameCase::AsWritten,
    }
}

#[test]
fn changed_statements_are_understood_or_refused() {
    let mut mutations = Mutations::of_test("changed_statements_are_understood_or_refused");
    let before = peak_address_space().unwrap();
    for _ in 0..ROUNDS {
        let statement = STATEMENTS[mutations.below(STATEMENTS.len())];
        let text = String::from_utf8_lossy(&mutations.mutate(statement.as_bytes())).into_owned();
        let _ = classify(&context(), &text);
    }
    for depth in [1_000, 100_000] {
        let _ =
            classify(&context(), &format!("CREATE TABLE t (a INT CHECK {}1{})", "(".repeat(depth), ")".repeat(depth)));
    }
    assert!(peak_address_space().unwrap() < before + MOST_MEMORY);
}
