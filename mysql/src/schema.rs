//! The source's tables, read from `information_schema` in five queries whatever their number.
//!
//! What `information_schema` shows is what the session's user may see; invisible columns and generated invisible primary
//! keys are columns like others. A type that is not known is an error that names it: a table is never carried in part.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use millrace_model::schema::{Nullability, Placement, Route, SourceOnly, Uniqueness};
use millrace_model::{Column, Index, MysqlType, TableName, TableSchema};

use crate::column_default::from_catalog;
use crate::column_type::{charset_of_collation, collation_name, parse_column_type};
use crate::connect::Session;
use crate::error::MysqlError;
use crate::ident::text_constant;
use crate::keys::{IndexDefinition, IndexKind, IndexPart, arrange};

/// What happens to rows when the row that they refer to goes or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceAction {
    /// RESTRICT, NO ACTION or none.
    Refuse,
    /// CASCADE.
    Cascade,
    /// SET NULL.
    SetNull,
    /// SET DEFAULT.
    SetDefault,
}

impl ReferenceAction {
    /// The action of its SQL text.
    pub fn parse(text: &str) -> Self {
        match &*text.to_ascii_uppercase() {
            "CASCADE" => Self::Cascade,
            "SET NULL" => Self::SetNull,
            "SET DEFAULT" => Self::SetDefault,
            _ => Self::Refuse,
        }
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Name of the constraint; empty where CREATE TABLE leaves it to the server.
    pub name: String,
    /// Places of the columns.
    pub columns: Vec<usize>,
    /// The table referred to.
    pub referenced: TableName,
    /// Its columns.
    pub referenced_columns: Vec<Arc<str>>,
    /// ON DELETE.
    pub on_delete: ReferenceAction,
    /// ON UPDATE.
    pub on_update: ReferenceAction,
}

impl ForeignKey {
    /// Whether the server changes rows of the table by itself; before MySQL 9.6 those changes are not in the binlog.
    pub fn cascades(&self) -> bool {
        self.on_delete != ReferenceAction::Refuse || self.on_update != ReferenceAction::Refuse
    }
}

/// A table of the source with all that the catalog says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTable {
    /// Its name.
    pub name: TableName,
    /// Columns in order, with invisible and generated ones.
    pub columns: Vec<Column<MysqlType>>,
    /// Places of the primary key's columns; empty for none.
    pub primary_key: Vec<usize>,
    /// Places of the replication key's columns; empty for none.
    pub key: Vec<usize>,
    /// Secondary indexes that can be carried, by name.
    pub indexes: Vec<Index>,
    /// Indexes that cannot be carried, each with its reason.
    pub left_out: Vec<String>,
    /// What counts for later statements only.
    pub source_only: SourceOnly,
    /// Comment; empty for none.
    pub comment: String,
    /// Whether there is a unique key besides the replication key.
    pub has_other_unique_key: bool,
    /// Foreign keys, by name.
    pub foreign_keys: Vec<ForeignKey>,
    /// Rows, as the server guesses.
    pub estimated_rows: u64,
    /// Bytes of data, as the server guesses.
    pub estimated_bytes: u64,
}

impl SourceTable {
    /// The schema that the log knows the table by. Rows keep their order over the whole table where there is no key, or
    /// another unique key whose values could move between rows.
    pub fn into_schema(self, table_id: u64) -> TableSchema<MysqlType> {
        let route = if self.key.is_empty() || self.has_other_unique_key { Route::Table } else { Route::Key };
        TableSchema {
            table_id,
            name: self.name,
            columns: self.columns,
            primary_key: self.primary_key,
            key: self.key,
            indexes: self.indexes,
            comment: self.comment,
            route,
            placement: Placement::default(),
        }
    }
}

const SYSTEM_DATABASES: &str = "'mysql', 'information_schema', 'performance_schema', 'sys'";

/// Reads all base tables that are wanted, by name; the server's own databases are never among them.
pub async fn read_tables(
    session: &mut Session,
    wanted: &(dyn Fn(&TableName) -> bool + Sync),
) -> Result<Vec<SourceTable>, MysqlError> {
    let mut tables = read_table_list(session, wanted).await?;
    let databases: BTreeSet<&str> = tables.keys().map(|name| &*name.database).collect();
    if databases.is_empty() {
        return Ok(Vec::new());
    }
    let databases = databases.into_iter().map(text_constant).collect::<Vec<_>>().join(", ");
    read_columns(session, &databases, &mut tables).await?;
    let mut definitions = read_indexes(session, &databases, &tables).await?;
    read_foreign_keys(session, &databases, &mut tables).await?;
    let mut result = Vec::with_capacity(tables.len());
    for (name, mut table) in tables {
        let keys = arrange(&table.columns, definitions.remove(&name).unwrap_or_default());
        table.primary_key = keys.primary_key;
        table.key = keys.key;
        table.indexes = keys.indexes;
        table.left_out = keys.left_out;
        table.source_only.indexes = keys.others;
        table.has_other_unique_key = keys.has_other_unique_key;
        result.push(table);
    }
    Ok(result)
}

type Tables = BTreeMap<TableName, SourceTable>;

async fn read_table_list(
    session: &mut Session,
    wanted: &(dyn Fn(&TableName) -> bool + Sync),
) -> Result<Tables, MysqlError> {
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_COMMENT, TABLE_ROWS, DATA_LENGTH, TABLE_COLLATION \
         FROM information_schema.TABLES \
         WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN ({SYSTEM_DATABASES})"
    );
    let mut tables = Tables::new();
    for row in session.query_texts("listing the tables", &sql).await? {
        let mut cells = TextCells::new(row);
        let name = TableName::new(cells.text(), cells.text());
        if !wanted(&name) {
            continue;
        }
        let comment = cells.text();
        let (estimated_rows, estimated_bytes) = (cells.number(), cells.number());
        let collation = collation_name(&cells.text());
        let charset = charset_of_collation(&collation).unwrap_or_else(|| "".into());
        let table = SourceTable {
            name: name.clone(),
            columns: Vec::new(),
            primary_key: Vec::new(),
            key: Vec::new(),
            indexes: Vec::new(),
            left_out: Vec::new(),
            source_only: SourceOnly { charset, collation, ..SourceOnly::default() },
            comment,
            has_other_unique_key: false,
            foreign_keys: Vec::new(),
            estimated_rows,
            estimated_bytes,
        };
        tables.insert(name, table);
    }
    Ok(tables)
}

async fn read_columns(session: &mut Session, databases: &str, tables: &mut Tables) -> Result<(), MysqlError> {
    let flavour = session.flavour();
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, IS_NULLABLE, COLUMN_DEFAULT, \
         EXTRA, COLUMN_COMMENT, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN ({databases}) \
         ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"
    );
    for row in session.query_texts("reading the columns", &sql).await? {
        let mut cells = TextCells::new(row);
        let name = TableName::new(cells.text(), cells.text());
        let Some(table) = tables.get_mut(&name) else { continue };
        let (column, type_text, charset) = (cells.text(), cells.text(), cells.next());
        let Some(ty) = parse_column_type(&type_text, charset.as_deref()) else {
            return Err(MysqlError::UnknownType { table: name, column, ty: type_text });
        };
        let nullability = if cells.text() == "YES" { Nullability::Nullable } else { Nullability::NotNull };
        let (default, extra) = (cells.next(), cells.text());
        if extra.contains("auto_increment") {
            table.source_only.auto_increment = Some(table.columns.len());
        }
        let default = from_catalog(flavour, &ty, default.as_deref(), &extra);
        let (name, comment) = (column.into(), cells.text());
        let collation = collation_name(&cells.text());
        table.columns.push(Column { name, ty, nullability, default, comment, collation });
    }
    Ok(())
}

async fn read_indexes(
    session: &mut Session,
    databases: &str,
    tables: &Tables,
) -> Result<HashMap<TableName, Vec<IndexDefinition>>, MysqlError> {
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, NON_UNIQUE, INDEX_TYPE, SUB_PART, COLUMN_NAME \
         FROM information_schema.STATISTICS WHERE TABLE_SCHEMA IN ({databases}) \
         ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
    );
    let mut all: HashMap<TableName, Vec<IndexDefinition>> = HashMap::new();
    for row in session.query_texts("reading the indexes", &sql).await? {
        let mut cells = TextCells::new(row);
        let name = TableName::new(cells.text(), cells.text());
        let Some(table) = tables.get(&name) else { continue };
        let index: Arc<str> = cells.text().into();
        let uniqueness = if cells.number() == 0 { Uniqueness::Unique } else { Uniqueness::NonUnique };
        let kind = match &*cells.text() {
            "FULLTEXT" => IndexKind::FullText,
            "SPATIAL" | "RTREE" => IndexKind::Spatial,
            "VECTOR" => IndexKind::Vector,
            _ => IndexKind::Plain,
        };
        let prefix = cells.next().is_some();
        let place = cells.next().and_then(|column| place_of(&table.columns, &column));
        let part = match (place, prefix) {
            (None, _) => IndexPart::Expression,
            (Some(place), true) => IndexPart::Prefix(place),
            (Some(place), false) => IndexPart::Column(place),
        };
        let definitions = all.entry(name).or_default();
        match definitions.last_mut() {
            Some(last) if last.name == index => last.parts.push(part),
            _ => definitions.push(IndexDefinition { name: index, uniqueness, kind, parts: vec![part] }),
        }
    }
    Ok(all)
}

async fn read_foreign_keys(session: &mut Session, databases: &str, tables: &mut Tables) -> Result<(), MysqlError> {
    let sql = format!(
        "SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA, \
         k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE \
         FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r \
         ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME \
         AND r.TABLE_NAME = k.TABLE_NAME \
         WHERE k.TABLE_SCHEMA IN ({databases}) AND k.REFERENCED_TABLE_NAME IS NOT NULL \
         ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION"
    );
    for row in session.query_texts("reading the foreign keys", &sql).await? {
        let mut cells = TextCells::new(row);
        let name = TableName::new(cells.text(), cells.text());
        let Some(table) = tables.get_mut(&name) else { continue };
        let constraint = cells.text();
        let Some(place) = place_of(&table.columns, &cells.text()) else { continue };
        let referenced = TableName::new(cells.text(), cells.text());
        let referenced_column: Arc<str> = cells.text().into();
        match table.foreign_keys.last_mut() {
            Some(last) if last.name == constraint => {
                last.columns.push(place);
                last.referenced_columns.push(referenced_column);
            }
            _ => table.foreign_keys.push(ForeignKey {
                name: constraint,
                columns: vec![place],
                referenced,
                referenced_columns: vec![referenced_column],
                on_delete: ReferenceAction::parse(&cells.text()),
                on_update: ReferenceAction::parse(&cells.text()),
            }),
        }
    }
    Ok(())
}

/// The place of a column; names of columns are the same in any case.
pub fn place_of(columns: &[Column<MysqlType>], name: &str) -> Option<usize> {
    columns
        .iter()
        .position(|c| &*c.name == name)
        .or_else(|| columns.iter().position(|c| c.name.to_lowercase() == name.to_lowercase()))
}

/// The cells of a row of texts, taken from left to right.
struct TextCells(std::vec::IntoIter<Option<String>>);

impl TextCells {
    fn new(row: Vec<Option<String>>) -> Self {
        Self(row.into_iter())
    }

    fn next(&mut self) -> Option<String> {
        self.0.next().flatten()
    }

    fn text(&mut self) -> String {
        self.next().unwrap_or_default()
    }

    fn number(&mut self) -> u64 {
        self.next().and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}
