//! What of the selected databases does not move, and why. Pure.

use millrace_adbpg::Dialect;
use millrace_mysql::SourceTable;
use millrace_mysql::objects::{ObjectKind, SourceObject};
use millrace_task::{ForeignKeys, Task};

use crate::foreign_keys::MappedKey;

/// Something that does not move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unmoved {
    /// What kind of thing it is, such as "view".
    pub(super) kind: &'static str,
    /// `database.name`, or `database.table.name`.
    pub(super) name: String,
    /// Why, or what becomes of it.
    pub(super) why: &'static str,
}

/// What becomes of foreign keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeysMade {
    /// The task file does not ask for them.
    No,
    /// Cut-over makes them.
    Enforced,
    /// It does, and the destination does not hold to them.
    NotEnforced,
}

impl KeysMade {
    /// What the task file asks for, and the destination does.
    pub(super) fn of(task: &Task, dialect: &Dialect) -> Self {
        match (task.foreign_keys, dialect.is_distributed()) {
            (ForeignKeys::LeftOut, _) => Self::No,
            (ForeignKeys::AtCutOver, false) => Self::Enforced,
            // greenplum.md, section 2.
            (ForeignKeys::AtCutOver, true) => Self::NotEnforced,
        }
    }

    fn why(self, key: &MappedKey) -> &'static str {
        match (self, &key.target) {
            (Self::No, _) => {
                "the source checks it; schema.foreign_keys = true has `millrace cut-over` make it, after the last row"
            }
            (_, Err(why)) => why,
            (Self::Enforced, Ok(_)) => "`millrace cut-over` makes it, after the last row",
            (Self::NotEnforced, Ok(_)) => "`millrace cut-over` makes it, but the destination enforces no foreign keys",
        }
    }
}

/// Everything that does not move, by kind and reason: what belongs to a table only where the table moves.
pub(super) fn unmoved(
    objects: Vec<SourceObject>,
    tables: &[SourceTable],
    keys: Vec<MappedKey>,
    made: KeysMade,
) -> Vec<Unmoved> {
    let moves =
        |object: &SourceObject| object.table_name().is_none_or(|name| tables.iter().any(|table| table.name == name));
    let mut all: Vec<Unmoved> = objects.into_iter().filter(moves).map(|object| of_object(&object)).collect();
    let mut keys: Vec<Unmoved> =
        keys.into_iter().map(|key| Unmoved { kind: "foreign key", why: made.why(&key), name: key.source }).collect();
    keys.sort_by_key(|key| key.why);
    all.extend(keys);
    all
}

fn of_object(object: &SourceObject) -> Unmoved {
    let (kind, why) = match object.kind {
        ObjectKind::View => ("view", "its query is in MySQL's language: write it anew on the moved tables"),
        ObjectKind::Trigger => {
            ("trigger", "what it writes in the source arrives as rows; in the destination it would run twice")
        }
        ObjectKind::Procedure => ("procedure", "its code is in MySQL's language"),
        ObjectKind::Function => ("function", "its code is in MySQL's language"),
        ObjectKind::Event => ("event", "it runs in the source, and what it changes arrives as rows"),
        ObjectKind::Partitioning => ("partitioning", "the rows arrive in one table"),
        ObjectKind::AutoIncrement => {
            ("AUTO_INCREMENT column", "numbers arrive as they are; the column is a plain one until `millrace cut-over`")
        }
        ObjectKind::GeneratedColumn => ("generated column", "its value arrives; the column is a plain one"),
    };
    let name = match (&object.table, object.kind) {
        (Some(table), ObjectKind::Partitioning) => format!("{}.{table}", object.database),
        (Some(table), _) => format!("{}.{table}.{}", object.database, object.name),
        (None, _) => format!("{}.{}", object.database, object.name),
    };
    Unmoved { kind, name, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_table_that_stays_is_not_named() {
        let object = |kind, table: Option<&str>| SourceObject {
            kind,
            database: "shop".into(),
            table: table.map(str::to_owned),
            name: "x".into(),
        };
        let objects = vec![object(ObjectKind::View, None), object(ObjectKind::Trigger, Some("not_selected"))];
        let named = unmoved(objects, &[], Vec::new(), KeysMade::No);
        assert_eq!(named.len(), 1);
        assert_eq!((named[0].kind, named[0].name.as_str()), ("view", "shop.x"));
    }
}
