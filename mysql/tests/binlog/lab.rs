//! A database of the test's own on the server, and readers of what happens in it.

use std::sync::Arc;

use millrace_model::mysql_type::MysqlType;
use millrace_model::schema::{Nullability, Route};
use millrace_model::{BinlogPlace, Cell, Column, GtidSet, Row, RowWriter, TableName, TableSchema};
use millrace_mysql::binlog::{BinlogError, BinlogStart, BinlogStream, RowDecoder, RowImage, RowsBatch, SourceEvent};
use millrace_mysql::charset::Charsets;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Value};

/// The binlog is one for all databases: a test that logs what must be refused would end the others' streams.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Waits until no other test writes what must be refused.
pub(crate) async fn turn() -> tokio::sync::MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().await
}

/// A session with a database of its own, which `finish` removes.
pub(crate) struct Lab {
    pub(crate) session: Conn,
    pub(crate) database: String,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

/// A column to test: its name, its definition in SQL, and its type.
pub(crate) type ColumnCase = (String, String, MysqlType);

pub(crate) fn options() -> Opts {
    let url = std::env::var("MILLRACE_TEST_MYSQL").unwrap_or_else(|_| panic!("no MILLRACE_TEST_MYSQL: run make test"));
    OptsBuilder::from_opts(Opts::from_url(&url).unwrap()).prefer_socket(false).into()
}

/// An id for a reader that no other reader has.
pub(crate) fn server_id(nth: u32) -> u32 {
    0x4000_0000 | std::process::id() << 4 | nth
}

impl Lab {
    pub(crate) async fn new(test: &str) -> Self {
        let turn = turn().await;
        let mut session = Conn::new(options()).await.unwrap();
        let database = format!("mr_binlog_{test}_{}", std::process::id());
        session.query_drop(format!("CREATE DATABASE {database}")).await.unwrap();
        session.query_drop(format!("USE {database}")).await.unwrap();
        session.query_drop("SET time_zone = '+00:00', NAMES utf8mb4").await.unwrap();
        // Every value that MySQL can hold, not only those of the strict mode.
        session.query_drop("SET sql_mode = 'ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'").await.unwrap();
        Self { session, database, _turn: turn }
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        self.session.query_drop(sql).await.unwrap_or_else(|error| panic!("{error}: {}", &sql[..sql.len().min(300)]));
    }

    /// A statement whose text is not UTF-8.
    pub(crate) async fn run_bytes(&mut self, sql: &[u8]) {
        self.session.query_drop(sql).await.unwrap();
    }

    pub(crate) async fn finish(mut self) {
        self.run(&format!("DROP DATABASE {}", self.database)).await;
    }

    /// Where the binlog ends now, and all GTIDs in it.
    pub(crate) async fn now(&mut self) -> (BinlogPlace, GtidSet) {
        let row: mysql_async::Row = self.session.query_first("SHOW BINARY LOG STATUS").await.unwrap().unwrap();
        let file: String = row.get("File").unwrap();
        let gtids: String = row.get("Executed_Gtid_Set").unwrap();
        (BinlogPlace::new(file, row.get("Position").unwrap()), gtids.parse().unwrap())
    }

    /// Everything from `start` to now.
    pub(crate) async fn read(&mut self, start: BinlogStart) -> Result<Vec<SourceEvent>, BinlogError> {
        let (end, _) = self.now().await;
        let mut stream = BinlogStream::open(options(), start, server_id(0)).await?;
        let mut events = Vec::new();
        loop {
            let event = stream.next().await?;
            let is_end = match &event {
                SourceEvent::Commit { end: place } | SourceEvent::Heartbeat { place } => *place >= end,
                _ => false,
            };
            events.push(event);
            if is_end {
                return Ok(events);
            }
        }
    }

    /// The rows events of this database from `start` to now.
    pub(crate) async fn batches(&mut self, start: BinlogStart) -> Vec<RowsBatch> {
        let events = self.read(start).await.unwrap();
        let is_ours = |batch: &RowsBatch| *batch.map.name.database == *self.database;
        events
            .into_iter()
            .filter_map(|event| match event {
                SourceEvent::Rows(batch) => Some(batch),
                _ => None,
            })
            .filter(is_ours)
            .collect()
    }

    pub(crate) fn schema(&self, table: &str, columns: &[ColumnCase]) -> TableSchema<MysqlType> {
        let column = |(name, _, ty): &ColumnCase| Column {
            name: name.as_str().into(),
            ty: ty.clone(),
            nullability: Nullability::Nullable,
            default: None,
            comment: String::new(),
            collation: "".into(),
        };
        TableSchema {
            table_id: 1,
            name: TableName::new(self.database.as_str(), table),
            columns: columns.iter().map(column).collect(),
            primary_key: vec![0],
            key: vec![0],
            indexes: vec![],
            comment: String::new(),
            route: Route::Key,
            placement: Default::default(),
        }
    }

    /// What the server says the table holds, ordered by the first column: each cell as [`shown`] shows it.
    pub(crate) async fn select(&mut self, table: &str, columns: &[ColumnCase]) -> Vec<Vec<Option<String>>> {
        let list: Vec<String> = columns.iter().map(|(name, _, ty)| expression(name, ty)).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY 1 + {}", list.join(", "), columns[0].0);
        let rows: Vec<mysql_async::Row> = self.session.exec(sql, ()).await.unwrap();
        rows.into_iter().map(|row| row.unwrap().into_iter().map(value_text).collect()).collect()
    }
}

/// Decodes batches of one table.
pub(crate) fn decode(batches: &[RowsBatch], schema: &TableSchema<MysqlType>) -> Vec<RowImage> {
    decode_with(batches, schema, &Charsets::default())
}

/// Decodes batches of one table whose text may need the codes of its character sets.
pub(crate) fn decode_with(
    batches: &[RowsBatch],
    schema: &TableSchema<MysqlType>,
    charsets: &Charsets,
) -> Vec<RowImage> {
    let mut writer = RowWriter::new();
    let mut images = Vec::new();
    for batch in batches {
        let decoder = RowDecoder::new(&batch.map, schema, charsets).unwrap();
        images.extend(decoder.decode(batch, &mut writer).unwrap().map(Result::unwrap));
    }
    images
}

pub(crate) fn inserted(images: &[RowImage]) -> Vec<Vec<Option<String>>> {
    let row = |image: &RowImage| match image {
        RowImage::Insert(row) => shown(row),
        other => panic!("{other:?}"),
    };
    images.iter().map(row).collect()
}

pub(crate) fn shown(row: &Row) -> Vec<Option<String>> {
    row.cells().map(cell_text).collect()
}

/// How a cell is compared: numbers and texts as texts, bytes and floats as hexadecimal digits.
fn cell_text(cell: Cell<'_>) -> Option<String> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Int(value) => value.to_string(),
        Cell::UInt(value) => value.to_string(),
        Cell::Float(value) => format!("{:08X}", value.to_bits()),
        Cell::Double(value) => format!("{:016X}", value.to_bits()),
        Cell::Text(value) => value.to_owned(),
        Cell::Bytes(value) => value.iter().map(|byte| format!("{byte:02X}")).collect(),
    })
}

/// The same by the server; only floats come as they are, because SQL prints them with fewer digits.
pub(crate) fn expression(name: &str, ty: &MysqlType) -> String {
    match ty {
        MysqlType::Float(_) | MysqlType::Double(_) => name.to_owned(),
        MysqlType::Bit(_) => format!("CAST({name} + 0 AS CHAR)"),
        MysqlType::Binary(_)
        | MysqlType::Varbinary(_)
        | MysqlType::Blob(_)
        | MysqlType::Geometry(_)
        | MysqlType::Vector(_) => format!("HEX({name})"),
        MysqlType::Year => format!("CAST({name} + 0 AS CHAR)"),
        // Without the zeros of ZEROFILL.
        MysqlType::TinyInt(_)
        | MysqlType::SmallInt(_)
        | MysqlType::MediumInt(_)
        | MysqlType::Int(_)
        | MysqlType::BigInt(_) => format!("CAST({name} + 0 AS CHAR)"),
        _ => format!("CAST({name} AS CHAR CHARACTER SET utf8mb4)"),
    }
}

pub(crate) fn value_text(value: Value) -> Option<String> {
    Some(match value {
        Value::NULL => return None,
        Value::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
        Value::Float(value) => format!("{:08X}", value.to_bits()),
        Value::Double(value) => format!("{:016X}", value.to_bits()),
        other => panic!("{other:?}"),
    })
}

/// Labels as a type's.
pub(crate) fn labels<const N: usize>(labels: [&str; N]) -> Arc<[String]> {
    labels.map(String::from).into()
}
