//! Which keys a table has, and which one identifies its rows.
//!
//! The choice looks at content alone, never at the order in which indexes were defined: `information_schema` does not
//! show that order, and CREATE TABLE in the binlog must lead to the same choice. The replication key is the primary key,
//! or the unique key over NOT NULL columns with the fewest columns (then the first columns, then the name). A key over a
//! prefix, an expression or a nullable column identifies nothing by its columns' values. Neither does one over an ENUM or
//! SET with the label '': the error value of the ENUM and the empty set are other values of the key that read the same
//! (MySQL 8.0 Reference Manual, 11.3.5 "The ENUM Type", 11.3.6 "The SET Type"), so that two rows would be one.

use std::sync::Arc;

use millrace_model::schema::{Nullability, OtherIndex, Uniqueness};
use millrace_model::{Column, Index, MysqlType};

/// What an index is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// BTREE or HASH.
    Plain,
    /// FULLTEXT.
    FullText,
    /// SPATIAL.
    Spatial,
    /// VECTOR (MariaDB).
    Vector,
}

/// One part of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexPart {
    /// A whole column, by its place.
    Column(usize),
    /// The first characters or bytes of a column, by its place.
    Prefix(usize),
    /// An expression.
    Expression,
}

/// An index as defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name; `PRIMARY` for the primary key.
    pub name: Arc<str>,
    /// UNIQUE or not.
    pub uniqueness: Uniqueness,
    /// Kind.
    pub kind: IndexKind,
    /// Its parts in order.
    pub parts: Vec<IndexPart>,
}

/// The keys of a table, arranged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys {
    /// Places of the primary key's columns.
    pub primary_key: Vec<usize>,
    /// Places of the replication key's columns; empty for none.
    pub key: Vec<usize>,
    /// Secondary indexes that can be carried, by name.
    pub indexes: Vec<Index>,
    /// What cannot be carried, each with its reason, by name.
    pub left_out: Vec<String>,
    /// The same in the form in which later statements find them.
    pub others: Vec<OtherIndex>,
    /// Whether there is a unique key besides the replication key, whatever its parts.
    pub has_other_unique_key: bool,
}

/// Arranges the indexes of a table with these columns.
pub fn arrange(columns: &[Column<MysqlType>], mut definitions: Vec<IndexDefinition>) -> Keys {
    definitions.sort_by(|a, b| a.name.cmp(&b.name));
    let mut keys = Keys::default();
    let unique = definitions.iter().filter(|d| d.uniqueness == Uniqueness::Unique).count();
    for definition in definitions {
        match whole_columns(columns, &definition) {
            Ok(places) if &*definition.name == "PRIMARY" => keys.primary_key = places,
            Ok(columns) => {
                keys.indexes.push(Index { name: definition.name, columns, uniqueness: definition.uniqueness });
            }
            Err(reason) => {
                keys.left_out.push(format!("index \"{}\": {reason}", definition.name));
                keys.others.push(other(definition));
            }
        }
    }
    keys.key =
        if keys.primary_key.is_empty() { best_unique_key(columns, &keys.indexes) } else { keys.primary_key.clone() };
    keys.has_other_unique_key = unique > usize::from(!keys.key.is_empty());
    keys
}

fn other(definition: IndexDefinition) -> OtherIndex {
    let place = |part: &IndexPart| match part {
        IndexPart::Column(place) | IndexPart::Prefix(place) => Some(*place),
        IndexPart::Expression => None,
    };
    let columns = definition.parts.iter().map(place).collect();
    OtherIndex { name: definition.name, columns, uniqueness: definition.uniqueness }
}

fn whole_columns(columns: &[Column<MysqlType>], definition: &IndexDefinition) -> Result<Vec<usize>, String> {
    match definition.kind {
        IndexKind::Plain => {}
        IndexKind::FullText => return Err("a full-text index is not carried".into()),
        IndexKind::Spatial => return Err("a spatial index is not carried".into()),
        IndexKind::Vector => return Err("a vector index is not carried".into()),
    }
    let name = |place: usize| columns.get(place).map_or("?", |c| &*c.name);
    let reads_as_two = |place: usize| {
        definition.uniqueness == Uniqueness::Unique && columns.get(place).is_some_and(|c| has_empty_label(&c.ty))
    };
    definition
        .parts
        .iter()
        .map(|part| match part {
            IndexPart::Column(place) if reads_as_two(*place) => Err(format!(
                "column \"{}\" has the label '', which reads the same as a value without a label",
                name(*place)
            )),
            IndexPart::Column(place) => Ok(*place),
            IndexPart::Prefix(place) => Err(format!("holds only a prefix of column \"{}\"", name(*place))),
            IndexPart::Expression => Err("holds an expression".to_owned()),
        })
        .collect()
}

fn has_empty_label(ty: &MysqlType) -> bool {
    matches!(ty, MysqlType::Enum(labels) | MysqlType::Set(labels) if labels.iter().any(String::is_empty))
}

fn best_unique_key(columns: &[Column<MysqlType>], indexes: &[Index]) -> Vec<usize> {
    let not_null = |place: &usize| columns.get(*place).is_some_and(|c| c.nullability == Nullability::NotNull);
    indexes
        .iter()
        .filter(|index| index.uniqueness == Uniqueness::Unique && index.columns.iter().all(not_null))
        .min_by_key(|index| (index.columns.len(), index.columns.clone(), index.name.clone()))
        .map_or_else(Vec::new, |index| index.columns.clone())
}
