//! Random tables over all types and character sets: what a snapshot reads and what the binlog's rows hold, before and
//! after each change, is what the server says of itself; and both are the same bytes.

use std::sync::Arc;

use millrace_model::{MysqlType, Row, TableSchema};
use millrace_mysql::Session;
use millrace_mysql::binlog::{BinlogStart, RowImage};
use millrace_mysql::charset::Charsets;
use millrace_mysql::schema::read_tables;
use millrace_mysql::snapshot::{ChunkLimits, ChunkReader};
use millrace_testkit::Random;
use millrace_testkit::random_table::{Identity, Material, RandomTable, Realm};
use mysql_async::prelude::Queryable;

use crate::lab::{Lab, decode_with, expression, shown, value_text};
use crate::source;

/// Seeds of one run, where MILLRACE_MATRIX_SEEDS does not say another number.
const SEEDS: u64 = 20;
const TABLES_PER_SEED: usize = 2;
const ROWS: usize = 8;

/// Rows as the server shows them.
type Shown = Vec<Vec<Option<String>>>;

/// What a table held at one moment: by the server, and by the snapshot's reader.
struct Moment {
    said: Shown,
    read: Vec<Row>,
}

#[tokio::test]
async fn random_tables_read_as_the_server_shows_them() {
    let seeds = std::env::var("MILLRACE_MATRIX_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    let first = match std::env::var("MILLRACE_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        // The same for every run: a difference shows again.
        Err(_) => 1,
    };
    let mut matrix = Matrix::new().await;
    for seed in first..first + seeds {
        eprintln!("random_tables_read_as_the_server_shows_them: MILLRACE_TEST_SEED={seed} MILLRACE_MATRIX_SEEDS=1");
        matrix.seed(Random::of_seed(seed)).await;
    }
    matrix.lab.run("SET GLOBAL binlog_row_metadata = MINIMAL").await;
    matrix.lab.finish().await;
}

struct Matrix {
    lab: Lab,
    reader: Session,
    charsets: Charsets,
    material: Material,
}

impl Matrix {
    async fn new() -> Self {
        let mut lab = Lab::new("matrix").await;
        let sql = "SELECT character_set_name FROM information_schema.character_sets \
                   WHERE character_set_name <> 'binary' ORDER BY 1";
        let mut charsets: Vec<String> = lab.session.query(sql).await.unwrap();
        assert!(charsets.len() >= 40, "{charsets:?}");
        // Half of all text is in the sets that half of all text is in.
        charsets.extend(["utf8mb4", "latin1"].into_iter().cycle().take(20).map(String::from));
        let material = Material { realm: Realm::AllOfMysql, charsets };
        Self { lab, reader: source::connect().await, charsets: Charsets::default(), material }
    }

    async fn seed(&mut self, mut random: Random) {
        let zone = *random.choose(&["+00:00", "+14:00", "-11:30"]);
        let metadata = *random.choose(&["MINIMAL", "FULL"]);
        let compression = *random.choose(&["ON", "OFF"]);
        let documents = *random.choose(&["PARTIAL_JSON", ""]);
        self.lab.run(&format!("SET GLOBAL binlog_row_metadata = {metadata}")).await;
        self.lab.run(&format!("SET time_zone = '{zone}', binlog_transaction_compression = {compression}")).await;
        self.lab.run(&format!("SET binlog_row_value_options = '{documents}'")).await;
        for nth in 0..TABLES_PER_SEED {
            let table = RandomTable::new(&mut random, &format!("t{nth}"), &self.material);
            self.table(&mut random, &table).await;
        }
    }

    async fn table(&mut self, random: &mut Random, table: &RandomTable) {
        let invisible = if table.identity == Identity::Generated { "ON" } else { "OFF" };
        self.lab.run(&format!("SET sql_generate_invisible_primary_key = {invisible}")).await;
        self.lab.run(&table.create()).await;
        let schema = self.schema(table).await;
        let (start, _) = self.lab.now().await;
        for id in 0..ROWS {
            self.lab.run(&table.insert(random, id)).await;
        }
        let inserted = self.moment(&schema).await;
        for id in 0..ROWS {
            self.lab.run(&table.update(random, id)).await;
        }
        let updated = self.moment(&schema).await;
        self.lab.run(&format!("DELETE FROM {} ORDER BY id", table.name)).await;
        let batches = self.lab.batches(BinlogStart::Place(start)).await;
        self.charsets.complete(&mut self.reader, &schema).await.unwrap();
        let images = decode_with(&batches, &schema, &self.charsets);
        compare(&schema, &images, &inserted, &updated);
        self.lab.run(&format!("DROP TABLE {}", table.name)).await;
    }

    async fn schema(&mut self, table: &RandomTable) -> Arc<TableSchema<MysqlType>> {
        let database = &self.lab.database;
        let wanted = |name: &millrace_model::TableName| *name.database == **database && *name.table == *table.name;
        let found = read_tables(&mut self.reader, &wanted).await.unwrap().remove(0);
        let hidden = usize::from(table.identity == Identity::Generated);
        assert_eq!(found.columns.len(), table.columns.len() + hidden);
        Arc::new(found.into_schema(1))
    }

    async fn moment(&mut self, schema: &Arc<TableSchema<MysqlType>>) -> Moment {
        let list: Vec<String> = schema
            .columns
            .iter()
            .map(|column| expression(&format!("`{}`", column.name.replace('`', "``")), &column.ty))
            .collect();
        let sql = format!("SELECT {} FROM {} ORDER BY id", list.join(", "), schema.name.table);
        let mut oracle = mysql_async::Conn::new(crate::lab::options()).await.unwrap();
        oracle.query_drop("SET time_zone = '+00:00', NAMES utf8mb4").await.unwrap();
        oracle.query_drop(format!("USE {}", schema.name.database)).await.unwrap();
        let rows: Vec<mysql_async::Row> = oracle.exec(sql, ()).await.unwrap();
        oracle.disconnect().await.unwrap();
        let said = rows.into_iter().map(|row| row.unwrap().into_iter().map(value_text).collect()).collect();
        let limits = ChunkLimits { rows: 1000, bytes: 1 << 30 };
        let mut chunks = ChunkReader::new(schema.clone(), limits).unwrap();
        let read = chunks.read(&mut self.reader, None, None).await.unwrap().rows;
        Moment { said, read }
    }
}

fn compare(schema: &TableSchema<MysqlType>, images: &[RowImage], inserted: &Moment, updated: &Moment) {
    let (mut inserts, mut befores, mut afters, mut deletes) = (vec![], vec![], vec![], vec![]);
    // An update that changes nothing is not logged.
    let mut is_logged = vec![false; ROWS];
    for image in images {
        match image {
            RowImage::Insert(row) => inserts.push(row.clone()),
            RowImage::Update { before, after } => {
                let at = inserts.iter().position(|row| row == before).unwrap();
                is_logged[at] = true;
                befores.push(before.clone());
                afters.push(after.clone());
            }
            RowImage::Delete(row) => deletes.push(row.clone()),
        }
    }
    let logged = |rows: &[Row]| -> Vec<Row> {
        rows.iter().zip(&is_logged).filter(|(_, is_logged)| **is_logged).map(|(row, _)| row.clone()).collect()
    };
    ensure_said(schema, "insert", &inserts, &inserted.said);
    ensure_same(schema, "insert and snapshot", &inserts, &inserted.read);
    ensure_same(schema, "before image and snapshot", &befores, &logged(&inserted.read));
    ensure_same(schema, "after image and snapshot", &afters, &logged(&updated.read));
    ensure_said(schema, "snapshot after the updates", &updated.read, &updated.said);
    ensure_same(schema, "delete and snapshot", &deletes, &updated.read);
}

fn ensure_said(schema: &TableSchema<MysqlType>, what: &str, rows: &[Row], said: &Shown) {
    assert_eq!(rows.len(), said.len(), "{what}");
    for (row, said) in rows.iter().zip(said) {
        for ((cell, said), column) in shown(row).iter().zip(said).zip(&schema.columns) {
            assert_eq!(cell, said, "{what}: {} {:?}", column.name, column.ty);
        }
    }
}

fn ensure_same(schema: &TableSchema<MysqlType>, what: &str, rows: &[Row], others: &[Row]) {
    assert_eq!(rows.len(), others.len(), "{what}");
    for (row, other) in rows.iter().zip(others) {
        for (index, column) in schema.columns.iter().enumerate() {
            assert_eq!(row.cell(index), other.cell(index), "{what}: {} {:?}", column.name, column.ty);
        }
        assert_eq!(row, other, "{what}");
    }
}
