//! CHECK constraints, as the catalog says them.

use millrace_model::TableName;

use crate::connect::Session;
use crate::error::MysqlError;
use crate::ident::text_constant;
use crate::server::Flavour;

/// Whether the server refuses rows that a constraint does not hold for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    /// It does.
    Enforced,
    /// `NOT ENFORCED`: it is there for readers.
    NotEnforced,
}

/// A CHECK constraint of a table or a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckConstraint {
    /// Its table.
    pub table: TableName,
    /// Its name, given or made by the server.
    pub name: String,
    /// The condition, in the server's own words.
    pub condition: String,
    /// Whether it is enforced.
    pub enforcement: Enforcement,
}

/// Reads the constraints of all tables of these databases, by table and name. MySQL has them since 8.0.16.
///
/// # Errors
/// As of every query.
pub async fn read_checks(session: &mut Session, databases: &[&str]) -> Result<Vec<CheckConstraint>, MysqlError> {
    let is_older = session.flavour() == Flavour::Mysql && session.version() < (8, 0, 16);
    if databases.is_empty() || is_older {
        return Ok(Vec::new());
    }
    let list = databases.iter().map(|name| text_constant(name)).collect::<Vec<_>>().join(", ");
    let sql = match session.flavour() {
        Flavour::Mysql => format!(
            "SELECT t.TABLE_SCHEMA, t.TABLE_NAME, t.CONSTRAINT_NAME, c.CHECK_CLAUSE, t.ENFORCED \
             FROM information_schema.TABLE_CONSTRAINTS t JOIN information_schema.CHECK_CONSTRAINTS c \
             ON c.CONSTRAINT_SCHEMA = t.CONSTRAINT_SCHEMA AND c.CONSTRAINT_NAME = t.CONSTRAINT_NAME \
             WHERE t.CONSTRAINT_TYPE = 'CHECK' AND t.TABLE_SCHEMA IN ({list}) ORDER BY 1, 2, 3"
        ),
        Flavour::MariaDb => format!(
            "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE, 'YES' \
             FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA IN ({list}) ORDER BY 1, 2, 3, 4"
        ),
    };
    let mut checks = Vec::new();
    for row in session.query_texts("reading the CHECK constraints", &sql).await? {
        if let [Some(database), Some(table), Some(name), Some(condition), enforced] = row.as_slice() {
            let enforcement = match enforced.as_deref() {
                Some("NO") => Enforcement::NotEnforced,
                _ => Enforcement::Enforced,
            };
            let table = TableName::new(database.as_str(), table.as_str());
            checks.push(CheckConstraint { table, name: name.clone(), condition: condition.clone(), enforcement });
        }
    }
    Ok(checks)
}
