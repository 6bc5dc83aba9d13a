//! Table definitions as SQL. Pure: what is rendered depends on the schema and the dialect alone.
//!
//! A table always enforces its replication key, so that rows can be copied straight into it: as PRIMARY KEY where it is
//! the primary key, as UNIQUE otherwise. On the Greenplum family it is also the distribution key, and every other unique
//! key must contain it (research: a unique index without it is refused).

use millrace_model::schema::{DefaultValue, Distribution, Nullability, Storage};
use millrace_model::{Column, PgType, TableName, TableSchema};

use crate::dialect::Dialect;
use crate::encode::{CellProblem, cell_error};
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName, literal};

/// What to do where the table is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingTable {
    /// It is an error.
    Refuse,
    /// It is used as it is.
    Keep,
}

/// Something of a definition that does not move, for `plan` and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The table.
    pub table: TableName,
    /// What: `default of column "a"`.
    pub what: String,
    /// Why.
    pub why: String,
}

/// SQL to be executed in order, and what of the definition is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// The statements.
    pub statements: Vec<String>,
    /// What is left out.
    pub left_out: Vec<LeftOut>,
}

/// CREATE SCHEMA for the schema of that name, where it is not there. (IF NOT EXISTS alone asks for the right to create
/// even where there is nothing to do.)
pub fn render_create_schema(name: &str) -> Result<String, AdbpgError> {
    let (ident, text) = (Ident::new(name)?, literal(name)?);
    // A DO block is a constant itself: quoted as one, nothing in the name can end it.
    let block = format!(
        "BEGIN IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = {text}) \
         THEN CREATE SCHEMA {ident}; END IF; END"
    );
    Ok(format!("DO {}", literal(&block)?))
}

/// CREATE TABLE with its key, and the comments. Secondary indexes come after the load: `indexes::render_indexes`.
pub fn render_create_table(
    dialect: &Dialect,
    schema: &TableSchema<PgType>,
    existing: ExistingTable,
) -> Result<Rendered, AdbpgError> {
    let table = QualifiedName::new(&schema.name)?;
    let mut left_out = Vec::new();
    let mut parts = Vec::with_capacity(schema.columns.len() + 2);
    for column in &schema.columns {
        parts.push(render_column(schema, column, &mut left_out)?);
    }
    parts.extend(render_keys(dialect, schema, &mut left_out)?);
    let if_absent = match existing {
        ExistingTable::Refuse => "",
        ExistingTable::Keep => "IF NOT EXISTS ",
    };
    let (storage, distribution) = (render_storage(dialect, schema)?, render_distribution(dialect, schema)?);
    let sql = format!("CREATE TABLE {if_absent}{table} ({}){storage}{distribution}", parts.join(", "));
    let mut statements = vec![sql];
    statements.extend(render_comments(schema, &table)?);
    Ok(Rendered { statements, left_out })
}

/// Beam needs AnalyticDB 7 (its manual, "Beam storage engine"), and is what tables have there by default; heap is what
/// PostgreSQL has anyway.
fn render_storage(dialect: &Dialect, schema: &TableSchema<PgType>) -> Result<&'static str, AdbpgError> {
    match schema.placement.storage {
        Storage::Usual if dialect.prefers_beam() => Ok(" USING beam"),
        Storage::Usual => Ok(""),
        Storage::Heap if dialect.is_distributed() && dialect.base() >= 120_000 => Ok(" USING heap"),
        Storage::Heap => Ok(""),
        Storage::Beam if matches!(dialect, Dialect::AnalyticDb { .. }) && dialect.base() >= 120_000 => {
            Ok(" USING beam")
        }
        Storage::Beam => Err(AdbpgError::Definition {
            table: schema.name.to_string(),
            problem: format!("storage = \"beam\" needs AnalyticDB for PostgreSQL 7, and this is {dialect}"),
        }),
    }
}

pub(crate) fn render_distribution(dialect: &Dialect, schema: &TableSchema<PgType>) -> Result<String, AdbpgError> {
    if !dialect.is_distributed() {
        return Ok(String::new());
    }
    Ok(match &schema.placement.distribution {
        Distribution::Key if schema.is_keyed() => format!(" DISTRIBUTED BY ({})", render_names(schema, &schema.key)?),
        Distribution::Key => " DISTRIBUTED RANDOMLY".to_owned(),
        Distribution::Columns(columns) => format!(" DISTRIBUTED BY ({})", render_names(schema, columns)?),
        Distribution::Replicated if schema.is_keyed() => " DISTRIBUTED REPLICATED".to_owned(),
        // Nothing names a row there (greenplum.md, section 4), and equal rows are deleted one by one.
        Distribution::Replicated => {
            return Err(AdbpgError::Definition {
                table: schema.name.to_string(),
                problem: "a table without a key cannot be replicated: take distributed_by out, or give it a key"
                    .to_owned(),
            });
        }
    })
}

fn render_column(
    schema: &TableSchema<PgType>,
    column: &Column<PgType>,
    left_out: &mut Vec<LeftOut>,
) -> Result<String, AdbpgError> {
    let mut sql = format!("{} {}", Ident::new(&column.name)?, column.ty);
    if column.nullability == Nullability::NotNull {
        sql.push_str(" NOT NULL");
    }
    if let Some(default) = column_default(schema, column, left_out)? {
        sql.push_str(&format!(" DEFAULT {default}"));
    }
    Ok(sql)
}

/// The column's default as SQL; none where it has none, or one that does not move.
pub(crate) fn column_default(
    schema: &TableSchema<PgType>,
    column: &Column<PgType>,
    left_out: &mut Vec<LeftOut>,
) -> Result<Option<String>, AdbpgError> {
    let why = match &column.default {
        None => return Ok(None),
        Some(DefaultValue::Literal(text)) => return render_default(schema, column, text).map(Some),
        Some(DefaultValue::CurrentTimestamp(digits)) => match column.ty {
            PgType::Timestamp(_) | PgType::TimestampTz(_) => {
                return Ok(Some(format!("CURRENT_TIMESTAMP({})", (*digits).min(6))));
            }
            PgType::Date => return Ok(Some("CURRENT_DATE".to_owned())),
            _ => format!("the current time is no value of type {}", column.ty),
        },
        Some(DefaultValue::Expression(_)) => "it is an expression in the source's language".to_owned(),
    };
    left_out.push(LeftOut { table: schema.name.clone(), what: format!("default of column \"{}\"", column.name), why });
    Ok(None)
}

/// The constant with its type. For bytea the text is the bytes themselves, or already in the form `\x41`.
fn render_default(schema: &TableSchema<PgType>, column: &Column<PgType>, text: &str) -> Result<String, AdbpgError> {
    let problem = CellProblem("its default holds a NUL character");
    let constant = match column.ty {
        PgType::Bytea if !is_hex_form(text) => {
            let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            literal(&format!("\\x{digits}"))?
        }
        _ => literal(text).map_err(|_| cell_error(&schema.name, column, problem))?,
    };
    Ok(format!("{constant}::{}", column.ty))
}

fn is_hex_form(text: &str) -> bool {
    let digits = text.strip_prefix("\\x");
    digits.is_some_and(|digits| digits.len() % 2 == 0 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn render_keys(
    dialect: &Dialect,
    schema: &TableSchema<PgType>,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<String>, AdbpgError> {
    let constraints = key_constraints(dialect, schema, left_out);
    let render = |(words, columns)| Ok(format!("{words} ({})", render_names(schema, columns)?));
    constraints.into_iter().map(render).collect()
}

/// The keys that the destination holds: the words for each, and the places of its columns.
pub(crate) fn key_constraints<'s>(
    dialect: &Dialect,
    schema: &'s TableSchema<PgType>,
    left_out: &mut Vec<LeftOut>,
) -> Vec<(&'static str, &'s [usize])> {
    let mut keys = Vec::new();
    if schema.is_keyed() && schema.key != schema.primary_key {
        keys.push(("UNIQUE", &schema.key[..]));
    }
    if !schema.primary_key.is_empty() {
        if can_be_unique(dialect, schema, &schema.primary_key) {
            keys.push(("PRIMARY KEY", &schema.primary_key[..]));
        } else {
            left_out.push(LeftOut {
                table: schema.name.clone(),
                what: "the primary key".to_owned(),
                why: "it does not contain the distribution key".to_owned(),
            });
        }
    }
    keys
}

/// Whether these columns may be a unique key beside the replication key.
pub(crate) fn can_be_unique(dialect: &Dialect, schema: &TableSchema<PgType>, columns: &[usize]) -> bool {
    let spread_by = match &schema.placement.distribution {
        Distribution::Key if schema.is_keyed() => &schema.key,
        Distribution::Key => return !dialect.is_distributed(),
        Distribution::Columns(spread_by) => spread_by,
        Distribution::Replicated => return true,
    };
    !dialect.is_distributed() || spread_by.iter().all(|place| columns.contains(place))
}

/// The quoted names of the columns at these places.
pub(crate) fn render_names(schema: &TableSchema<PgType>, places: &[usize]) -> Result<String, AdbpgError> {
    let name = |&place: &usize| {
        let missing = || AdbpgError::Definition {
            table: schema.name.to_string(),
            problem: "a key or index names a column that it does not have".to_owned(),
        };
        Ok(Ident::new(&schema.columns.get(place).ok_or_else(missing)?.name)?.to_string())
    };
    Ok(places.iter().map(name).collect::<Result<Vec<String>, AdbpgError>>()?.join(", "))
}

fn render_comments(schema: &TableSchema<PgType>, table: &QualifiedName) -> Result<Vec<String>, AdbpgError> {
    let mut comments = Vec::new();
    if !schema.comment.is_empty() {
        comments.push(format!("COMMENT ON TABLE {table} IS {}", render_comment(&schema.comment)?));
    }
    for column in schema.columns.iter().filter(|column| !column.comment.is_empty()) {
        let text = render_comment(&column.comment)?;
        comments.push(format!("COMMENT ON COLUMN {table}.{} IS {text}", Ident::new(&column.name)?));
    }
    Ok(comments)
}

/// A comment is for readers: a NUL in it, which no constant can hold, is dropped.
pub(crate) fn render_comment(text: &str) -> Result<String, AdbpgError> {
    literal(&text.replace('\0', ""))
}

/// DROP TABLE.
pub fn render_drop_table(name: &TableName) -> Result<String, AdbpgError> {
    Ok(format!("DROP TABLE IF EXISTS {}", QualifiedName::new(name)?))
}

/// TRUNCATE.
pub fn render_truncate(name: &TableName) -> Result<String, AdbpgError> {
    Ok(format!("TRUNCATE TABLE {}", QualifiedName::new(name)?))
}

/// ANALYZE: without it a table just loaded is planned as if it were small.
pub fn render_analyze(name: &TableName) -> Result<String, AdbpgError> {
    Ok(format!("ANALYZE {}", QualifiedName::new(name)?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_model::schema::{Placement, Route};

    use super::*;
    use crate::dialect::{Beam, Cluster, DeadlockDetector};

    const POSTGRES: Dialect = Dialect::Postgres { version: 150_004 };

    fn greenplum() -> Dialect {
        let deadlock_detector = DeadlockDetector::Off;
        Dialect::Greenplum {
            cluster: Cluster { version: "7.0.0".to_owned(), base: 120_012, deadlock_detector, beam: Beam::Absent },
        }
    }

    fn column(name: &str, ty: PgType, nullability: Nullability, default: Option<DefaultValue>) -> Column<PgType> {
        Column { name: name.into(), ty, nullability, default, comment: String::new(), collation: "".into() }
    }

    fn schema(columns: Vec<Column<PgType>>, primary_key: Vec<usize>, key: Vec<usize>) -> TableSchema<PgType> {
        let (name, comment) = (TableName::new("shop", "or\"ders"), String::new());
        TableSchema {
            table_id: 1,
            name,
            columns,
            primary_key,
            key,
            indexes: vec![],
            comment,
            route: Route::Key,
            placement: Placement::default(),
        }
    }

    fn two_columns() -> Vec<Column<PgType>> {
        vec![
            column("id", PgType::BigInt, Nullability::NotNull, None),
            column("No", PgType::Varchar(10), Nullability::Nullable, Some(DefaultValue::Literal("it's \\".to_owned()))),
        ]
    }

    #[test]
    fn renders_keys_and_distribution() {
        let columns = "\"id\" bigint NOT NULL, \"No\" varchar(10) DEFAULT E'it''s \\\\'::varchar(10)";
        for (dialect, primary_key, key, end) in [
            (POSTGRES, vec![0], vec![0], ", PRIMARY KEY (\"id\"))"),
            (POSTGRES, vec![1, 0], vec![1, 0], ", PRIMARY KEY (\"No\", \"id\"))"),
            (POSTGRES, vec![], vec![0], ", UNIQUE (\"id\"))"),
            (POSTGRES, vec![], vec![], ")"),
            (greenplum(), vec![0], vec![0], ", PRIMARY KEY (\"id\")) DISTRIBUTED BY (\"id\")"),
            (greenplum(), vec![], vec![], ") DISTRIBUTED RANDOMLY"),
            (greenplum(), vec![0], vec![0, 1], ", UNIQUE (\"id\", \"No\")) DISTRIBUTED BY (\"id\", \"No\")"),
        ] {
            let table = schema(two_columns(), primary_key, key);
            let rendered = render_create_table(&dialect, &table, ExistingTable::Refuse).unwrap();
            assert_eq!(rendered.statements, [format!("CREATE TABLE \"shop\".\"or\"\"ders\" ({columns}{end}")]);
        }
    }

    #[test]
    fn renders_the_placement_of_the_task_file() {
        let cluster = Cluster {
            version: "7.0.0".into(),
            base: 120_012,
            deadlock_detector: DeadlockDetector::On,
            beam: Beam::Absent,
        };
        let analytic = Dialect::AnalyticDb { cluster };
        let mut table = schema(two_columns(), vec![1, 0], vec![1, 0]);
        let mut rendered = |distribution: Distribution, storage, dialect: &Dialect| {
            table.placement = Placement { distribution, storage };
            let rendered = render_create_table(dialect, &table, ExistingTable::Refuse)?;
            let (_, end) = rendered.statements[0].split_once("PRIMARY KEY ").unwrap();
            Ok::<_, AdbpgError>(end.to_owned())
        };
        let by_column = rendered(Distribution::Columns(vec![0]), Storage::Beam, &analytic).unwrap();
        assert_eq!(by_column, "(\"No\", \"id\")) USING beam DISTRIBUTED BY (\"id\")");
        let replicated = rendered(Distribution::Replicated, Storage::Heap, &greenplum()).unwrap();
        assert_eq!(replicated, "(\"No\", \"id\")) USING heap DISTRIBUTED REPLICATED");
        assert_eq!(rendered(Distribution::Replicated, Storage::Heap, &POSTGRES).unwrap(), "(\"No\", \"id\"))");
        let refused = rendered(Distribution::Key, Storage::Beam, &greenplum()).unwrap_err();
        assert!(
            refused.to_string().contains("needs AnalyticDB for PostgreSQL 7, and this is Greenplum 7.0.0"),
            "{refused}"
        );
    }

    #[test]
    fn reports_defaults_that_do_not_move() {
        let columns = vec![
            column("a", PgType::Text, Nullability::Nullable, Some(DefaultValue::Expression("uuid()".to_owned()))),
            column("b", PgType::TimestampTz(3), Nullability::NotNull, Some(DefaultValue::CurrentTimestamp(3))),
            column("c", PgType::Date, Nullability::Nullable, Some(DefaultValue::CurrentTimestamp(0))),
            column("e", PgType::Text, Nullability::Nullable, Some(DefaultValue::CurrentTimestamp(0))),
            column("d", PgType::Bytea, Nullability::Nullable, Some(DefaultValue::Literal("A'".to_owned()))),
        ];
        let rendered = render_create_table(&POSTGRES, &schema(columns, vec![], vec![]), ExistingTable::Keep).unwrap();
        assert_eq!(
            rendered.statements[0],
            "CREATE TABLE IF NOT EXISTS \"shop\".\"or\"\"ders\" (\"a\" text, \"b\" timestamptz(3) NOT NULL DEFAULT \
             CURRENT_TIMESTAMP(3), \"c\" date DEFAULT CURRENT_DATE, \"e\" text, \"d\" bytea DEFAULT E'\\\\x4127'::bytea)"
        );
        let what: Vec<&str> = rendered.left_out.iter().map(|left| left.what.as_str()).collect();
        assert_eq!(what, ["default of column \"a\"", "default of column \"e\""]);
    }

    #[test]
    fn renders_comments() {
        let mut table = schema(two_columns(), vec![], vec![]);
        table.comment = "all 'orders'".to_owned();
        table.columns[1].comment = "a\0b".to_owned();
        let rendered = render_create_table(&POSTGRES, &table, ExistingTable::Refuse).unwrap();
        assert_eq!(
            rendered.statements[1..],
            [
                "COMMENT ON TABLE \"shop\".\"or\"\"ders\" IS 'all ''orders'''",
                "COMMENT ON COLUMN \"shop\".\"or\"\"ders\".\"No\" IS 'ab'"
            ]
        );
    }

    #[test]
    fn refuses_names_that_would_be_cut() {
        let columns = vec![column(&"c".repeat(64), PgType::Text, Nullability::Nullable, None)];
        assert!(render_create_table(&POSTGRES, &schema(columns, vec![], vec![]), ExistingTable::Refuse).is_err());
        assert!(render_drop_table(&TableName::new("shop", "t".repeat(64))).is_err());
    }
}
