//! What of the selected databases is not a table, or not a part of one that Millrace carries: named by `plan`, so that
//! nobody finds out afterwards.

use millrace_model::TableName;

use crate::connect::Session;
use crate::error::MysqlError;
use crate::ident::text_constant;

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A view.
    View,
    /// A trigger; it belongs to a table.
    Trigger,
    /// A stored procedure.
    Procedure,
    /// A stored function.
    Function,
    /// An event of the scheduler.
    Event,
    /// The division of a table into partitions.
    Partitioning,
    /// AUTO_INCREMENT of a column.
    AutoIncrement,
    /// The expression of a generated column.
    GeneratedColumn,
}

/// Something that does not move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceObject {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its database.
    pub database: String,
    /// The table that it belongs to, if it belongs to one.
    pub table: Option<String>,
    /// Its name; the table's own for its partitioning.
    pub name: String,
}

impl SourceObject {
    /// The table that it belongs to.
    pub fn table_name(&self) -> Option<TableName> {
        self.table.as_ref().map(|table| TableName::new(self.database.as_str(), table.as_str()))
    }
}

/// Reads everything of these databases that is not carried, sorted. What the account may not see is not in it.
pub async fn read_objects(session: &mut Session, databases: &[&str]) -> Result<Vec<SourceObject>, MysqlError> {
    if databases.is_empty() {
        return Ok(Vec::new());
    }
    let list = databases.iter().map(|name| text_constant(name)).collect::<Vec<_>>().join(", ");
    let mut objects = Vec::new();
    for (kind, sql) in QUERIES {
        let sql = sql.replace("DATABASES", &list);
        for row in session.query_texts("listing what does not move", &sql).await? {
            if let [Some(database), table, Some(name)] = row.as_slice() {
                let (database, name) = (database.clone(), name.clone());
                objects.push(SourceObject { kind, database, table: table.clone(), name });
            }
        }
    }
    objects.sort();
    Ok(objects)
}

/// For each kind: database, table or NULL, name.
const QUERIES: [(ObjectKind, &str); 8] = [
    (
        ObjectKind::View,
        "SELECT TABLE_SCHEMA, NULL, TABLE_NAME FROM information_schema.TABLES \
         WHERE TABLE_TYPE = 'VIEW' AND TABLE_SCHEMA IN (DATABASES)",
    ),
    (
        ObjectKind::Trigger,
        "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME FROM information_schema.TRIGGERS \
         WHERE EVENT_OBJECT_SCHEMA IN (DATABASES)",
    ),
    (
        ObjectKind::Procedure,
        "SELECT ROUTINE_SCHEMA, NULL, ROUTINE_NAME FROM information_schema.ROUTINES \
         WHERE ROUTINE_TYPE = 'PROCEDURE' AND ROUTINE_SCHEMA IN (DATABASES)",
    ),
    (
        ObjectKind::Function,
        "SELECT ROUTINE_SCHEMA, NULL, ROUTINE_NAME FROM information_schema.ROUTINES \
         WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA IN (DATABASES)",
    ),
    (
        ObjectKind::Event,
        "SELECT EVENT_SCHEMA, NULL, EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA IN (DATABASES)",
    ),
    (
        ObjectKind::Partitioning,
        "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, TABLE_NAME FROM information_schema.PARTITIONS \
         WHERE PARTITION_NAME IS NOT NULL AND TABLE_SCHEMA IN (DATABASES)",
    ),
    (
        ObjectKind::AutoIncrement,
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS \
         WHERE EXTRA LIKE '%auto_increment%' AND TABLE_SCHEMA IN (DATABASES)",
    ),
    (
        ObjectKind::GeneratedColumn,
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS \
         WHERE (EXTRA LIKE '%VIRTUAL GENERATED%' OR EXTRA LIKE '%STORED GENERATED%') AND TABLE_SCHEMA IN (DATABASES)",
    ),
];
