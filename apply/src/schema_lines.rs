//! What the log says of schema changes once they are in the destination: a line for each, and one for many new tables.

use millrace_model::batch::{Barrier, SchemaChange, Watermark};
use millrace_model::{PgType, SchemaKey, TableName, TableSchema};
use millrace_protocol::cut::Cuts;

/// The lines of a barrier.
#[derive(Debug)]
pub(crate) struct SchemaLines {
    lines: Vec<Line>,
    watermark: Watermark,
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    statement: &'static str,
    /// The table, under the name that it has before.
    table: TableName,
    /// Its new name, where it gets one.
    to: Option<TableName>,
}

impl SchemaLines {
    /// The changes of a barrier that do something in the destination; `kept` are tables that are there already and used.
    pub(crate) fn of(barrier: &Barrier<PgType>, cuts: &Cuts, kept: &[TableName]) -> Self {
        let schema = |key: SchemaKey<PgType>| cuts.schema(key).map(|schema| schema.as_ref());
        let lines = barrier.changes.iter().filter_map(|change| line(change, schema, kept)).collect();
        Self { lines, watermark: barrier.watermark.clone() }
    }

    /// Writes them: the changes are committed.
    pub(crate) fn tell(&self) {
        let place = self.watermark.place.as_ref().map(ToString::to_string);
        let (place, barrier) = (place.as_deref(), self.watermark.ordinal);
        let gtid = Some(self.watermark.gtid.as_str()).filter(|gtid| !gtid.is_empty());
        let created = self.lines.iter().filter(|line| line.statement == CREATE).count();
        if created > 1 {
            tracing::info!(statement = CREATE, tables = created, place, gtid, barrier, "schema changed");
        }
        let is_told = |line: &&Line| created <= 1 || line.statement != CREATE;
        for Line { statement, table, to } in self.lines.iter().filter(is_told) {
            let to = to.as_ref().map(ToString::to_string);
            let (table, to) = (table.to_string(), to.as_deref());
            tracing::info!(statement = *statement, table, to, place, gtid, barrier, "schema changed");
        }
    }
}

const CREATE: &str = "CREATE TABLE";

fn line<'s>(
    change: &SchemaChange<PgType>,
    schema: impl Fn(SchemaKey<PgType>) -> Option<&'s TableSchema<PgType>>,
    kept: &[TableName],
) -> Option<Line> {
    let of = |statement, table: &TableName| Line { statement, table: table.clone(), to: None };
    match change {
        SchemaChange::Create { schema: key } => {
            let name = &schema(*key)?.name;
            (!kept.contains(name)).then(|| of(CREATE, name))
        }
        SchemaChange::Drop { table, .. } => Some(of("DROP TABLE", table)),
        SchemaChange::Truncate { table, .. } => Some(of("TRUNCATE TABLE", table)),
        SchemaChange::Alter(alteration) => {
            let (before, after) = (schema(alteration.before)?, schema(alteration.schema)?);
            if before == after {
                return None;
            }
            let to = (before.name != after.name).then(|| after.name.clone());
            let is_only_named = to.is_some() && TableSchema { name: before.name.clone(), ..after.clone() } == *before;
            let statement = if is_only_named { "RENAME TABLE" } else { "ALTER TABLE" };
            Some(Line { statement, table: before.name.clone(), to })
        }
    }
}

#[cfg(test)]
mod tests {
    use millrace_model::batch::Alteration;
    use millrace_model::schema::Route;

    use super::*;

    fn table(name: &str, comment: &str) -> TableSchema<PgType> {
        TableSchema {
            table_id: 1,
            name: TableName::new("shop", name),
            columns: vec![],
            primary_key: vec![],
            key: vec![],
            indexes: vec![],
            comment: comment.to_owned(),
            route: Route::Table,
            placement: Default::default(),
        }
    }

    #[test]
    fn a_change_has_its_statement_and_its_table() {
        let schemas = [table("a", ""), table("a", ""), table("a", "new"), table("b", ""), table("b", "new")];
        let schema = |key: SchemaKey<PgType>| schemas.get(key.version as usize);
        let key = |version| SchemaKey::new(version, 0);
        let alter = |before, after| {
            SchemaChange::Alter(Alteration { before: key(before), schema: key(after), origins: vec![] })
        };
        let (a, b) = (TableName::new("shop", "a"), TableName::new("shop", "b"));
        let created = || SchemaChange::Create { schema: key(0) };
        let expected = |statement, to: Option<&TableName>| Some(Line { statement, table: a.clone(), to: to.cloned() });
        assert_eq!(line(&created(), schema, &[]), expected("CREATE TABLE", None));
        assert_eq!(line(&created(), schema, std::slice::from_ref(&a)), None);
        assert_eq!(line(&alter(0, 1), schema, &[]), None, "nothing changes in the destination");
        assert_eq!(line(&alter(0, 2), schema, &[]), expected("ALTER TABLE", None));
        assert_eq!(line(&alter(0, 3), schema, &[]), expected("RENAME TABLE", Some(&b)));
        assert_eq!(line(&alter(0, 4), schema, &[]), expected("ALTER TABLE", Some(&b)));
        let emptied = SchemaChange::Truncate { schema: key(0), table: a.clone() };
        assert_eq!(line(&emptied, schema, &[]), expected("TRUNCATE TABLE", None));
    }
}
