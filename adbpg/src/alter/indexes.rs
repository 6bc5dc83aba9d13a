//! Secondary indexes that go, are called otherwise, and come.
//!
//! An index goes on where its columns and its uniqueness do. Indexes of a table that is still being loaded are not there yet:
//! so what goes or is renamed may be missing, and what comes is found there when the load is complete.

use millrace_model::PgType;
use millrace_model::schema::{TableName, TableSchema};

use super::Difference;
use super::rename::in_order;
use crate::ddl::LeftOut;
use crate::dialect::Dialect;
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName, literal};
use crate::indexes::{Definition, definitions, index_name};

pub(super) struct Changes<'s> {
    dialect: &'s Dialect,
    table: &'s TableName,
    after: &'s TableSchema<PgType>,
    dropped: Vec<Definition<'s>>,
    kept: Vec<(Definition<'s>, Definition<'s>)>,
    added: Vec<Definition<'s>>,
}

impl<'s> Changes<'s> {
    pub(super) fn of(
        dialect: &'s Dialect,
        difference: &Difference<'s>,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Self, AdbpgError> {
        let mut old = definitions(dialect, difference.before, &mut Vec::new());
        let mut new = definitions(dialect, difference.after, left_out);
        let mut kept = Vec::new();
        for same_name in [true, false] {
            new.retain(|index| {
                // On the Greenplum family a column under a unique index does not change its type.
                let is_fixed = dialect.is_distributed() && difference.is_retyped(&index.index.columns);
                let goes_on = |other: &Definition<'_>| {
                    (other.index.name == index.index.name || !same_name)
                        && other.uniqueness == index.uniqueness
                        && difference.places_before(&index.index.columns).as_ref() == Some(&other.index.columns)
                };
                match old.iter().position(goes_on).filter(|_| !is_fixed) {
                    Some(place) => kept.push((old.remove(place), *index)),
                    None => return true,
                }
                false
            });
        }
        let table = &difference.before.name;
        Ok(Self { dialect, table, after: difference.after, dropped: old, kept, added: new })
    }

    pub(super) fn render_drops(&self) -> Result<Vec<String>, AdbpgError> {
        let database = Ident::new(&self.table.database)?;
        let drop = |index: &Definition<'_>| {
            Ok(format!("DROP INDEX IF EXISTS {database}.{}", index_name(&self.table.table, &index.index.name)?))
        };
        self.dropped.iter().map(drop).collect()
    }

    pub(super) fn render_renames(&self) -> Result<Vec<String>, AdbpgError> {
        let database = Ident::new(&self.table.database)?;
        let mut renamed = Vec::new();
        for (old, new) in self.kept.iter().filter(|(old, new)| old.index.name != new.index.name) {
            let name = |index: &Definition<'_>| index_name(&self.table.table, &index.index.name);
            renamed.push((name(old)?, name(new)?));
        }
        let render = |(old, new)| format!("ALTER INDEX IF EXISTS {database}.{old} RENAME TO {new}");
        Ok(in_order(renamed)?.into_iter().map(render).collect())
    }

    /// The indexes of a table that is built anew, under names that go with its own, `new`. What the old table still lacks is
    /// made when its load is complete.
    pub(super) fn render_anew(&self, new: &TableName) -> Result<Vec<String>, AdbpgError> {
        let table = QualifiedName::new(new)?;
        let create = |index: &Definition<'_>| {
            index.render(self.dialect, self.after, &table, &index_name(&new.table, &index.index.name)?)
        };
        let mut statements = Vec::new();
        for (old, index) in &self.kept {
            let relation = format!("{}.{}", table.schema, index_name(&self.table.table, &old.index.name)?);
            let block = format!(
                "BEGIN IF to_regclass({}) IS NOT NULL THEN {}; END IF; END",
                literal(&relation)?,
                create(index)?
            );
            statements.push(format!("DO {}", literal(&block)?));
        }
        for index in &self.added {
            statements.push(create(index)?);
        }
        Ok(statements)
    }

    pub(super) fn render_adds(&self, table: &QualifiedName) -> Result<Vec<String>, AdbpgError> {
        let name = |index: &Definition<'_>| index_name(&self.table.table, &index.index.name);
        self.added.iter().map(|index| index.render(self.dialect, self.after, table, &name(index)?)).collect()
    }
}
