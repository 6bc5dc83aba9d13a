//! The columns that number their rows in the source, and what they are in the destination. Pure.

use std::collections::HashMap;

use millrace_adbpg::NumberedColumn;
use millrace_model::TableName;
use millrace_mysql::SourceTable;

use crate::catalog::MappedTable;

/// Such a column.
pub(super) struct Numbered {
    /// `database.table.column` in the source.
    pub(super) source: String,
    pub(super) column: NumberedColumn,
}

/// Those of the moved tables that move, under their names in the destination.
pub(super) fn numbered_columns(
    tables: &[SourceTable],
    mapped: &[MappedTable],
    next_numbers: &HashMap<TableName, u64>,
) -> Vec<Numbered> {
    let of_table = |(table, mapped): (&SourceTable, &MappedTable)| {
        let place = table.source_only.auto_increment?;
        let moved = mapped.moving.iter().position(|&moving| moving == place)?;
        let column = NumberedColumn {
            table: mapped.target.name.clone(),
            column: mapped.target.columns[moved].name.clone(),
            // A server that shows none has given none.
            next_in_source: next_numbers.get(&table.name).copied().unwrap_or(1),
        };
        Some(Numbered { source: format!("{}.{}", table.name, table.columns[place].name), column })
    };
    tables.iter().zip(mapped).filter_map(of_table).collect()
}
