//! ALTER TABLE, CREATE INDEX and DROP INDEX of a selected table.

use millrace_model::schema::DefaultValue;
use millrace_model::{Failure, ReadPurpose, TableName};
use millrace_mysql::ddl::{Before, CreateDefaults, Evolution, RowsAfter, evolve};
use millrace_task::ObjectRule;

use crate::statements::Scene;

/// Carries a statement out on the table as the stream knows it.
pub(crate) fn alter(scene: &mut Scene<'_>, table: &TableName, defaults: &CreateDefaults) -> Result<(), Failure> {
    let Some(state) = scene.capture.table(table) else {
        if !scene.awaits(table) {
            scene.arrivals.expect(table.clone());
        }
        return Ok(());
    };
    let before = Before { schema: &state.schema, source_only: &state.source_only };
    let evolution = evolve(scene.context, scene.sql, before, defaults)?;
    let rule = scene.task.selection.selects(table);
    let rows = rule.map_or(evolution.rows, |rule| rows_of_chosen_types(rule, &evolution));
    let (old, origins) = (state.schema.clone(), evolution.origins);
    let source_only = evolution.table.source_only.clone();
    let mut schema = scene.schema_of(evolution.table)?;
    schema.table_id = old.table_id;
    let capture = &mut *scene.capture;
    if rows == RowsAfter::LoadAnew {
        tracing::warn!(%table, "the rows after this change are not known: the table is emptied and loaded anew");
        capture.truncate(table)?;
    }
    // Each load has a schema version of its own: what follows it in the destination is done once a version.
    if schema != *old || rows != RowsAfter::Known {
        capture.alter(table, schema, origins)?;
    }
    capture.note(table, source_only);
    match rows {
        RowsAfter::Known => Ok(()),
        RowsAfter::ReadAgain => {
            tracing::info!(%table, "values of this change are the server's own: the rows are read again");
            Ok(capture.read_again(table, ReadPurpose::Repair)?)
        }
        RowsAfter::LoadAnew => Ok(capture.read_again(table, ReadPurpose::Load)?),
    }
}

/// What is known of the rows where a new column has a type that the task file chose: its default does not move, so that the
/// destination cannot give it to the rows that are there.
fn rows_of_chosen_types(rule: &ObjectRule, evolution: &Evolution) -> RowsAfter {
    let Evolution { table, origins, rows } = evolution;
    let is_filled = |at: usize| {
        let column = &table.columns[at];
        let has_constant = matches!(column.default, Some(DefaultValue::Literal(_)));
        origins[at].is_none() && has_constant && rule.column_type(&column.name).is_some()
    };
    let needed = match (0..origins.len()).any(is_filled) {
        false => RowsAfter::Known,
        // Rows are replaced by their keys, and those are not known there.
        true if table.key.iter().any(|&at| is_filled(at)) => RowsAfter::LoadAnew,
        true => RowsAfter::ReadAgain,
    };
    needed.max(*rows)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_mysql::StatementContext;
    use millrace_mysql::column_type::Collations;
    use millrace_mysql::ddl::{TimestampDefaults, parse_create_table};
    use millrace_mysql::server::NameCase;
    use millrace_mysql::sql_text::SqlMode;
    use millrace_task::Surroundings;

    use super::*;

    #[test]
    fn defaults_of_columns_with_chosen_types_are_read() {
        let text = "name = 'shop'\nsource = { url = 'mysql://u@127.0.0.1' }\n\
                    destination = { url = 'postgres://u@127.0.0.1/d' }\n\
                    objects = [{ table = 'd.*', columns = { type = { Active = 'boolean' } } }]";
        let task = millrace_task::parse(text, "shop.toml".as_ref(), &Surroundings::none()).unwrap();
        let context = StatementContext {
            default_database: "d".into(),
            sql_mode: SqlMode(SqlMode::STRICT_TRANS_TABLES),
            server_version: 80_036,
            name_case: NameCase::AsWritten,
        };
        let defaults = CreateDefaults {
            charset: "utf8mb4".into(),
            collations: Collations::default(),
            timestamps: TimestampDefaults::Explicit,
        };
        let create = "CREATE TABLE t (id INT PRIMARY KEY, active TINYINT NOT NULL)";
        let table = parse_create_table(&context, create, &defaults).unwrap();
        let (source_only, schema) = (table.source_only.clone(), table.into_schema(1));
        let rule = task.selection.selects(&schema.name).unwrap();
        for (action, expected) in [
            ("ADD b TINYINT NOT NULL DEFAULT 1", RowsAfter::Known),
            ("ALTER active SET DEFAULT 1", RowsAfter::Known),
            ("DROP active, ADD ACTIVE TINYINT", RowsAfter::Known),
            ("DROP active, ADD active TINYINT DEFAULT 1", RowsAfter::ReadAgain),
            ("DROP active, ADD active TINYINT NOT NULL", RowsAfter::ReadAgain),
            (
                "DROP active, ADD active TINYINT DEFAULT 1, DROP PRIMARY KEY, ADD PRIMARY KEY (id, active)",
                RowsAfter::LoadAnew,
            ),
        ] {
            let before = Before { schema: &schema, source_only: &source_only };
            let evolution = evolve(&context, &format!("ALTER TABLE t {action}"), before, &defaults).unwrap();
            assert_eq!(rows_of_chosen_types(rule, &evolution), expected, "{action}");
        }
    }
}
