//! The statements of a barrier, in order, for one transaction.
//!
//! Our own writers are out of the way: all have arrived. The tables that are changed are locked first, in the order of
//! their names, so that two sessions that change several of them do not wait for each other. Changes are made one
//! after the other; a table that is in the way of another's new name is put aside until its own turn.

use std::collections::HashMap;

use millrace_adbpg::Dialect;
use millrace_adbpg::alter::{Difference, name_aside, render_alter, render_lock, render_rename};
use millrace_adbpg::ddl::{
    ExistingTable, Rendered, render_create_schema, render_create_table, render_drop_table, render_truncate,
};
use millrace_model::batch::{Alteration, Barrier, SchemaChange};
use millrace_model::{Failure, PgType, TableName, TableSchema};
use millrace_protocol::cut::Cuts;

/// The statements of a barrier, and what of them does not move; `kept` are the tables that are there already and are used.
pub(crate) fn render(
    dialect: &Dialect,
    barrier: &Barrier<PgType>,
    cuts: &Cuts,
    kept: &[TableName],
) -> Result<Rendered, Failure> {
    let mut rendering = Rendering { dialect, cuts, kept, rendered: Rendered::default(), aside: HashMap::new() };
    rendering.lock(&barrier.changes)?;
    for (place, change) in barrier.changes.iter().enumerate() {
        rendering.change(change, &barrier.changes[place + 1..])?;
    }
    Ok(rendering.rendered)
}

struct Rendering<'b> {
    dialect: &'b Dialect,
    cuts: &'b Cuts,
    kept: &'b [TableName],
    rendered: Rendered,
    /// Tables that are in the way of others, by id, under the names that they have meanwhile.
    aside: HashMap<u64, TableName>,
}

impl Rendering<'_> {
    /// Locks the tables that are there before the barrier and whose definition changes.
    fn lock(&mut self, changes: &[SchemaChange<PgType>]) -> Result<(), Failure> {
        let (mut new, mut names): (Vec<u64>, Vec<&TableName>) = (Vec::new(), Vec::new());
        for change in changes {
            let Some(schema) = self.cuts.schema(change.schema()) else { continue };
            match change {
                SchemaChange::Create { .. } => new.push(schema.table_id),
                SchemaChange::Alter(alteration) if !new.contains(&schema.table_id) => {
                    // The next change of the table finds it locked.
                    new.push(schema.table_id);
                    names.extend(self.cuts.schema(alteration.before).map(|before| &before.name));
                }
                SchemaChange::Alter(_) | SchemaChange::Drop { .. } | SchemaChange::Truncate { .. } => {}
            }
        }
        names.sort();
        self.rendered.statements.extend(render_lock(&names)?);
        Ok(())
    }

    fn change(&mut self, change: &SchemaChange<PgType>, later: &[SchemaChange<PgType>]) -> Result<(), Failure> {
        match change {
            SchemaChange::Create { schema } => {
                let kept = self.kept;
                let schema = self.cuts.schema(*schema).filter(|schema| !kept.contains(&schema.name));
                let Some(schema) = schema else { return Ok(()) };
                self.create_schema(&schema.name)?;
                let created = render_create_table(self.dialect, schema, ExistingTable::Refuse)?;
                self.push(created);
            }
            SchemaChange::Drop { table, .. } => self.rendered.statements.push(render_drop_table(table)?),
            SchemaChange::Truncate { table, .. } => self.rendered.statements.push(render_truncate(table)?),
            SchemaChange::Alter(alteration) => self.alter(alteration, later)?,
        }
        Ok(())
    }

    fn alter(&mut self, alteration: &Alteration<PgType>, later: &[SchemaChange<PgType>]) -> Result<(), Failure> {
        let schemas = (self.cuts.schema(alteration.before), self.cuts.schema(alteration.schema));
        let (Some(before), Some(after)) = schemas else {
            let what = "a change of a table names schemas that were not read";
            return Err(Failure::fatal(what, "this is a defect of Millrace: please report it"));
        };
        if before.name != after.name {
            self.create_schema(&after.name)?;
            self.put_aside(after, later)?;
        }
        let aside = self.aside.remove(&before.table_id);
        let before = TableSchema { name: aside.unwrap_or_else(|| before.name.clone()), ..before.as_ref().clone() };
        let altered = render_alter(self.dialect, &Difference::new(&before, after, &alteration.origins)?)?;
        self.push(altered);
        Ok(())
    }

    /// Where a table that is renamed later still has the name that this one takes, it gets another one until then.
    fn put_aside(&mut self, taker: &TableSchema<PgType>, later: &[SchemaChange<PgType>]) -> Result<(), Failure> {
        let cuts = self.cuts;
        let in_the_way = later.iter().find_map(|change| match change {
            SchemaChange::Alter(later) => cuts
                .schema(later.before)
                .filter(|other| other.table_id != taker.table_id && other.name == taker.name)
                .filter(|other| !self.aside.contains_key(&other.table_id)),
            _ => None,
        });
        let Some(other) = in_the_way else { return Ok(()) };
        let name = TableName::new(other.name.database.clone(), name_aside(other.table_id));
        self.rendered.statements.extend(render_rename(other, &other.name, &name)?);
        self.aside.insert(other.table_id, name);
        Ok(())
    }

    fn create_schema(&mut self, name: &TableName) -> Result<(), Failure> {
        let statement = render_create_schema(&name.database)?;
        if !self.rendered.statements.contains(&statement) {
            self.rendered.statements.push(statement);
        }
        Ok(())
    }

    fn push(&mut self, more: Rendered) {
        self.rendered.statements.extend(more.statements);
        self.rendered.left_out.extend(more.left_out);
    }
}
