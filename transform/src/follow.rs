//! From a table's mapping to the mapping after a change of the table.
//!
//! What the task says of columns holds for the new shape. A rule that the change takes its column from would silently mean
//! something else, for rows that are in the destination already: it stops the task before anything is changed. Changes that
//! the task does not replicate leave the table in the destination as it is: it is *held*. Rows of a held table go on
//! being written with the columns that the destination has: new columns are left out, those that the source has lost take
//! the destination's default, and a value that the held type cannot hold stops the task. Once held, a table stays so.

use std::sync::Arc;

use millrace_model::batch::Alteration;
use millrace_model::schema::{Nullability, Route};
use millrace_model::{Column, MysqlType, PgType, SchemaKey, TableSchema};
use millrace_proto::{HeldTable, Standing};
use millrace_task::{ObjectRule, Operation};

use crate::cells::{CellRule, InKey};
use crate::convert::conversion;
use crate::error::{HeldProblem, TransformError};
use crate::mappings::NamedMapping;
use crate::rules::{ensure_rules_hold, ensure_types_may_change};
use crate::table::{TableMapping, filter_of, map_index, map_places};
use crate::types::target_type;

impl TableMapping {
    /// The mapping after a change: `after` is the table's new schema, decided by `rule`, and `origins` says which of its
    /// columns continue which of this one's.
    pub(crate) fn follow(
        &self,
        old_rule: &ObjectRule,
        after: Arc<TableSchema<MysqlType>>,
        rule: &ObjectRule,
        origins: &[Option<usize>],
    ) -> Result<Self, TransformError> {
        let standing = |is_changed: bool, operation, before: Standing| match is_changed {
            true if !self.operations.contains(operation) => Standing::Held,
            _ => before,
        };
        let (is_reshaped, is_renamed) = (is_reshaped(&self.source, &after, origins), self.source.name != after.name);
        let shape = standing(is_reshaped, Operation::Alter, self.shape);
        // A statement that is left out is left out as a whole.
        let name = match is_reshaped && is_renamed && shape == Standing::Held {
            true => Standing::Held,
            false => standing(is_renamed, Operation::Rename, self.name),
        };
        ensure_rules_hold(&self.source, old_rule, &after, rule, origins)?;
        let mut mapping = match shape {
            Standing::Follows => {
                ensure_types_may_change(&self.source, &after, rule, origins)?;
                Self::shaped(after, rule)?
            }
            Standing::Held => self.hold(after, rule, origins)?,
        };
        let called = match name {
            Standing::Follows => rule.destination_table(&mapping.source.name),
            Standing::Held => self.target.name.clone(),
        };
        mapping.name = name;
        if mapping.target.name != called {
            let target = TableSchema { name: called, ..mapping.target.as_ref().clone() };
            mapping.target = Arc::new(target);
        }
        mapping.ensure_names_need_no_quotes(rule)?;
        Ok(mapping)
    }

    /// The mapping of a held table, as it was written down.
    pub(crate) fn recall(
        source: Arc<TableSchema<MysqlType>>,
        rule: &ObjectRule,
        held: HeldTable,
    ) -> Result<Self, TransformError> {
        let mut mapping = match held.shape {
            Standing::Follows => Self::new(source, rule)?,
            Standing::Held => Self::with_target(source, rule, held.schema.clone(), &held.sources)?,
        };
        (mapping.name, mapping.target) = (held.name, Arc::new(held.schema));
        Ok(mapping)
    }

    /// What is written down of the mapping.
    pub fn held(&self) -> HeldTable {
        let (schema, sources) = (self.target.as_ref().clone(), self.moving_columns());
        HeldTable { schema, sources, shape: self.shape, name: self.name }
    }

    /// The mapping into the table as it is: the columns that the source still has.
    fn hold(
        &self,
        after: Arc<TableSchema<MysqlType>>,
        rule: &ObjectRule,
        origins: &[Option<usize>],
    ) -> Result<Self, TransformError> {
        let held = &self.target;
        let refused = |problem| TransformError::Held { table: after.name.clone(), problem };
        let moving = self.moving_columns();
        // places[i]: where the held table's column i is among those that are still written.
        let mut places = vec![None; held.columns.len()];
        let (mut columns, mut sources) = (Vec::new(), Vec::new());
        for (place, column) in after.columns.iter().enumerate() {
            let goes_to = origins[place].and_then(|origin| moving.iter().position(|&moved| moved == origin));
            let Some(target) = goes_to.filter(|_| !rule.excludes_column(&column.name)) else { continue };
            places[target] = Some(columns.len());
            columns.push(held.columns[target].clone());
            sources.push(place);
        }
        let key_problem = || refused(HeldProblem::Key);
        let target = TableSchema {
            columns,
            primary_key: map_places(&held.primary_key, &places).ok_or_else(key_problem)?,
            key: map_places(&held.key, &places).ok_or_else(key_problem)?,
            indexes: held.indexes.iter().filter_map(|index| map_index(index, &places)).collect(),
            route: after.route,
            ..held.as_ref().clone()
        };
        let in_key: Vec<usize> = target.key.iter().map(|&place| sources[place]).collect();
        let tells_apart = after.key.iter().all(|place| in_key.contains(place)) && !after.key.is_empty();
        if target.is_keyed() && !tells_apart && !(after.route == Route::Table && self.source.key == after.key) {
            return Err(key_problem());
        }
        let mut lost = held.columns.iter().zip(&places).filter(|(_, place)| place.is_none()).map(|(column, _)| column);
        let needs_value =
            |column: &&Column<PgType>| column.nullability == Nullability::NotNull && column.default.is_none();
        if let Some(column) = lost.find(needs_value) {
            return Err(refused(HeldProblem::NotNull(column.name.to_string())));
        }
        Self::with_target(after, rule, target, &sources)
    }

    /// The mapping into a given table; `sources` has the place in the source of each of its columns, rising.
    fn with_target(
        source: Arc<TableSchema<MysqlType>>,
        rule: &ObjectRule,
        target: TableSchema<PgType>,
        sources: &[usize],
    ) -> Result<Self, TransformError> {
        let mut rules = vec![CellRule::Drop; source.columns.len()];
        for (place, &from) in sources.iter().enumerate() {
            let (column, ty) = (&source.columns[from], &target.columns[place].ty);
            let in_key = if target.key.contains(&place) || source.key.contains(&from) { InKey::Yes } else { InKey::No };
            rules[from] = if target_type(&column.ty) == *ty {
                CellRule::of(&column.ty, in_key)
            } else {
                CellRule::Convert(conversion(&column.ty, ty, in_key).ok_or_else(|| TransformError::Held {
                    table: source.name.clone(),
                    problem: HeldProblem::Type { column: column.name.to_string(), held: ty.to_string() },
                })?)
            };
        }
        let filter = filter_of(&source, rule)?;
        let (operations, target) = (rule.operations(), Arc::new(target));
        Ok(Self { source, target, rules, filter, operations, shape: Standing::Held, name: Standing::Follows })
    }
}

/// Whether anything but the name differs.
fn is_reshaped(before: &TableSchema<MysqlType>, after: &TableSchema<MysqlType>, origins: &[Option<usize>]) -> bool {
    let as_before = TableSchema { name: before.name.clone(), route: before.route, ..after.clone() };
    as_before != *before || !is_identity(origins)
}

fn is_identity(origins: &[Option<usize>]) -> bool {
    origins.iter().enumerate().all(|(place, origin)| *origin == Some(place))
}

/// The change in the destination; none where nothing of it is to be seen there.
pub fn transform_alteration(
    before: &NamedMapping,
    after: &NamedMapping,
    origins: &[Option<usize>],
) -> Option<Alteration<PgType>> {
    // A held shape stays as it is; its schema only has the columns that are written.
    if after.mapping.shape == Standing::Held && before.mapping.target.name == after.mapping.target.name {
        return None;
    }
    let moved = before.mapping.moving_columns();
    let origin = |&place: &usize| origins[place].and_then(|origin| moved.iter().position(|&moved| moved == origin));
    let origins: Vec<Option<usize>> = after.mapping.moving_columns().iter().map(origin).collect();
    let (old, new) = (&before.mapping.target, &after.mapping.target);
    let is_same = is_identity(&origins) && **old == TableSchema { route: old.route, ..new.as_ref().clone() };
    let (before, schema): (SchemaKey<PgType>, _) = (before.target, after.target);
    (!is_same).then_some(Alteration { before, schema, origins })
}

#[cfg(test)]
mod tests;
