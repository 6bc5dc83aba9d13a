//! The statement that reads a part of a table in the order of its key.
//!
//! Keys are compared by the server alone, with the column's own collation: the client knows no order of texts. The bound
//! of a composite key is written out as `a >= ? AND (a > ? OR (a = ? AND b > ?))`, which every version reads by the
//! index, while the row form `(a, b) > (?, ?)` scans it. The key's columns are NOT NULL.
//!
//! ENUM and SET order by their number, and only a comparison with a number compares numbers; MySQL does not use the index
//! for it, so an ENUM that leads the key is bounded by the list of the labels that follow, too.

use millrace_model::{MysqlType, Row, TableSchema};
use mysql_async::Value;

use crate::cell_form::parameter;
use crate::charset::charset_of_type;
use crate::ident::{Ident, table_ident, text_constant};

/// A statement with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Text with `?` for each parameter.
    pub sql: String,
    /// Parameters in order.
    pub parameters: Vec<Value>,
}

/// Most labels of an ENUM that are listed.
const LABELS_LISTED: usize = 200;

/// Reads all columns of at most `limit` rows beyond `after` and up to `through`, both rows of the key's cells.
pub fn select_by_key(
    schema: &TableSchema<MysqlType>,
    after: Option<&Row>,
    through: Option<&Row>,
    limit: usize,
) -> Statement {
    let mut parameters = Vec::new();
    let mut conditions = Vec::new();
    if let Some(after) = after {
        conditions.push(bound(schema, after, [">=", ">", ">"], &mut parameters));
        conditions.extend(labels_from(schema, after));
    }
    if let Some(through) = through {
        conditions.push(bound(schema, through, ["<=", "<", "<="], &mut parameters));
    }
    let mut sql = format!("SELECT {} FROM {}", columns(schema), table_ident(&schema.name));
    if schema.key == schema.primary_key {
        sql.push_str(" FORCE INDEX (PRIMARY)");
    }
    if !conditions.is_empty() {
        sql.push_str(" WHERE ");
        sql.push_str(&conditions.join(" AND "));
    }
    let order: Vec<String> = schema.key.iter().map(|&place| column(schema, place)).collect();
    sql.push_str(&format!(" ORDER BY {} LIMIT ?", order.join(", ")));
    parameters.push(Value::UInt(limit as u64));
    Statement { sql, parameters }
}

/// Reads all columns of all rows.
pub fn select_all(schema: &TableSchema<MysqlType>) -> String {
    format!("SELECT {} FROM {}", columns(schema), table_ident(&schema.name))
}

/// `operators`: of the leading column alone, of a column before which all are equal, of the last column.
fn bound(
    schema: &TableSchema<MysqlType>,
    key: &Row,
    [leading, strict, last]: [&str; 3],
    parameters: &mut Vec<Value>,
) -> String {
    let cells: Vec<(String, String, Value)> = schema
        .key
        .iter()
        .zip(key.cells())
        .map(|(&place, cell)| {
            let ty = &schema.columns[place].ty;
            (column(schema, place), placeholder(ty), parameter(ty, cell))
        })
        .collect();
    let mut compare = |at: usize, operator: &str| {
        let (name, mark, value) = &cells[at];
        parameters.push(value.clone());
        format!("{name} {operator} {mark}")
    };
    if cells.len() == 1 {
        return compare(0, last);
    }
    let mut sql = format!("{} AND (", compare(0, leading));
    for depth in 0..cells.len() {
        if depth > 0 {
            sql.push_str(" OR ");
        }
        sql.push('(');
        for at in 0..depth {
            sql.push_str(&compare(at, "="));
            sql.push_str(" AND ");
        }
        sql.push_str(&compare(depth, if depth + 1 == cells.len() { last } else { strict }));
        sql.push(')');
    }
    sql.push(')');
    sql
}

fn placeholder(ty: &MysqlType) -> String {
    match ty {
        MysqlType::Binary(_) | MysqlType::Varbinary(_) | MysqlType::Blob(_) => "UNHEX(?)".to_owned(),
        // A text compared with a decimal would be compared as a float.
        MysqlType::Decimal { precision, scale } => format!("CAST(? AS DECIMAL({precision},{scale}))"),
        _ => "?".to_owned(),
    }
}

fn labels_from(schema: &TableSchema<MysqlType>, after: &Row) -> Option<String> {
    let &place = schema.key.first()?;
    let MysqlType::Enum(labels) = &schema.columns[place].ty else { return None };
    let Value::UInt(number) = parameter(&schema.columns[place].ty, after.cell(0)) else { return None };
    let first = usize::try_from(number).ok()?.checked_sub(1)?;
    let rest = labels.get(first..)?;
    if rest.len() > LABELS_LISTED {
        return None;
    }
    let list: Vec<String> = rest.iter().map(|label| text_constant(label)).collect();
    Some(format!("{} IN ({})", column(schema, place), list.join(", ")))
}

fn column(schema: &TableSchema<MysqlType>, place: usize) -> String {
    Ident(&schema.columns[place].name).to_string()
}

fn columns(schema: &TableSchema<MysqlType>) -> String {
    (0..schema.columns.len()).map(|place| selected(schema, place)).collect::<Vec<_>>().join(", ")
}

/// Text as its bytes where the server's conversion would put `?` for what it has no character for. The inner conversion
/// does nothing to a column that is of the character set still.
fn selected(schema: &TableSchema<MysqlType>, place: usize) -> String {
    let name = column(schema, place);
    match charset_of_type(&schema.columns[place].ty).filter(|charset| !charset.is_converted_by_the_server()) {
        Some(charset) => format!("CONVERT(CONVERT({name} USING {charset}) USING binary)"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millrace_model::schema::{Nullability, Route};
    use millrace_model::{Cell, Column, TableName};

    use super::*;

    fn schema(types: Vec<MysqlType>) -> TableSchema<MysqlType> {
        let columns: Vec<Column<MysqlType>> = types
            .into_iter()
            .enumerate()
            .map(|(at, ty)| Column {
                name: Arc::from(format!("c{at}")),
                ty,
                nullability: Nullability::NotNull,
                default: None,
                comment: String::new(),
                collation: "".into(),
            })
            .collect();
        let key: Vec<usize> = (0..columns.len()).collect();
        TableSchema {
            table_id: 1,
            name: TableName::new("d", "t"),
            columns,
            primary_key: key.clone(),
            key,
            indexes: Vec::new(),
            comment: String::new(),
            route: Route::Key,
            placement: Default::default(),
        }
    }

    #[test]
    fn writes_bounds_out() {
        let schema =
            schema(vec![MysqlType::Year, MysqlType::Varbinary(9), MysqlType::Decimal { precision: 5, scale: 1 }]);
        let key: Row = [Cell::UInt(1), Cell::Bytes(&[0xff]), Cell::Text("1.5")].into_iter().collect();
        let statement = select_by_key(&schema, Some(&key), None, 10);
        assert_eq!(
            statement.sql,
            "SELECT `c0`, `c1`, `c2` FROM `d`.`t` FORCE INDEX (PRIMARY) WHERE `c0` >= ? AND ((`c0` > ?) OR (`c0` = ? AND \
             `c1` > UNHEX(?)) OR (`c0` = ? AND `c1` = UNHEX(?) AND `c2` > CAST(? AS DECIMAL(5,1)))) \
             ORDER BY `c0`, `c1`, `c2` LIMIT ?"
        );
        assert_eq!(statement.parameters.len(), 8);
    }

    #[test]
    fn lists_the_labels_that_follow() {
        let labels: Arc<[String]> = vec!["c".to_owned(), "b".to_owned(), "a".to_owned()].into();
        let schema = schema(vec![MysqlType::Enum(labels)]);
        let key: Row = [Cell::Text("b")].into_iter().collect();
        let statement = select_by_key(&schema, Some(&key), Some(&key), 10);
        assert_eq!(
            statement.sql,
            "SELECT `c0` FROM `d`.`t` FORCE INDEX (PRIMARY) WHERE `c0` > ? AND `c0` IN (_utf8mb4 x'62', _utf8mb4 x'61') \
             AND `c0` <= ? ORDER BY `c0` LIMIT ?"
        );
        assert_eq!(statement.parameters[0], Value::UInt(2));
    }
}
