//! From the raw rows of an event to [`Row`]s, by a plan made once per table map and schema.
//!
//! A row image is a bitmap of its NULLs and then the cells of the other columns (MySQL source, `Rows_event`). Nothing in
//! it separates cells, so one wrong width breaks all that follow: that is why [`RowDecoder::new`] compares every column
//! with the schema, and why images that lack columns are refused.

use millrace_model::{Cell, MysqlType, Row, RowWriter, TableSchema};

use super::cell::{CellPlan, Invalid, Scratch};
use super::cursor::Cursor;
use super::error::BinlogError;
use super::event::{RowsBatch, RowsKind};
use super::schema_check::{self, SchemaMismatch};
use super::table_map::TableMap;
use crate::charset::Charsets;

/// One changed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowImage {
    /// Inserted.
    Insert(Row),
    /// Changed.
    Update {
        /// The row before.
        before: Row,
        /// The row after.
        after: Row,
    },
    /// Deleted.
    Delete(Row),
}

/// Decodes the rows of one table map by one schema.
#[derive(Debug, Clone)]
pub struct RowDecoder {
    columns: Vec<PlannedColumn>,
}

#[derive(Debug, Clone)]
struct PlannedColumn {
    plan: CellPlan,
    name: Box<str>,
}

impl RowDecoder {
    /// A decoder of the rows that follow `map`, whose cells are those of `schema` and whose character sets `charsets`
    /// covers; an error where they disagree.
    pub fn new(map: &TableMap, schema: &TableSchema<MysqlType>, charsets: &Charsets) -> Result<Self, SchemaMismatch> {
        schema_check::check(map, schema)?;
        let plan = |(place, (mapped, column)): (
            usize,
            (&super::table_map::MappedColumn, &millrace_model::Column<MysqlType>),
        )| {
            let invalid = if schema.key.contains(&place) { Invalid::Refused } else { Invalid::Marked };
            let plan = CellPlan::new(mapped.wire, column, invalid, charsets)
                .map_err(|mismatch| SchemaMismatch { table: map.name.clone(), mismatch })?;
            Ok(PlannedColumn { plan, name: (&*column.name).into() })
        };
        let columns = map.columns.iter().zip(&schema.columns).enumerate().map(plan).collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// The changed rows of an event, in its order. `writer` keeps its buffer from event to event, and must hold no row
    /// that was begun. An error if the event does not hold all columns.
    pub fn decode<'a>(&'a self, rows: &'a RowsBatch, writer: &'a mut RowWriter) -> Result<RowImages<'a>, BinlogError> {
        let mut images = RowImages {
            decoder: self,
            batch: rows,
            rest: Cursor::new(&rows.data),
            writer,
            scratch: Scratch::default(),
        };
        let bitmaps = match rows.kind {
            RowsKind::Insert | RowsKind::Delete => 1,
            RowsKind::Update | RowsKind::UpdateInPart => 2,
        };
        for _ in 0..bitmaps {
            images.ensure_all_columns_present()?;
        }
        Ok(images)
    }
}

/// The rows of one event. Ends after an error.
#[derive(Debug)]
pub struct RowImages<'a> {
    decoder: &'a RowDecoder,
    batch: &'a RowsBatch,
    rest: Cursor<'a>,
    writer: &'a mut RowWriter,
    scratch: Scratch,
}

impl Iterator for RowImages<'_> {
    type Item = Result<RowImage, BinlogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let image = self.image();
        if image.is_err() {
            self.rest = Cursor::new(&[]);
            self.writer.discard();
        }
        Some(image)
    }
}

impl<'a> RowImages<'a> {
    fn image(&mut self) -> Result<RowImage, BinlogError> {
        Ok(match self.batch.kind {
            RowsKind::Insert => RowImage::Insert(self.row()?),
            RowsKind::Delete => RowImage::Delete(self.row()?),
            RowsKind::Update => RowImage::Update { before: self.row()?, after: self.row()? },
            RowsKind::UpdateInPart => self.update_in_part()?,
        })
    }

    fn row(&mut self) -> Result<Row, BinlogError> {
        let decoder = self.decoder;
        let nulls = self.bitmap()?;
        for (index, column) in decoder.columns.iter().enumerate() {
            if nulls[index / 8] >> (index % 8) & 1 == 1 {
                self.writer.put(Cell::Null);
                continue;
            }
            if let Err(what) = column.plan.read(&mut self.rest, &mut self.scratch, self.writer) {
                return Err(self.cell_error(&column.name, what));
            }
        }
        Ok(self.writer.finish())
    }

    /// One bit a column.
    fn bitmap(&mut self) -> Result<&'a [u8], BinlogError> {
        let length = self.decoder.columns.len().div_ceil(8);
        self.rest.take(length).ok_or_else(|| self.row_error("the event is cut short"))
    }

    fn row_error(&self, what: &'static str) -> BinlogError {
        BinlogError::Row { place: self.batch.place.clone(), table: self.batch.map.name.clone(), what }
    }

    fn ensure_all_columns_present(&mut self) -> Result<(), BinlogError> {
        let count = self.decoder.columns.len();
        let present = self.bitmap()?;
        if (0..count).all(|index| present[index / 8] >> (index % 8) & 1 == 1) {
            return Ok(());
        }
        Err(BinlogError::PartialImage { place: self.batch.place.clone(), table: self.batch.map.name.clone() })
    }

    fn cell_error(&self, column: &str, what: &'static str) -> BinlogError {
        BinlogError::Cell {
            place: self.batch.place.clone(),
            table: self.batch.map.name.clone(),
            column: column.to_owned(),
            what,
        }
    }
}

mod partial;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use millrace_model::mysql_type::{Rounding, Sign};
    use millrace_model::schema::{Nullability, Route};
    use millrace_model::{BinlogPlace, Column, TableName};
    use proptest::prelude::*;

    use super::*;

    fn schema(types: &[MysqlType]) -> TableSchema<MysqlType> {
        let column = |(index, ty): (usize, &MysqlType)| Column {
            name: format!("c{index}").into(),
            ty: ty.clone(),
            nullability: Nullability::Nullable,
            default: None,
            comment: String::new(),
            collation: "".into(),
        };
        TableSchema {
            table_id: 1,
            name: TableName::new("d", "t"),
            columns: types.iter().enumerate().map(column).collect(),
            primary_key: vec![],
            key: vec![],
            indexes: vec![],
            comment: String::new(),
            route: Route::Key,
            placement: Default::default(),
        }
    }

    fn map(codes: &[u8], details: &[u8]) -> Arc<TableMap> {
        let mut data = vec![7, 0, 0, 0, 0, 0, 1, 0, 1, b'd', 0, 1, b't', 0, codes.len() as u8];
        data.extend(codes);
        data.push(details.len() as u8);
        data.extend(details);
        data.extend(vec![0xff; codes.len().div_ceil(8)]);
        Arc::new(TableMap::parse(data.into()).unwrap())
    }

    fn batch(map: Arc<TableMap>, kind: RowsKind, data: Vec<u8>) -> RowsBatch {
        RowsBatch { map, kind, place: BinlogPlace::new("binlog.000001", 4), data: data.into() }
    }

    const UTF8: &str = "utf8mb4";

    /// Type code, metadata, schema type, bytes of a cell, the cell.
    type Case = (u8, Vec<u8>, MysqlType, Vec<u8>, Cell<'static>);

    /// One column each.
    fn cases() -> Vec<Case> {
        use MysqlType::*;
        let labels: Arc<[String]> = ["x", "y", "z"].map(String::from).into();
        let empty_first: Arc<[String]> = ["", "a", "b"].map(String::from).into();
        let text = |length_bytes| Text { length_bytes, charset: UTF8.into() };
        vec![
            (1, vec![], TinyInt(Sign::Signed), vec![0xff], Cell::Int(-1)),
            (1, vec![], TinyInt(Sign::Unsigned), vec![0xff], Cell::UInt(255)),
            (2, vec![], SmallInt(Sign::Signed), vec![0, 0x80], Cell::Int(-32768)),
            (9, vec![], MediumInt(Sign::Signed), vec![0xff; 3], Cell::Int(-1)),
            (9, vec![], MediumInt(Sign::Unsigned), vec![0xff; 3], Cell::UInt(16_777_215)),
            (3, vec![], Int(Sign::Signed), vec![0xfe, 0xff, 0xff, 0xff], Cell::Int(-2)),
            (8, vec![], BigInt(Sign::Signed), i64::MIN.to_le_bytes().to_vec(), Cell::Int(i64::MIN)),
            (8, vec![], BigInt(Sign::Unsigned), vec![0xff; 8], Cell::UInt(u64::MAX)),
            (246, vec![4, 2], Decimal { precision: 4, scale: 2 }, vec![0x80 | 1, 50], Cell::Text("1.50")),
            (4, vec![4], Float(Rounding::None), 1.5f32.to_le_bytes().to_vec(), Cell::Float(1.5)),
            (5, vec![8], Double(Rounding::None), (-0.0f64).to_le_bytes().to_vec(), Cell::Double(-0.0)),
            (16, vec![1, 1], Bit(9), vec![1, 2], Cell::UInt(258)),
            (13, vec![], Year, vec![0], Cell::UInt(0)),
            (13, vec![], Year, vec![124], Cell::UInt(2024)),
            (10, vec![], Date, vec![0, 0, 0], Cell::Text("0000-00-00")),
            (19, vec![2], Time(2), vec![0x7f, 0xff, 0xfe, 0xce], Cell::Text("-00:00:01.50")),
            (254, vec![0xfe, 12], Char { length: 3, charset: UTF8.into() }, vec![2, 0xc3, 0xa9], Cell::Text("é")),
            (15, vec![0x2c, 1], Varchar { length: 75, charset: UTF8.into() }, vec![1, 0, b'a'], Cell::Text("a")),
            (15, vec![5, 0], Varbinary(5), vec![2, 0, 1], Cell::Bytes(&[0, 1])),
            (254, vec![0xfe, 4], Binary(4), vec![1, 9], Cell::Bytes(&[9, 0, 0, 0])),
            (252, vec![2], text(2), vec![1, 0, b'q'], Cell::Text("q")),
            (252, vec![1], Blob(1), vec![1, 0xff], Cell::Bytes(&[0xff])),
            (254, vec![0xf7, 1], Enum(labels.clone()), vec![0], Cell::Text("")),
            (254, vec![0xf7, 1], Enum(labels.clone()), vec![3], Cell::Text("z")),
            (254, vec![0xf8, 1], Set(labels.clone()), vec![0b101], Cell::Text("x,z")),
            (254, vec![0xf8, 1], Set(labels), vec![0], Cell::Text("")),
            (254, vec![0xf8, 1], Set(empty_first.clone()), vec![0b101], Cell::Text("b")),
            (254, vec![0xf8, 1], Set(empty_first), vec![0b110], Cell::Text("a,b")),
            (245, vec![4], Json, vec![2, 0, 0, 0, 4, 1], Cell::Text("true")),
            (255, vec![4], Geometry("point".into()), vec![1, 0, 0, 0, 7], Cell::Bytes(&[7])),
            (242, vec![4], Vector(1), vec![4, 0, 0, 0, 1, 2, 3, 4], Cell::Bytes(&[1, 2, 3, 4])),
        ]
    }

    fn wide() -> (Arc<TableMap>, TableSchema<MysqlType>, Vec<u8>, Row) {
        let cases = cases();
        let codes: Vec<u8> = cases.iter().map(|c| c.0).collect();
        let details: Vec<u8> = cases.iter().flat_map(|c| c.1.clone()).collect();
        let types: Vec<MysqlType> = cases.iter().map(|c| c.2.clone()).collect();
        let cells: Vec<u8> = cases.iter().flat_map(|c| c.3.clone()).collect();
        let row = cases.iter().map(|c| c.4).collect();
        (map(&codes, &details), schema(&types), cells, row)
    }

    #[test]
    fn reads_every_type_in_one_row() {
        let (map, schema, cells, row) = wide();
        let bitmap = vec![0xff; schema.columns.len().div_ceil(8)];
        let no_nulls = vec![0; bitmap.len()];
        let decoder = RowDecoder::new(&map, &schema, &Charsets::default()).unwrap();
        let mut writer = RowWriter::new();
        let data = [&bitmap[..], &no_nulls, &cells, &bitmap].concat();
        let batch = batch(map.clone(), RowsKind::Delete, data.clone());
        let images: Vec<_> = decoder.decode(&batch, &mut writer).unwrap().map(Result::unwrap).collect();
        let nulls: Row = schema.columns.iter().map(|_| Cell::Null).collect();
        assert_eq!(images, [RowImage::Delete(row.clone()), RowImage::Delete(nulls.clone())]);
        let update = [&bitmap[..], &data].concat();
        let batch = super::tests::batch(map, RowsKind::Update, update);
        let images: Vec<_> = decoder.decode(&batch, &mut writer).unwrap().map(Result::unwrap).collect();
        assert_eq!(images, [RowImage::Update { before: row, after: nulls }]);
    }

    #[test]
    fn refuses_every_truncation() {
        let (map, schema, cells, _) = wide();
        let width = schema.columns.len().div_ceil(8);
        let decoder = RowDecoder::new(&map, &schema, &Charsets::default()).unwrap();
        let data = [&vec![0xff; width][..], &vec![0; width], &cells].concat();
        for end in width + 1..data.len() {
            let batch = batch(map.clone(), RowsKind::Insert, data[..end].to_vec());
            let mut writer = RowWriter::new();
            assert!(decoder.decode(&batch, &mut writer).unwrap().any(|image| image.is_err()), "{end}");
        }
    }

    #[test]
    fn refuses_partial_images() {
        let map = map(&[3, 3], &[]);
        let schema = schema(&[MysqlType::Int(Sign::Signed), MysqlType::Int(Sign::Signed)]);
        let decoder = RowDecoder::new(&map, &schema, &Charsets::default()).unwrap();
        let batch = batch(map, RowsKind::Insert, vec![0b01, 0, 1, 0, 0, 0]);
        let error = decoder.decode(&batch, &mut RowWriter::new()).unwrap_err();
        assert!(error.hint().contains("binlog_row_image"), "{error}");
    }

    #[test]
    fn tells_what_disagrees_with_the_schema() {
        let map = map(&[3, 15], &[12, 0]);
        let varchar = |length, charset: &str| MysqlType::Varchar { length, charset: charset.into() };
        let int = MysqlType::Int(Sign::Signed);
        for (types, message) in [
            (vec![int.clone()], "2 columns instead of 1"),
            (vec![MysqlType::BigInt(Sign::Signed), varchar(3, UTF8)], "column \"c0\" is Long instead of bigint"),
            (vec![int.clone(), varchar(4, UTF8)], "column \"c1\" is Varchar(12) instead of varchar(4)"),
            (vec![int.clone(), varchar(6, "gbk")], "character set \"gbk\", which cannot be read"),
        ] {
            let error = RowDecoder::new(&map, &schema(&types), &Charsets::default()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert!(RowDecoder::new(&map, &schema(&[int, varchar(3, UTF8)]), &Charsets::default()).is_ok());
    }

    proptest! {
        #[test]
        fn never_panics(data: Vec<u8>, kind in 0..3) {
            let (map, schema, cells, _) = wide();
            let decoder = RowDecoder::new(&map, &schema, &Charsets::default()).unwrap();
            let kind = [RowsKind::Insert, RowsKind::Update, RowsKind::Delete][kind as usize];
            let width = schema.columns.len().div_ceil(8);
            let present = vec![0xff; 2 * width];
            for data in [data.clone(), [&present[..], &data].concat(), [&present[..], &cells[..40], &data].concat()] {
                let batch = batch(map.clone(), kind, data);
                let mut writer = RowWriter::new();
                if let Ok(images) = decoder.decode(&batch, &mut writer) {
                    for image in images.flatten() {
                        let (RowImage::Insert(row) | RowImage::Delete(row) | RowImage::Update { before: row, .. }) = image;
                        prop_assert!(row.len() <= 64 * batch.data.len() + 64 * schema.columns.len());
                    }
                }
            }
        }
    }
}
