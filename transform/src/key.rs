//! The key that tells rows apart in the destination, and where its rows are kept.
//!
//! A key that the task file names must tell the source's rows apart: it contains the source's key, or a unique key over
//! columns that are never NULL. So two rows of the source never become one. Where it contains the source's key, rows with one
//! key of the destination have one key of the source, and come in order through one partition; otherwise there is a second
//! unique key, and such a table is routed as a whole.

use millrace_model::mysql_type::MysqlType;
use millrace_model::schema::{Distribution, Nullability, Placement, TableSchema, Uniqueness};
use millrace_task::{DistributedBy, ObjectRule};

use crate::error::{KeyProblem, TransformError};

/// Places of the destination's key in the source's table; none where it is the source's.
pub(crate) fn named_key(
    source: &TableSchema<MysqlType>,
    rule: &ObjectRule,
) -> Result<Option<Vec<usize>>, TransformError> {
    let Some(names) = rule.primary_key() else { return Ok(None) };
    let refused = |problem| TransformError::Key { table: source.name.clone(), problem };
    let mut key = Vec::with_capacity(names.len());
    for name in names {
        let place = source.columns.iter().position(|column| column.name.to_lowercase() == *name);
        let place = place.ok_or_else(|| refused(KeyProblem::NoSuchColumn(name.clone())))?;
        if source.columns[place].nullability == Nullability::Nullable {
            return Err(refused(KeyProblem::Nullable(name.clone())));
        }
        key.push(place);
    }
    let has_all = |columns: &[usize]| !columns.is_empty() && columns.iter().all(|place| key.contains(place));
    let unique = source.indexes.iter().filter(|index| index.uniqueness == Uniqueness::Unique);
    // Columns of the key are not NULL, so neither are those of an index that it contains.
    let tells_rows_apart = has_all(&source.key) || unique.into_iter().any(|index| has_all(&index.columns));
    match tells_rows_apart {
        true => Ok(Some(key)),
        false => Err(refused(KeyProblem::Ambiguous)),
    }
}

/// Where the destination keeps the rows; `key` is its key as places in the source's table, `places` leads from there to the
/// destination's columns.
pub(crate) fn placement(
    source: &TableSchema<MysqlType>,
    rule: &ObjectRule,
    key: &[usize],
    places: &[Option<usize>],
) -> Result<Placement, TransformError> {
    let distribution = match rule.distributed_by() {
        DistributedBy::Key => Distribution::Key,
        DistributedBy::Replicated => Distribution::Replicated,
        // So is every table without a key.
        DistributedBy::Randomly if key.is_empty() => Distribution::Key,
        DistributedBy::Randomly => {
            return Err(TransformError::Key { table: source.name.clone(), problem: KeyProblem::Random });
        }
        DistributedBy::Columns(names) => {
            let mut columns = Vec::with_capacity(names.len());
            for name in names {
                let of_key = key.iter().find(|&&place| source.columns[place].name.to_lowercase() == *name);
                let target = of_key.and_then(|&place| places[place]);
                columns.push(target.ok_or_else(|| TransformError::Key {
                    table: source.name.clone(),
                    problem: KeyProblem::NotInKey(name.clone()),
                })?);
            }
            Distribution::Columns(columns)
        }
    };
    Ok(Placement { distribution, storage: rule.storage() })
}
