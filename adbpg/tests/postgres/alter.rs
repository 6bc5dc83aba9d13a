//! Changes of tables: what a change makes of a table is what is made from its new schema at once.

use millrace_adbpg::alter::{Difference, Effort, Means, render_alter};
use millrace_adbpg::ddl::{ExistingTable, render_create_table};
use millrace_adbpg::indexes::render_indexes;
use millrace_adbpg::{AdbpgError, CommitOutcome, Connection};
use millrace_model::schema::{DefaultValue, Index, Nullability, Uniqueness};
use millrace_model::{Column, PgType, TableName, TableSchema};

use crate::server::{Server, table, with_database};

/// All that the catalog says of the tables of the schemas that tests use, without the names that the server chooses.
const DESCRIPTION: &str = "
    SELECT n.nspname || '.' || c.relname || ' ' || what FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace,
    LATERAL (
        SELECT 'comment ' || coalesce(obj_description(c.oid, 'pg_class'), '') AS what
        UNION ALL SELECT concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
            FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT concat_ws(' ', k.contype, CASE WHEN k.contype IS NULL THEN i.indexrelid::regclass::text END,
            i.indisunique, (SELECT string_agg(a.attname, ',' ORDER BY o) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(n, o)
            JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = u.n))
            FROM pg_index AS i LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid WHERE i.indrelid = c.oid
    ) AS parts WHERE c.relkind = 'r' AND n.nspname IN ('public', 'other') ORDER BY 1";

fn column(name: &str, ty: PgType) -> Column<PgType> {
    let nullability = Nullability::Nullable;
    Column { name: name.into(), ty, nullability, default: None, comment: String::new(), collation: "".into() }
}

fn index(name: &str, columns: &[usize], uniqueness: Uniqueness) -> Index {
    Index { name: name.into(), columns: columns.to_vec(), uniqueness }
}

/// `orders (id, a integer, b text)` with an index on each of `a` and `b`.
pub(crate) fn orders() -> TableSchema<PgType> {
    let columns = [("id", PgType::BigInt), ("a", PgType::Integer), ("b", PgType::Text)];
    let mut orders = table("orders", &columns, 1);
    orders.indexes = vec![index("by_a", &[1], Uniqueness::NonUnique), index("by_b", &[2], Uniqueness::Unique)];
    orders
}

pub(crate) async fn make(connection: &Connection, schema: &TableSchema<PgType>) {
    let mut statements = render_create_table(connection.dialect(), schema, ExistingTable::Refuse).unwrap().statements;
    statements.extend(render_indexes(connection.dialect(), schema).unwrap().statements);
    connection.execute("make a table", &statements).await.unwrap();
}

/// Changes a table in one transaction.
async fn change(
    connection: &mut Connection,
    before: &TableSchema<PgType>,
    after: &TableSchema<PgType>,
    origins: &[Option<usize>],
    means: Means,
) -> Result<(), AdbpgError> {
    let difference = Difference::new(before, after, origins)?;
    let statements = render_alter(connection.dialect(), &difference, means)?.statements;
    let mut transaction = connection.begin().await?;
    transaction.execute("change a table", &statements).await?;
    assert!(matches!(transaction.commit().await?, CommitOutcome::Committed));
    Ok(())
}

/// Changes a table that holds a row, and compares it with a table that is made from the new schema.
async fn check(
    server: &Server,
    before: &TableSchema<PgType>,
    after: &TableSchema<PgType>,
    origins: &[Option<usize>],
) -> Vec<String> {
    let mut replaced = after.clone();
    // Where b goes on as it is, it gets another type, so that another table takes the place of this one.
    if let Some(place) = origins.iter().position(|origin| *origin == Some(2)) {
        replaced.columns[place].ty = PgType::Varchar(40);
        assert_eq!(Difference::new(before, &replaced, origins).unwrap().effort(), Effort::Rewrite);
        check_by(server, before, &replaced, origins, Means::Replacement).await;
    }
    check_by(server, before, after, origins, Means::InPlace).await
}

async fn check_by(
    server: &Server,
    before: &TableSchema<PgType>,
    after: &TableSchema<PgType>,
    origins: &[Option<usize>],
    means: Means,
) -> Vec<String> {
    let mut connection = server.connect().await;
    server.run("DROP SCHEMA IF EXISTS other CASCADE; CREATE SCHEMA other").await;
    make(&connection, before).await;
    let name = |schema: &TableSchema<PgType>| format!("\"{}\".\"{}\"", schema.name.database, schema.name.table);
    server.run(&format!("INSERT INTO {} (id, a, b) VALUES (1, 7, 'x')", name(before))).await;
    change(&mut connection, before, after, origins, means).await.unwrap();
    let (changed, rows) =
        (server.rows(DESCRIPTION).await, server.rows(&format!("SELECT to_jsonb(t) FROM {} AS t", name(after))).await);
    server.run(&format!("DROP TABLE {}", name(after))).await;
    make(&connection, after).await;
    assert_eq!(changed, server.rows(DESCRIPTION).await);
    server.run(&format!("DROP TABLE {}", name(after))).await;
    rows
}

#[tokio::test]
async fn columns_come_go_and_change_names() {
    with_database("alter_columns", |server| async move {
        let before = orders();
        let mut after = orders();
        // b goes, a is called b, and a new a comes, NOT NULL and with a default; another without.
        after.columns[1] = Column { name: "b".into(), ..before.columns[1].clone() };
        let default = Some(DefaultValue::Literal("it's".into()));
        after.columns[2] = Column { nullability: Nullability::NotNull, default, ..column("a", PgType::Varchar(10)) };
        after.columns.push(Column {
            nullability: Nullability::NotNull,
            ..column("n", PgType::Numeric { precision: 5, scale: 2 })
        });
        after.columns.push(Column { nullability: Nullability::NotNull, ..column("bits", PgType::Bit(3)) });
        after.columns.push(Column { comment: "new".into(), ..column("c", PgType::Text) });
        after.indexes = vec![index("by_a", &[1], Uniqueness::NonUnique)];
        let rows = check(&server, &before, &after, &[Some(0), Some(1), None, None, None, None]).await;
        assert_eq!(rows, [r#"{"a": "it's", "b": 7, "c": null, "n": 0.00, "id": 1, "bits": "000"}"#]);

        // Two names are swapped, and three go round.
        let mut after = orders();
        (after.columns[1].name, after.columns[2].name) = ("b".into(), "a".into());
        assert_eq!(
            check(&server, &before, &after, &[Some(0), Some(1), Some(2)]).await,
            [r#"{"a": "x", "b": 7, "id": 1}"#]
        );
        for (place, name) in ["a", "b", "id"].into_iter().enumerate() {
            after.columns[place].name = name.into();
        }
        assert_eq!(
            check(&server, &before, &after, &[Some(0), Some(1), Some(2)]).await,
            [r#"{"a": 1, "b": 7, "id": "x"}"#]
        );
    })
    .await;
}

#[tokio::test]
async fn not_null_defaults_and_comments_change() {
    with_database("alter_properties", |server| async move {
        let mut before = orders();
        before.comment = "old".into();
        before.columns[1].default = Some(DefaultValue::Literal("5".into()));
        before.columns[1].comment = "old".into();
        let mut after = orders();
        after.columns[1].nullability = Nullability::NotNull;
        after.columns[2].default = Some(DefaultValue::Literal("y".into()));
        after.columns[2].comment = "new".into();
        check(&server, &before, &after, &[Some(0), Some(1), Some(2)]).await;
        check(&server, &after, &before, &[Some(0), Some(1), Some(2)]).await;
    })
    .await;
}

#[tokio::test]
async fn keys_and_indexes_change() {
    with_database("alter_keys", |server| async move {
        let before = orders();
        let same = [Some(0), Some(1), Some(2)];
        let mut keyless = orders();
        (keyless.primary_key, keyless.key) = (vec![], vec![]);
        let mut other_key = orders();
        (other_key.primary_key, other_key.key) = (vec![1, 0], vec![1, 0]);
        other_key.columns[1].nullability = Nullability::NotNull;
        let mut unique = keyless.clone();
        unique.key = vec![0];
        let mut indexes = orders();
        // Names are swapped, one changes its columns, and one comes.
        indexes.indexes = vec![
            index("by_b", &[1], Uniqueness::NonUnique),
            index("by_a", &[2], Uniqueness::Unique),
            index("both", &[2, 1], Uniqueness::NonUnique),
        ];
        let mut not_unique = orders();
        not_unique.indexes[1].uniqueness = Uniqueness::NonUnique;
        for after in [&keyless, &other_key, &unique, &indexes, &not_unique] {
            check(&server, &before, after, &same).await;
            check(&server, after, &before, &same).await;
        }
        check(&server, &unique, &other_key, &same).await;
        // The key goes with its column.
        let mut without = keyless.clone();
        without.columns.remove(0);
        without.indexes = vec![index("by_a", &[0], Uniqueness::NonUnique)];
        check(&server, &before, &without, &[Some(1), Some(2)]).await;
    })
    .await;
}

#[tokio::test]
async fn a_table_moves_with_its_indexes() {
    with_database("alter_names", |server| async move {
        let before = orders();
        for name in [("public", "sales"), ("other", "orders"), ("other", "sales")] {
            let mut after = orders();
            after.name = TableName::new(name.0, name.1);
            after.columns[1].name = "c".into();
            check(&server, &before, &after, &[Some(0), Some(1), Some(2)]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn types_change_as_the_source_changes_its_own() {
    with_database("alter_types", |server| async move {
        let mut connection = server.connect().await;
        let numeric = |precision, scale| PgType::Numeric { precision, scale };
        use PgType::*;
        for (from, to, value, expected, effort) in [
            (Integer, BigInt, "5", Some("5"), Effort::Rewrite),
            (BigInt, SmallInt, "40000", None, Effort::Rewrite),
            (Integer, Varchar(3), "123", Some("123"), Effort::Rewrite),
            (Integer, Varchar(2), "123", None, Effort::Rewrite),
            (Varchar(10), Integer, "12", Some("12"), Effort::Rewrite),
            (Varchar(10), Integer, "x", None, Effort::Rewrite),
            (Varchar(5), Varchar(9), "abc", Some("abc"), Effort::Definition),
            (Varchar(5), Text, "abc", Some("abc"), Effort::Definition),
            (Varchar(9), Varchar(3), "abcd", None, Effort::Rewrite),
            (Text, Varchar(3), "abc", Some("abc"), Effort::Rewrite),
            (numeric(10, 2), numeric(12, 2), "1.25", Some("1.25"), Effort::Definition),
            (numeric(10, 2), numeric(10, 1), "-1.25", Some("-1.3"), Effort::Rewrite),
            (numeric(10, 2), Integer, "2.50", Some("3"), Effort::Rewrite),
            (numeric(10, 2), Varchar(9), "2.50", Some("2.50"), Effort::Rewrite),
            (Timestamp(1), Date, "2020-12-31 23:59:59.5", Some("2021-01-01"), Effort::Rewrite),
            (Timestamp(0), Timestamp(3), "2020-12-31 23:59:59", Some("2020-12-31 23:59:59"), Effort::Definition),
            (Timestamp(3), Timestamp(0), "2020-12-31 23:59:58.5", Some("2020-12-31 23:59:59"), Effort::Rewrite),
            (Timestamp(3), Varchar(30), "2020-01-02 03:04:05.6", Some("2020-01-02 03:04:05.600"), Effort::Rewrite),
            (Date, Timestamp(0), "2020-01-02", Some("2020-01-02 00:00:00"), Effort::Rewrite),
            (Bit(4), Bit(6), "0101", Some("000101"), Effort::Rewrite),
            (Bit(4), Integer, "0101", Some("5"), Effort::Rewrite),
            (Text, Jsonb, "{\"a\": 1}", Some("{\"a\": 1}"), Effort::Rewrite),
            (Double, Varchar(40), "0.25", Some("0.25"), Effort::Rewrite),
            (Double, Varchar(3), "1e+20", Some("1e+"), Effort::Rewrite),
            (Real, numeric(10, 3), "1.5", Some("1.500"), Effort::Rewrite),
        ] {
            let what = format!("{from} to {to}");
            let before = table("t", &[("id", BigInt), ("v", from)], 1);
            let mut after = before.clone();
            after.columns[1].ty = to;
            let origins = [Some(0), Some(1)];
            assert_eq!(Difference::new(&before, &after, &origins).unwrap().effort(), effort, "{what}");
            for means in [Means::InPlace, Means::Replacement] {
                make(&connection, &before).await;
                server.run(&format!("INSERT INTO t VALUES (1, '{value}')")).await;
                let changed = change(&mut connection, &before, &after, &origins, means).await;
                assert_eq!(changed.is_ok(), expected.is_some(), "{what}: {changed:?}");
                if let Err(error) = changed {
                    let text = error.to_string();
                    let of_key = "does not fit in the rows with the key (id) (1)";
                    assert!(text.contains(of_key) && !text.contains(value), "{text}");
                    assert_eq!(error.class(), millrace_model::ErrorClass::Fatal);
                }
                assert_eq!(server.rows("SELECT v::text FROM t").await, [expected.unwrap_or(value)], "{what}");
                server.run("DROP TABLE t").await;
            }
        }
        let (before, mut after) = (orders(), orders());
        after.columns[1].ty = PgType::Date;
        let refused = change(&mut connection, &before, &after, &[Some(0), Some(1), Some(2)], Means::InPlace);
        let refused = refused.await.unwrap_err();
        assert!(refused.to_string().contains("column \"a\" cannot go from integer to date"), "{refused}");
    })
    .await;
}
