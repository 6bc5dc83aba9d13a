//! The primary key, the replication key and the distribution.
//!
//! On the Greenplum family a column under a key, or by which rows are spread, does not change its type, and a key must hold
//! the columns by which rows are spread: so the keys go first, rows are spread at random meanwhile, and the new
//! distribution comes before the new keys.

use millrace_model::schema::Distribution;
use millrace_model::{PgType, TableSchema};

use super::Difference;
use crate::ddl::{LeftOut, key_constraints, render_distribution, render_names};
use crate::dialect::Dialect;
use crate::error::AdbpgError;
use crate::ident::{QualifiedName, literal};

pub(super) struct Changes<'s> {
    dialect: &'s Dialect,
    before: &'s TableSchema<PgType>,
    after: &'s TableSchema<PgType>,
    dropped: Vec<&'s [usize]>,
    /// Each with its words: PRIMARY KEY or UNIQUE.
    added: Vec<(&'static str, &'s [usize])>,
    redistributed: Redistributed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redistributed {
    No,
    Yes,
}

impl<'s> Changes<'s> {
    pub(super) fn of(
        dialect: &'s Dialect,
        difference: &Difference<'s>,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Self, AdbpgError> {
        let Difference { before, after, .. } = *difference;
        let redistributed = match dialect.is_distributed() {
            false => Redistributed::No,
            true => redistributed(difference),
        };
        let mut old = key_constraints(dialect, before, &mut Vec::new());
        let mut new = key_constraints(dialect, after, left_out);
        if redistributed == Redistributed::No {
            new.retain(|(words, columns)| {
                let is_fixed = dialect.is_distributed() && difference.is_retyped(columns);
                let places = difference.places_before(columns);
                let goes_on = |(other, of): &(&str, &[usize])| other == words && places.as_deref() == Some(*of);
                match old.iter().position(goes_on).filter(|_| !is_fixed) {
                    Some(place) => drop(old.remove(place)),
                    None => return true,
                }
                false
            });
        }
        let dropped = old.into_iter().map(|(_, columns)| columns).collect();
        Ok(Self { dialect, before, after, dropped, added: new, redistributed })
    }

    pub(super) fn render_drops(&self, table: &QualifiedName) -> Result<Vec<String>, AdbpgError> {
        let mut statements = Vec::new();
        for columns in &self.dropped {
            statements.push(render_drop_key(self.before, table, columns)?);
        }
        if self.redistributed == Redistributed::Yes && self.before.placement.distribution != Distribution::Replicated {
            statements.push(format!("ALTER TABLE {table} SET DISTRIBUTED RANDOMLY"));
        }
        Ok(statements)
    }

    pub(super) fn render_adds(&self, table: &QualifiedName) -> Result<Vec<String>, AdbpgError> {
        let mut statements = Vec::new();
        let distribution = render_distribution(self.dialect, self.after)?;
        if self.redistributed == Redistributed::Yes && distribution != " DISTRIBUTED RANDOMLY" {
            statements.push(format!("ALTER TABLE {table} SET{distribution}"));
        }
        for (words, columns) in &self.added {
            statements.push(format!("ALTER TABLE {table} ADD {words} ({})", render_names(self.after, columns)?));
        }
        Ok(statements)
    }
}

/// Whether rows are to be spread anew: by other columns, or by a column of another type.
fn redistributed(difference: &Difference<'_>) -> Redistributed {
    let spread_by = |schema: &TableSchema<PgType>| match &schema.placement.distribution {
        Distribution::Key => Some(schema.key.clone()),
        Distribution::Columns(columns) => Some(columns.clone()),
        Distribution::Replicated => None,
    };
    let (old, new) = (spread_by(difference.before), spread_by(difference.after));
    let same = match (&old, &new) {
        (Some(old), Some(new)) => difference.places_before(new).as_ref() == Some(old) && !difference.is_retyped(new),
        (None, None) => true,
        _ => false,
    };
    if same { Redistributed::No } else { Redistributed::Yes }
}

/// Drops whatever keeps these columns unique: a constraint, whose name is the server's, or an index of a table made by hand.
fn render_drop_key(
    schema: &TableSchema<PgType>,
    table: &QualifiedName,
    columns: &[usize],
) -> Result<String, AdbpgError> {
    let mut names: Vec<&str> = columns.iter().map(|&place| &*schema.columns[place].name).collect();
    names.sort_unstable();
    let names: Result<Vec<String>, AdbpgError> = names.into_iter().map(literal).collect();
    let (relation, names) = (literal(&table.to_string())?, names?.join(", "));
    let drop_constraint = literal(&format!("ALTER TABLE {} DROP CONSTRAINT %I", table.to_string().replace('%', "%%")))?;
    let block = format!(
        "DECLARE found record; BEGIN FOR found IN SELECT i.indexrelid::regclass AS name, c.conname AS key_name \
         FROM pg_catalog.pg_index AS i LEFT JOIN pg_catalog.pg_constraint AS c ON c.conindid = i.indexrelid \
         AND c.contype IN ('p', 'u') WHERE i.indrelid = {relation}::regclass AND i.indisunique AND (SELECT \
         array_agg(a.attname::text ORDER BY a.attname::text COLLATE \"C\") FROM pg_catalog.pg_attribute AS a \
         WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)) = ARRAY[{names}]::text[] LOOP \
         IF found.key_name IS NULL THEN EXECUTE 'DROP INDEX ' || found.name::text; \
         ELSE EXECUTE format({drop_constraint}, found.key_name); END IF; END LOOP; END"
    );
    Ok(format!("DO {}", literal(&block)?))
}
