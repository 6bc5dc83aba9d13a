//! Tables and their rows: a narrow table, and one with a column of each common type.

use std::sync::Arc;

use millrace_model::batch::{Batch, Control, Entry, RowChange, RowEntry, Watermark};
use millrace_model::mysql_type::Sign;
use millrace_model::schema::{Column, Nullability, Route};
use millrace_model::{BinlogPlace, Cell, MysqlType, Row, RowWriter, SchemaKey, TableName, TableSchema, Transaction};
use millrace_mysql::binlog::{RowsBatch, RowsKind, TableMap};
use millrace_task::Surroundings;
use millrace_transform::mappings::Mappings;

/// Rows of a message.
pub(crate) const ROWS: u64 = 1_000;

/// A column of a table, and the value that all rows have in it.
pub(crate) struct Field {
    pub(super) name: &'static str,
    pub(super) ty: MysqlType,
    pub(super) cell: Cell<'static>,
    /// Its type in the binlog, what the binlog says about the type, and the bytes of its cell there.
    pub(super) binlog: (u8, &'static [u8], Vec<u8>),
}

/// A table; its first column is a number, from 1, the others have the same value in all rows.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<Field>,
}

impl Table {
    /// `id`, `k`, `char(120)`, `char(60)`.
    pub(crate) fn narrow() -> Self {
        // The binlog has a CHAR like a VARCHAR: a length, in two bytes where the text may have more than 255.
        let text = |name, length: u32, value: &'static str, details: &'static [u8], length_bytes| {
            let cell = super::typed::with_length(value.as_bytes(), length_bytes);
            let ty = MysqlType::Char { length, charset: "utf8mb4".into() };
            Field { name, ty, cell: Cell::Text(value), binlog: (254, details, cell) }
        };
        let number = |name, sign, cell, bytes| Field { name, ty: MysqlType::Int(sign), cell, binlog: (3, &[], bytes) };
        let k = 7_654_321_u32;
        let fields = vec![
            number("id", Sign::Signed, Cell::Null, vec![0; 4]),
            number("k", Sign::Unsigned, Cell::UInt(k.into()), k.to_le_bytes().to_vec()),
            // 480 and 240 bytes; two bits of the first stand in the byte before it.
            text("c", 120, TEXT, &[0xee, 0xe0], 2),
            text("pad", 60, &TEXT[..59], &[0xfe, 240], 1),
        ];
        Self { name: "narrow", fields }
    }

    /// A column of each common type.
    pub(crate) fn typed() -> Self {
        Self { name: "typed", fields: super::typed::fields() }
    }

    /// Key of its schema.
    pub(crate) fn key() -> SchemaKey<MysqlType> {
        SchemaKey::new(1, 9)
    }

    /// Its schema at the source.
    pub(crate) fn schema(&self) -> TableSchema<MysqlType> {
        let column = |field: &Field| Column {
            name: field.name.into(),
            ty: field.ty.clone(),
            nullability: if field.cell == Cell::Null && field.name != "id" {
                Nullability::Nullable
            } else {
                Nullability::NotNull
            },
            default: None,
            comment: String::new(),
            collation: "utf8mb4_bin".into(),
        };
        TableSchema {
            table_id: 1,
            name: TableName::new("shop", self.name),
            columns: self.fields.iter().map(column).collect(),
            primary_key: vec![0],
            key: vec![0],
            indexes: Vec::new(),
            comment: String::new(),
            route: Route::Key,
            placement: Default::default(),
        }
    }

    /// One of its rows, as it travels.
    pub(crate) fn row(&self, writer: &mut RowWriter, id: u64) -> Row {
        writer.put(Cell::Int(id as i64));
        self.fields[1..].iter().for_each(|field| writer.put(field.cell));
        writer.finish()
    }

    /// The table's description in the binlog (MySQL source, `Table_map_event`).
    pub(crate) fn binlog_map(&self) -> Arc<TableMap> {
        let codes: Vec<u8> = self.fields.iter().map(|field| field.binlog.0).collect();
        let details: Vec<u8> = self.fields.iter().flat_map(|field| field.binlog.1).copied().collect();
        let name = |name: &str| [&[name.len() as u8], name.as_bytes(), &[0]].concat();
        let head = [7, 0, 0, 0, 0, 0, 1, 0];
        let nullable = vec![0xff; codes.len().div_ceil(8)];
        let (columns, length) = ([codes.len() as u8], [details.len() as u8]);
        let event = [&head[..], &name("shop"), &name(self.name), &columns, &codes, &length, &details, &nullable];
        Arc::new(TableMap::parse(event.concat().into()).unwrap())
    }

    /// An event of the binlog that inserts the rows (MySQL source, `Write_rows_event`).
    pub(crate) fn binlog_rows(&self) -> RowsBatch {
        let bits = self.fields.len().div_ceil(8);
        let mut nulls = vec![0; bits];
        for place in (1..self.fields.len()).filter(|place| self.fields[*place].cell == Cell::Null) {
            nulls[place / 8] |= 1 << (place % 8);
        }
        let mut data = vec![0xff; bits];
        for id in 1..=ROWS {
            data.extend(&nulls);
            data.extend(&id.to_le_bytes()[..self.fields[0].binlog.2.len()]);
            self.fields[1..].iter().for_each(|field| data.extend(&field.binlog.2));
        }
        let place = BinlogPlace::new("binlog.000001", 4);
        RowsBatch { map: self.binlog_map(), kind: RowsKind::Insert, place, data: data.into() }
    }

    /// A captured message of rows of the kind that `change` makes, with the watermark behind them.
    pub(crate) fn captured(&self, change: impl Fn(Row, Row) -> RowChange) -> Batch<MysqlType> {
        let mut writer = RowWriter::new();
        let place = BinlogPlace::new("binlog.000001", 4);
        let transaction = Arc::new(Transaction { place: place.clone(), gtid: None, committed_at: 7 });
        let entry = |sequence: u64| {
            let images = (self.row(&mut writer, sequence), self.row(&mut writer, sequence));
            let (schema, transaction) = (Self::key(), Some(transaction.clone()));
            Entry::Row(RowEntry {
                sequence,
                schema,
                transaction,
                ordinal: sequence,
                change: change(images.0, images.1),
            })
        };
        let mut entries: Vec<Entry<MysqlType>> = (1..=ROWS).map(entry).collect();
        let watermark = Watermark { ordinal: 1, place: Some(place), gtid: String::new(), committed_at: 8 };
        entries.push(Entry::Control { sequence: ROWS + 1, control: Control::Watermark(watermark) });
        Batch { first: 1, last: ROWS + 1, input_offset: None, entries }
    }

    /// What a task that names all tables makes of it.
    pub(crate) fn mappings(&self) -> Mappings {
        let text = "name = 'shop'\nsource = { url = 'mysql://u@127.0.0.1' }\n\
                    destination = { url = 'postgres://u@127.0.0.1/d' }\nobjects = [{ table = 'shop.*' }]";
        let task = millrace_task::parse(text, "shop.toml".as_ref(), &Surroundings::none()).unwrap();
        let mut mappings = Mappings::default();
        mappings.add(Self::key(), self.schema(), &task.selection).unwrap();
        mappings
    }
}

const TEXT: &str = "08566691963-88624912351-16662227201-46648573979-64646226163-77505759394-75470094713-41097360717-\
                    15161106334-50535565977";
