//! Rows of a table: in chunks by key, or as a whole where there is no key.
//!
//! A chunk is one SELECT, hence one consistent state of the table; the caller reads what the server has committed before
//! and after it. The next chunk begins after the last row read, so that a chunk that was cut short by its bytes loses
//! nothing, and a chunk is the last only when the server returned fewer rows than it was asked for. The number of rows
//! asked for follows the size of the rows seen, so that little is sent in vain.
//!
//! Every result is checked against the schema before its rows are read: a table that was altered in between is an error,
//! never a misread row.

use std::sync::Arc;

use millrace_model::mysql_type::Sign;
use millrace_model::{Cell, MysqlType, Row, RowWriter, TableSchema};
use mysql_async::{BinaryProtocol, QueryResult, Value};

use crate::cell_form::{TextForm, difference, put_decoded, put_value};
use crate::charset::{Charset, Charsets, TextDecoder, charset_of_type};
use crate::connect::Session;
use crate::error::MysqlError;
use crate::ident::{Ident, table_ident};
use crate::locks::shared_lock;
use crate::predicate::{select_all, select_by_key};

/// How much is read at once; at least one row always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Most rows.
    pub rows: usize,
    /// Bytes of row images after which it ends.
    pub bytes: usize,
}

impl ChunkLimits {
    /// So many times half of it, but at least a row.
    pub fn halved(self, times: u32) -> Self {
        let half = |amount: usize| amount.checked_shr(times).unwrap_or(0).max(1);
        Self { rows: half(self.rows), bytes: half(self.bytes) }
    }
}

/// Whether a chunk waits for transactions that are about to commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// It reads what is visible.
    None,
    /// It locks its rows while they are read ([`crate::locks::prepare_locked_reads`]): whoever changed one of them has committed.
    Shared,
}

/// Whether more follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// There may be rows after the last one.
    More,
    /// The table, or the range, ends here.
    LastChunk,
}

/// Rows read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The rows in the order of the key.
    pub rows: Vec<Row>,
    /// The key cells of the last row; none where there are no rows.
    pub last_key: Option<Row>,
    /// Whether more follows.
    pub complete: Completion,
    /// What the rows take, in bytes.
    pub bytes: usize,
}

/// Rows asked for as long as their size is not known.
const FIRST_ROWS: usize = 256;

/// Reads one table in chunks; keeps the size of its rows in mind.
#[derive(Debug)]
pub struct ChunkReader {
    schema: Arc<TableSchema<MysqlType>>,
    limits: ChunkLimits,
    locking: Locking,
    rows_seen: usize,
    bytes_seen: usize,
}

impl ChunkReader {
    /// A reader of a table that has a key.
    pub fn new(schema: Arc<TableSchema<MysqlType>>, limits: ChunkLimits) -> Result<Self, MysqlError> {
        if !schema.is_keyed() {
            return Err(MysqlError::NoKey { table: schema.name.clone() });
        }
        Ok(Self { schema, limits, locking: Locking::None, rows_seen: 0, bytes_seen: 0 })
    }

    /// With chunks that wait for transactions that are about to commit, or do not.
    pub fn locking(self, locking: Locking) -> Self {
        Self { locking, ..self }
    }

    /// Chunks have these limits from now on.
    pub fn limit(&mut self, limits: ChunkLimits) {
        self.limits = limits;
    }

    /// The table's schema.
    pub fn schema(&self) -> &Arc<TableSchema<MysqlType>> {
        &self.schema
    }

    /// Reads the rows whose key is beyond `after` and not beyond `through`, as far as the limits allow. Both are rows of
    /// the key's cells, in key order, such as [`Chunk::last_key`].
    pub async fn read(
        &mut self,
        session: &mut Session,
        after: Option<&Row>,
        through: Option<&Row>,
    ) -> Result<Chunk, MysqlError> {
        let limit = self.next_limit();
        let mut statement = select_by_key(&self.schema, after, through, limit);
        if self.locking == Locking::Shared {
            statement.sql.push_str(shared_lock(session));
        }
        let mut rows = RowStream::open(session, &self.schema, &statement.sql, statement.parameters).await?;
        let (read, bytes) = rows.take(limit, self.limits.bytes).await?;
        let complete =
            if read.len() < limit && bytes < self.limits.bytes { Completion::LastChunk } else { Completion::More };
        self.rows_seen += read.len();
        self.bytes_seen += bytes;
        // On its own: it is kept for long after the row, which may be large.
        let last_key = read.last().map(|row| row.key(&self.schema.key).detached());
        if last_key.is_some() && last_key.as_ref() == after {
            // A key that does not come back from its character set as it went there.
            return Err(MysqlError::Value {
                table: self.schema.name.clone(),
                column: self.schema.columns[self.schema.key[0]].name.to_string(),
                what: "the key's text cannot be compared in its character set",
            });
        }
        Ok(Chunk { rows: read, last_key, complete, bytes })
    }

    fn next_limit(&self) -> usize {
        let most = self.limits.rows.max(1);
        if self.rows_seen == 0 {
            return most.min(FIRST_ROWS);
        }
        let average = (self.bytes_seen / self.rows_seen).max(1);
        most.min(self.limits.bytes / average + 1)
    }
}

/// Reads a whole table in pieces, in no order; for tables without a key.
///
/// The caller reads the low watermark, calls [`open_snapshot`], reads the high watermark (on another session), then
/// takes all pieces, and at last calls [`close_snapshot`]; all pieces are of the state at `open_snapshot`.
#[derive(Debug)]
pub struct WholeReader<'a> {
    rows: RowStream<'a>,
    limits: ChunkLimits,
}

/// Fixes the state of the database that the session reads from now on.
pub async fn open_snapshot(session: &mut Session) -> Result<(), MysqlError> {
    session.execute("opening a snapshot", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await
}

/// Lets the state go.
pub async fn close_snapshot(session: &mut Session) -> Result<(), MysqlError> {
    session.execute("closing a snapshot", "COMMIT").await
}

impl<'a> WholeReader<'a> {
    /// Starts reading; the session must have a snapshot open.
    pub async fn start(
        session: &'a mut Session,
        schema: &Arc<TableSchema<MysqlType>>,
        limits: ChunkLimits,
    ) -> Result<Self, MysqlError> {
        let rows = RowStream::open(session, schema, &select_all(schema), Vec::new()).await?;
        Ok(Self { rows, limits })
    }

    /// The next rows; none after the last.
    pub async fn next_piece(&mut self) -> Result<Option<Vec<Row>>, MysqlError> {
        let (rows, _) = self.rows.take(self.limits.rows.max(1), self.limits.bytes).await?;
        Ok((!rows.is_empty()).then_some(rows))
    }
}

/// The rows of one result, taken from the server as they are asked for.
#[derive(Debug)]
struct RowStream<'a> {
    schema: Arc<TableSchema<MysqlType>>,
    /// Of the columns whose text comes as its bytes.
    decoders: Vec<Option<TextDecoder>>,
    result: QueryResult<'a, 'static, BinaryProtocol>,
    doing: String,
    writer: RowWriter,
    scratch: String,
    marked: Vec<u8>,
}

impl<'a> RowStream<'a> {
    async fn open(
        session: &'a mut Session,
        schema: &Arc<TableSchema<MysqlType>>,
        sql: &str,
        parameters: Vec<Value>,
    ) -> Result<Self, MysqlError> {
        let doing = format!("reading table \"{}\"", schema.name);
        let charsets = session.charsets(schema).await?;
        let decoders: Vec<_> = schema.columns.iter().map(|column| decoder_of_bytes(&column.ty, &charsets)).collect();
        let result = session.stream(&doing, sql, parameters).await.map_err(|e| changed(schema, e))?;
        if let Some(what) = result_differs(schema, &decoders, result.columns_ref()) {
            return Err(MysqlError::TableChanged { table: schema.name.clone(), what });
        }
        let (writer, scratch, marked) = (RowWriter::new(), String::new(), Vec::new());
        Ok(Self { schema: schema.clone(), decoders, result, doing, writer, scratch, marked })
    }

    /// Rows up to `most`, or until their bytes reach `bytes`.
    async fn take(&mut self, most: usize, bytes: usize) -> Result<(Vec<Row>, usize), MysqlError> {
        let (mut rows, mut size) = (Vec::new(), 0);
        while rows.len() < most && size < bytes.max(1) {
            let next = self.result.next().await;
            let Some(row) = next.map_err(|e| changed(&self.schema, MysqlError::from_client(&self.doing, e)))? else {
                break;
            };
            let row = self.row(row)?;
            size += row.len();
            rows.push(row);
        }
        Ok((rows, size))
    }

    fn row(&mut self, row: mysql_async::Row) -> Result<Row, MysqlError> {
        let columns = self.schema.columns.iter().zip(&self.decoders).zip(row.unwrap());
        for (place, ((column, decoder), value)) in columns.enumerate() {
            let put = match (decoder, &value) {
                (Some(decoder), Value::Bytes(bytes)) => {
                    put_decoded(&mut self.writer, &mut self.scratch, decoder, bytes)
                }
                _ => put_value(&mut self.writer, &mut self.scratch, &column.ty, &value),
            };
            if let Err(what) = put {
                if let (Some(decoder), Value::Bytes(bytes)) = (marking_decoder(&column.ty, decoder), &value)
                    && !self.schema.key.contains(&place)
                {
                    decoder.mark(bytes, &mut self.marked);
                    self.writer.put(Cell::Bytes(&self.marked));
                    continue;
                }
                self.writer.discard();
                let (table, column) = (self.schema.name.clone(), column.name.to_string());
                return Err(MysqlError::Value { table, column, what });
            }
        }
        Ok(self.writer.finish())
    }
}

/// How text that is not valid is marked: in the form in which it comes.
fn marking_decoder(ty: &MysqlType, decoder: &Option<TextDecoder>) -> Option<TextDecoder> {
    charset_of_type(ty)?;
    Some(decoder.clone().unwrap_or(TextDecoder::Ruled(Charset::Utf8mb4)))
}

/// How text is read that comes as its bytes; see [`crate::predicate`].
fn decoder_of_bytes(ty: &MysqlType, charsets: &Charsets) -> Option<TextDecoder> {
    charset_of_type(ty)
        .filter(|charset| !charset.is_converted_by_the_server())
        .and_then(|charset| charsets.decoder(charset))
}

fn result_differs(
    schema: &TableSchema<MysqlType>,
    decoders: &[Option<TextDecoder>],
    found: &[mysql_async::Column],
) -> Option<String> {
    if found.len() != schema.columns.len() {
        return Some("it has another number of columns".into());
    }
    schema.columns.iter().zip(decoders).zip(found).find_map(|((column, decoder), found)| {
        let form = if decoder.is_some() { TextForm::Bytes } else { TextForm::Text };
        difference(&column.ty, form, found).map(|what| format!("column \"{}\": {what}", column.name))
    })
}

/// Errors that say that the table is no longer what it was.
fn changed(schema: &TableSchema<MysqlType>, error: MysqlError) -> MysqlError {
    let what = match &error {
        MysqlError::Server { code: 1054, .. } => "a column is gone",
        MysqlError::Server { code: 1146 | 1049, .. } => "the table is gone",
        MysqlError::Server { code: 1176, .. } => "its primary key is gone",
        MysqlError::Server { code: 1412 | 1615, .. } => "its definition changed after the snapshot was opened",
        _ => return error,
    };
    MysqlError::TableChanged { table: schema.name.clone(), what: what.to_owned() }
}

/// A range of keys: beyond `after`, up to `through`; both rows of the key's cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRange {
    /// Lower end, not included; none for the beginning.
    pub after: Option<Row>,
    /// Upper end, included; none for the end.
    pub through: Option<Row>,
}

/// Divides a table into at most `parts` ranges of keys of about the same width, which together hold every key there is
/// or will be: for tables whose key is one integer column; one range for all others.
pub async fn plan_ranges(
    session: &mut Session,
    schema: &TableSchema<MysqlType>,
    parts: usize,
) -> Result<Vec<KeyRange>, MysqlError> {
    let whole = vec![KeyRange::default()];
    let &[place] = schema.key.as_slice() else { return Ok(whole) };
    let column = &schema.columns[place];
    let sign = match &column.ty {
        MysqlType::TinyInt(s) | MysqlType::SmallInt(s) | MysqlType::MediumInt(s) | MysqlType::Int(s) => *s,
        MysqlType::BigInt(s) => *s,
        _ => return Ok(whole),
    };
    let doing = format!("dividing table \"{}\"", schema.name);
    let name = Ident(&column.name);
    let sql = format!("SELECT MIN({name}), MAX({name}) FROM {}", table_ident(&schema.name));
    let rows = session.query_texts(&doing, &sql).await.map_err(|e| changed(schema, e))?;
    let Some([Some(first), Some(last)]) = rows.first().map(Vec::as_slice) else { return Ok(whole) };
    let (Ok(first), Ok(last)) = (first.parse::<i128>(), last.parse::<i128>()) else { return Ok(whole) };
    Ok(split(first, last, parts).into_iter().map(|(after, through)| key_range(sign, after, through)).collect())
}

fn split(first: i128, last: i128, parts: usize) -> Vec<(Option<i128>, Option<i128>)> {
    let width = last - first + 1;
    let parts = i128::try_from(parts).unwrap_or(1).clamp(1, width.max(1));
    let edge = |part: i128| first - 1 + width * part / parts;
    (0..parts).map(|part| ((part > 0).then(|| edge(part)), (part + 1 < parts).then(|| edge(part + 1)))).collect()
}

fn key_range(sign: Sign, after: Option<i128>, through: Option<i128>) -> KeyRange {
    let row = |value: i128| -> Row {
        let cell = match sign {
            Sign::Signed => i64::try_from(value).map(Cell::Int),
            Sign::Unsigned => u64::try_from(value).map(Cell::UInt),
        };
        cell.into_iter().collect()
    };
    KeyRange { after: after.map(row), through: through.map(row) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_gapless() {
        assert_eq!(split(1, 1, 4), [(None, None)]);
        assert_eq!(split(1, 10, 2), [(None, Some(5)), (Some(5), None)]);
        let ranges = split(i128::from(i64::MIN), i128::from(u64::MAX), 7);
        assert_eq!(ranges.len(), 7);
        for pair in ranges.windows(2) {
            assert_eq!(pair[0].1, pair[1].0);
        }
    }
}
