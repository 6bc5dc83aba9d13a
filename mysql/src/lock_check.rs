//! The check of what a snapshot locks on a server without GTIDs ([`crate::locks`]).

use std::collections::BTreeSet;

use millrace_model::TableName;

use crate::check::{Finding, Verdict, user_of};
use crate::grants::{Coverage, Grants};
use crate::ident::Ident;
use crate::schema::SourceTable;
use crate::server::{Flavour, ServerFacts};

/// The first version whose shared locks need SELECT alone.
const SELECT_IS_ENOUGH: (u16, u16, u16) = (8, 0, 22);

/// The snapshot locks nothing, or the account may lock what it has to.
pub fn ensure_snapshot_locks(facts: &ServerFacts, grants: &Grants, tables: &[SourceTable]) -> Finding {
    let name = "snapshot_locks";
    if facts.flavour == Flavour::MariaDb || facts.has_gtids() {
        return Finding::good(name, "the snapshot locks nothing");
    }
    let locks_whole = |table: &&SourceTable| table.key.is_empty();
    let whole = missing(grants, &["LOCK TABLES"], tables.iter().filter(locks_whole));
    let rows = match facts.version >= SELECT_IS_ENOUGH {
        true => BTreeSet::new(),
        false => missing(grants, &["LOCK TABLES", "UPDATE", "DELETE"], tables.iter()),
    };
    let databases: Vec<&str> = whole.union(&rows).copied().collect();
    if !databases.is_empty() {
        let grant = |database: &&str| {
            let pattern = database.replace('_', "\\_");
            format!("GRANT LOCK TABLES ON {}.* TO {}", Ident(&pattern), user_of(grants))
        };
        return Finding::bad(
            name,
            Verdict::Blocks,
            format!(
                "without GTIDs the snapshot locks what it reads, and LOCK TABLES is missing on {}",
                databases.join(", ")
            ),
            databases.iter().map(grant).collect::<Vec<_>>().join("; "),
        );
    }
    let found = match tables.iter().find(locks_whole) {
        Some(table) => format!(
            "without GTIDs the snapshot locks rows while it reads them, up to 500 at once, and tables without a key such \
             as \"{}\" against writing while their snapshot is opened",
            table.name
        ),
        None => "without GTIDs the snapshot locks rows while it reads them, up to 500 at once".to_owned(),
    };
    Finding::bad(name, Verdict::Warning, found, "set gtid_mode = ON, with which nothing is locked")
}

/// Databases of tables on which the account has none of the rights.
fn missing<'a>(grants: &Grants, rights: &[&str], tables: impl Iterator<Item = &'a SourceTable>) -> BTreeSet<&'a str> {
    let has = |table: &TableName| {
        rights.iter().any(|right| match grants.coverage(right, &table.database) {
            Coverage::Whole => true,
            Coverage::Tables(tables) => tables.iter().any(|name| name.as_str() == &*table.table),
            Coverage::Nothing => false,
        })
    };
    tables.filter(|table| !has(&table.name)).map(|table| &*table.name.database).collect()
}
