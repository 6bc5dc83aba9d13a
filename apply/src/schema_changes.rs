//! The statements of a barrier, in order, for one transaction.
//!
//! Our own writers are out of the way: all have arrived. The tables that are changed are locked first, in the order of
//! their names, so that two sessions that change several of them do not wait for each other. Changes are made one
//! after the other; a table that is in the way of another's new name is put aside until its own turn.

use std::collections::HashMap;

use millrace_adbpg::Dialect;
use millrace_adbpg::alter::{
    Difference, Lock, Means, Replacing, name_aside, render_alter, render_lock, render_look_again, render_rename,
};
use millrace_adbpg::ddl::{
    ExistingTable, Rendered, render_create_schema, render_create_table, render_drop_table, render_truncate,
};
use millrace_model::batch::{Alteration, Barrier, SchemaChange};
use millrace_model::{Failure, PgType, TableName, TableSchema};
use millrace_protocol::cut::Cuts;

/// What the destination has to say to a barrier before it is executed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// Tables that are there already and are used.
    pub(crate) kept: Vec<TableName>,
    /// Ids of the tables whose first change gives their place to new ones.
    pub(crate) replaced: Vec<u64>,
    /// Tables that are written anew where they are, and why.
    pub(crate) hindered: Vec<(TableName, String)>,
}

impl Found {
    /// With these tables, which are there already and are used.
    pub(crate) fn keeping(kept: Vec<TableName>) -> Self {
        Self { kept, ..Self::default() }
    }

    /// Notes what becomes of a table that changes.
    pub(crate) fn note(&mut self, table_id: u64, name: &TableName, replacing: Replacing) {
        match replacing {
            Replacing::Possible => self.replaced.push(table_id),
            Replacing::Hindered(why) => self.hindered.push((name.clone(), why)),
            Replacing::Unwanted => {}
        }
    }

    /// Says for whom readers had to wait.
    pub(crate) fn tell(&self) {
        for (table, why) in &self.hindered {
            tracing::info!(%table, why, "its rows were written anew in place, and readers waited");
        }
    }
}

/// A change of a table that is there before the barrier.
pub(crate) struct FirstChange<'b> {
    pub(crate) table_id: u64,
    /// The table's name before.
    pub(crate) name: &'b TableName,
    pub(crate) difference: Difference<'b>,
}

/// Of each table that is there before the barrier and changes, the first change.
pub(crate) fn first_changes<'b>(barrier: &'b Barrier<PgType>, cuts: &'b Cuts) -> Result<Vec<FirstChange<'b>>, Failure> {
    let (mut seen, mut first) = (Vec::new(), Vec::new());
    for change in &barrier.changes {
        let Some(after) = cuts.schema(change.schema()).filter(|after| !seen.contains(&after.table_id)) else {
            continue;
        };
        let table_id = after.table_id;
        seen.push(table_id);
        if let SchemaChange::Alter(alteration) = change
            && let Some(before) = cuts.schema(alteration.before)
        {
            let difference = Difference::new(before, after, &alteration.origins)?;
            first.push(FirstChange { table_id, name: &before.name, difference });
        }
    }
    Ok(first)
}

/// The statements of a barrier, and what of them does not move.
pub(crate) fn render(
    dialect: &Dialect,
    barrier: &Barrier<PgType>,
    cuts: &Cuts,
    found: &Found,
) -> Result<Rendered, Failure> {
    let (rendered, aside, replaced) = (Rendered::default(), HashMap::new(), found.replaced.clone());
    let mut rendering = Rendering { dialect, cuts, kept: &found.kept, replaced, rendered, aside };
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
    /// Tables whose next change gives their place to new ones.
    replaced: Vec<u64>,
    rendered: Rendered,
    /// Tables that are in the way of others, by id, under the names that they have meanwhile.
    aside: HashMap<u64, TableName>,
}

impl Rendering<'_> {
    /// Locks the tables that are there before the barrier and whose definition changes; those that are replaced may be read,
    /// and are looked at again.
    fn lock(&mut self, changes: &[SchemaChange<PgType>]) -> Result<(), Failure> {
        let (mut new, mut names, mut replaced) = (Vec::<u64>::new(), Vec::new(), Vec::new());
        let mut looks = Vec::new();
        for change in changes {
            let Some(schema) = self.cuts.schema(change.schema()) else { continue };
            match change {
                SchemaChange::Create { .. } => new.push(schema.table_id),
                SchemaChange::Alter(alteration) if !new.contains(&schema.table_id) => {
                    // The next change of the table finds it locked.
                    new.push(schema.table_id);
                    let Some(before) = self.cuts.schema(alteration.before) else { continue };
                    if !self.replaced.contains(&schema.table_id) {
                        names.push(&before.name);
                        continue;
                    }
                    replaced.push(&before.name);
                    let difference = Difference::new(before, schema, &alteration.origins)?;
                    looks.push(render_look_again(self.dialect, &difference)?);
                }
                SchemaChange::Alter(_) | SchemaChange::Drop { .. } | SchemaChange::Truncate { .. } => {}
            }
        }
        for (mut names, lock) in [(names, Lock::All), (replaced, Lock::Writers)] {
            names.sort();
            self.rendered.statements.extend(render_lock(&names, lock)?);
        }
        self.rendered.statements.extend(looks);
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
        let means = match self.replaced.iter().position(|id| *id == before.table_id) {
            Some(place) => {
                self.replaced.remove(place);
                Means::Replacement
            }
            None => Means::InPlace,
        };
        let altered = render_alter(self.dialect, &Difference::new(&before, after, &alteration.origins)?, means)?;
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
