//! One table from source to destination: its schema, and the function from its rows to the destination's rows.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_model::batch::RowChange;
use millrace_model::mysql_type::MysqlType;
use millrace_model::pg_type::PgType;
use millrace_model::row::{Row, RowWriter};
use millrace_model::schema::{Column, Index, Nullability, TableName, TableSchema};
use millrace_proto::Standing;
use millrace_task::{ExistingTables, ObjectRule, Operations};

use crate::cells::CellRule;
use crate::convert::{allowed, conversion};
use crate::defaults::map_default;
use crate::error::TransformError;
use crate::filter::Filter;
use crate::key::{named_key, placement};
use crate::treatment::{InKey, Treatment};
use crate::types::{default_moves, target_type, type_of_profile};

/// A table's mapping at one schema version.
#[derive(Debug)]
pub struct TableMapping {
    pub(crate) source: Arc<TableSchema<MysqlType>>,
    pub(crate) target: Arc<TableSchema<PgType>>,
    pub(crate) rules: Vec<CellRule>,
    pub(crate) filter: Option<Filter>,
    pub(crate) operations: Operations,
    /// Whether the destination's columns, keys and indexes are those of the source's schema.
    pub(crate) shape: Standing,
    /// Whether the destination's name is that of the source's.
    pub(crate) name: Standing,
}

/// What becomes of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It moves, as this.
    Moves(RowChange),
    /// The table's condition is not true for its rows.
    Filtered,
    /// The task does not replicate the operation.
    NotReplicated,
}

impl TableMapping {
    /// The mapping that the task file's rule makes of a source table.
    pub fn new(source: Arc<TableSchema<MysqlType>>, rule: &ObjectRule) -> Result<Self, TransformError> {
        let mapping = Self::shaped(source, rule)?;
        mapping.ensure_names_need_no_quotes(rule)?;
        Ok(mapping)
    }

    /// The mapping before its names are looked at.
    pub(crate) fn shaped(source: Arc<TableSchema<MysqlType>>, rule: &ObjectRule) -> Result<Self, TransformError> {
        let named_key = named_key(&source, rule)?;
        let key = named_key.as_ref().unwrap_or(&source.key);
        if key.is_empty() && rule.existing_tables() == ExistingTables::Ignore {
            return Err(TransformError::KeylessAmongOthers(source.name.clone()));
        }
        // places[i]: where source column i is in the destination.
        let mut places: Vec<Option<usize>> = Vec::new();
        let mut columns: Vec<Column<PgType>> = Vec::new();
        let mut rules = Vec::new();
        for (i, column) in source.columns.iter().enumerate() {
            let in_key = if key.contains(&i) || source.key.contains(&i) { InKey::Yes } else { InKey::No };
            if rule.excludes_column(&column.name) {
                if in_key == InKey::Yes {
                    let (table, column) = (source.name.clone(), column.name.to_string());
                    return Err(TransformError::KeyColumnExcluded { table, column });
                }
                places.push(None);
                rules.push(CellRule::Drop);
                continue;
            }
            places.push(Some(columns.len()));
            let (mapped, cells) = map_column(&source.name, column, in_key, rule)?;
            rules.push(cells);
            columns.push(mapped);
        }
        if columns.is_empty() {
            return Err(TransformError::NoColumns(source.name.clone()));
        }
        ensure_names_differ(&source, &columns, &places)?;
        let called = |index: Index| Index { name: rule.destination_index(&index.name).into(), ..index };
        let target = TableSchema {
            table_id: source.table_id,
            name: rule.destination_table(&source.name),
            columns,
            primary_key: map_places(named_key.as_ref().unwrap_or(&source.primary_key), &places).unwrap_or_default(),
            key: map_places(key, &places).unwrap_or_default(),
            indexes: match rule.has_indexes() {
                true => source.indexes.iter().filter_map(|index| map_index(index, &places)).map(called).collect(),
                false => Vec::new(),
            },
            comment: if rule.has_comments() { source.comment.clone() } else { String::new() },
            route: source.route,
            placement: placement(&source, rule, key, &places)?,
        };
        let (filter, target) = (filter_of(&source, rule)?, Arc::new(target));
        let (shape, name) = (Standing::Follows, Standing::Follows);
        Ok(Self { source, target, rules, filter, operations: rule.operations(), shape, name })
    }

    /// Where names are not quoted, all of them can be written so.
    pub(crate) fn ensure_names_need_no_quotes(&self, rule: &ObjectRule) -> Result<(), TransformError> {
        let moving = self.moving_columns().into_iter().zip(&self.target.columns);
        let columns = moving.map(|(place, target)| (&*self.source.columns[place].name, target.name.to_string()));
        Ok(rule.ensure_names_need_no_quotes(&self.source.name, &self.target.name, columns)?)
    }

    /// The source's schema.
    pub fn source(&self) -> &Arc<TableSchema<MysqlType>> {
        &self.source
    }

    /// The destination's schema.
    pub fn target(&self) -> &Arc<TableSchema<PgType>> {
        &self.target
    }

    /// Places of the source's columns that move, in the order of the destination's columns.
    pub fn moving_columns(&self) -> Vec<usize> {
        (0..self.rules.len()).filter(|&place| self.rules[place] != CellRule::Drop).collect()
    }

    /// Number of columns in the source.
    pub fn source_columns(&self) -> usize {
        self.source.columns.len()
    }

    /// Which operations of the source are replicated.
    pub fn operations(&self) -> Operations {
        self.operations
    }

    /// Transforms a change, unless the task leaves it out. An update that enters the filter is an insert, one
    /// that leaves it a delete: the destination has a row exactly where its newest image is in the filter.
    pub fn change(
        &self,
        change: &RowChange,
        buffer: &mut String,
        out: &mut RowWriter,
    ) -> Result<Verdict, TransformError> {
        if change.operation().is_some_and(|operation| !self.operations.contains(operation)) {
            return Ok(Verdict::NotReplicated);
        }
        let mut row = |row: &Row| self.row(row, buffer, out);
        Ok(Verdict::Moves(match change {
            RowChange::Read { row: read, purpose } if self.passes(read)? => {
                RowChange::Read { row: row(read)?, purpose: *purpose }
            }
            RowChange::Insert(after) if self.passes(after)? => RowChange::Insert(row(after)?),
            RowChange::Delete(before) if self.passes(before)? => RowChange::Delete(row(before)?),
            RowChange::Update { before, after } => match (self.passes(before)?, self.passes(after)?) {
                (true, true) => RowChange::Update { before: row(before)?, after: row(after)? },
                (true, false) => RowChange::Delete(row(before)?),
                (false, true) => RowChange::Insert(row(after)?),
                (false, false) => return Ok(Verdict::Filtered),
            },
            RowChange::Read { .. } | RowChange::Insert(_) | RowChange::Delete(_) => return Ok(Verdict::Filtered),
        }))
    }

    fn passes(&self, row: &Row) -> Result<bool, TransformError> {
        let Some(filter) = &self.filter else { return Ok(true) };
        filter.is_true(row).map_err(|none| {
            let column =
                self.source.columns.get(none.column).map_or_else(String::new, |column| column.name.to_string());
            TransformError::NoVerdict { table: self.source.name.clone(), column, reason: none.reason }
        })
    }

    fn row(&self, row: &Row, buffer: &mut String, out: &mut RowWriter) -> Result<Row, TransformError> {
        if self.keeps(row) {
            return Ok(row.clone());
        }
        for (place, (cell, rule)) in row.cells().zip(&self.rules).enumerate() {
            if let Err(problem) = rule.apply(cell, buffer, out) {
                out.discard();
                let (table, column) = (self.source.name.clone(), self.source.columns[place].name.to_string());
                return Err(TransformError::Value { table, column, problem });
            }
        }
        Ok(out.finish())
    }

    /// Whether nothing of a row changes: it then travels on as the bytes that it came in.
    fn keeps(&self, row: &Row) -> bool {
        if !self.rules.iter().all(|rule| rule.may_keep()) {
            return false;
        }
        let mut cells = row.cells();
        self.rules.iter().all(|rule| cells.next().is_some_and(|cell| rule.keeps(cell))) && cells.next().is_none()
    }
}

/// The rule's condition against the table's types.
pub(crate) fn filter_of(source: &TableSchema<MysqlType>, rule: &ObjectRule) -> Result<Option<Filter>, TransformError> {
    let filter = rule.condition().map(|condition| Filter::new(condition, source)).transpose();
    filter.map_err(|problem| TransformError::Condition { table: source.name.clone(), problem })
}

pub(crate) fn map_places(places: &[usize], map: &[Option<usize>]) -> Option<Vec<usize>> {
    places.iter().map(|&place| map[place]).collect()
}

/// An index of which a column does not move does not move either.
pub(crate) fn map_index(index: &Index, map: &[Option<usize>]) -> Option<Index> {
    let columns = map_places(&index.columns, map)?;
    Some(Index { name: index.name.clone(), columns, uniqueness: index.uniqueness })
}

fn map_column(
    table: &TableName,
    column: &Column<MysqlType>,
    in_key: InKey,
    rule: &ObjectRule,
) -> Result<(Column<PgType>, CellRule), TransformError> {
    let usual = target_type(&column.ty);
    let treatment = Treatment::new(in_key, rule.value_policies());
    let name = rule.destination_column(&column.name).into();
    let own = rule.column_type(&column.name).cloned();
    let of_profile = match own {
        None => type_of_profile(&column.ty, rule.types()).map_err(|profile| TransformError::NotInProfile {
            table: table.clone(),
            column: column.name.to_string(),
            ty: column.ty.name(),
            profile,
        })?,
        Some(_) => None,
    };
    let keeps_default = own.is_none() && default_moves(&column.ty, of_profile.as_ref());
    let (ty, cells) = match own.or(of_profile).filter(|ty| *ty != usual) {
        None => (usual, CellRule::of(&column.ty, treatment)),
        Some(ty) => {
            let refused = || TransformError::Type {
                table: table.clone(),
                column: column.name.to_string(),
                from: column.ty.name(),
                to: ty.to_string(),
                allowed: allowed(&column.ty),
            };
            let conversion = conversion(&column.ty, &ty, treatment).ok_or_else(refused)?;
            (ty, CellRule::Convert(conversion))
        }
    };
    let default = column.default.as_ref().filter(|_| keeps_default);
    let mapped = Column {
        name,
        ty,
        nullability: if cells.may_give_null() { Nullability::Nullable } else { column.nullability },
        default: default.and_then(|default| map_default(default, &column.ty)),
        comment: if rule.has_comments() { column.comment.clone() } else { String::new() },
        collation: "".into(),
    };
    Ok((mapped, cells))
}

/// No two columns may have one name in the destination.
fn ensure_names_differ(
    source: &TableSchema<MysqlType>,
    columns: &[Column<PgType>],
    places: &[Option<usize>],
) -> Result<(), TransformError> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (place, column) in columns.iter().enumerate() {
        let Some(other) = seen.insert(&column.name, place) else { continue };
        let name_of = |target: usize| {
            let origin = places.iter().position(|place| *place == Some(target));
            origin.map_or_else(String::new, |origin| source.columns[origin].name.to_string())
        };
        return Err(TransformError::SameName {
            table: source.name.clone(),
            one: name_of(other),
            other: name_of(place),
            name: column.name.to_string(),
        });
    }
    Ok(())
}

/// The columns that a rule of one table names must be there: otherwise the name is a slip.
pub fn ensure_columns_are_there(source: &TableSchema<MysqlType>, rule: &ObjectRule) -> Result<(), TransformError> {
    if !rule.names_one_table() {
        return Ok(());
    }
    let has = |name: &str| source.columns.iter().any(|column| column.name.to_lowercase() == name);
    match rule.named_columns().find(|(column, _)| !has(column)) {
        None => Ok(()),
        Some((column, key)) => {
            let (table, column) = (source.name.clone(), column.to_owned());
            Err(TransformError::NoSuchColumn { table, column, key })
        }
    }
}

#[cfg(test)]
mod tests;
