//! What is rendered is what the server takes, and what the checks find.

use millrace_adbpg::check::check_names;
use millrace_adbpg::ddl::{render_analyze, render_create_schema, render_drop_table, render_truncate};
use millrace_adbpg::indexes::render_indexes;
use millrace_adbpg::{Connection, DestinationOptions, Verdict};
use millrace_model::schema::{DefaultValue, Index, Nullability, Uniqueness};
use millrace_model::{PgType, TableName};

use crate::server::{create, table, with_database};

const HOSTILE: &str = "O'r\"d\\e$$r; --";

#[tokio::test]
async fn tables_with_hostile_names_are_made() {
    with_database("definitions", |server| async move {
        let connection = server.connect().await;
        let mut schema =
            table(HOSTILE, &[("I\"d", PgType::BigInt), ("select", PgType::Numeric { precision: 10, scale: 2 })], 1);
        schema.name = TableName::new(HOSTILE, HOSTILE);
        schema.columns[1].default = Some(DefaultValue::Literal("1.50".to_owned()));
        schema.columns[1].comment = "it's \\ $$".to_owned();
        schema.comment = "a 'table'".to_owned();
        let mut extra = schema.columns[1].clone();
        (extra.name, extra.ty, extra.nullability) = ("b".into(), PgType::Bytea, Nullability::NotNull);
        extra.default = Some(DefaultValue::Literal("\\x4".to_owned()));
        schema.columns.push(extra);
        schema.indexes = vec![
            Index { name: "i\"x".into(), columns: vec![1, 0], uniqueness: Uniqueness::Unique },
            Index { name: "é".repeat(32).into(), columns: vec![2], uniqueness: Uniqueness::NonUnique },
        ];
        for _ in 0..2 {
            let statement = render_create_schema(HOSTILE).unwrap();
            connection.execute("create the schema", &[statement]).await.unwrap();
        }
        create(&connection, &schema).await;
        let indexes = render_indexes(connection.dialect(), &schema).unwrap();
        assert_eq!((indexes.statements.len(), indexes.left_out.len()), (2, 0));
        for _ in 0..2 {
            connection.execute("create indexes", &indexes.statements).await.unwrap();
        }
        let wanted = [TableName::new("public", "none"), schema.name.clone()];
        assert_eq!(connection.existing_tables(&wanted).await.unwrap(), [schema.name.clone()]);
        let many = (0..20_000).map(|number| TableName::new(&*schema.name.database, format!("t{number}")));
        let many: Vec<TableName> = many.chain(wanted.clone()).collect();
        assert_eq!(connection.existing_tables(&many).await.unwrap(), [schema.name.clone()]);
        let after = [render_analyze(&schema.name).unwrap(), render_truncate(&schema.name).unwrap()];
        connection.execute("analyze and truncate", &after).await.unwrap();
        let sql = "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef ORDER BY adnum";
        assert_eq!(server.rows(sql).await, ["1.50::numeric(10,2)", "'\\x5c7834'::bytea"]);
        let sql = "SELECT description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid \
                   WHERE c.relkind = 'r' AND c.relname LIKE 'O''%' ORDER BY objsubid";
        assert_eq!(server.rows(sql).await, ["a 'table'", "it's \\ $$", "it's \\ $$"]);
        connection.execute("drop", &[render_drop_table(&schema.name).unwrap()]).await.unwrap();
        assert!(connection.existing_tables(&wanted).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn checks_find_what_is_missing() {
    with_database("checks", |server| async move {
        let connection = server.connect().await;
        let schemas = [table("a", &[("id", PgType::Integer)], 1)];
        let findings = connection.check(&schemas).await.unwrap();
        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Good), "{findings:?}");
        assert_eq!(check_names(&schemas).verdict, Verdict::Good);

        let role = format!("millrace_adbpg_{}", std::process::id());
        server.run(&format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA \"S\"")).await;
        let options = DestinationOptions { user: role.clone(), ..server.options.clone() };
        let poor = Connection::connect(&options).await.unwrap();
        let mut missing = schemas.clone();
        missing[0].name = TableName::new("S", "a");
        let findings = poor.check(&missing).await.unwrap();
        let blocked: Vec<_> = findings.iter().filter(|finding| finding.verdict == Verdict::Blocks).collect();
        let mend = format!(
            "GRANT CREATE, USAGE ON SCHEMA \"S\" TO \"{role}\"; GRANT CREATE ON DATABASE \"{}\" TO \"{role}\"",
            server.options.database
        );
        assert_eq!(blocked.iter().map(|finding| &finding.mend).collect::<Vec<_>>(), [&mend]);
        let mut poor = poor;
        let error = poor.ensure_state_tables().await.unwrap_err();
        assert_eq!(error.state(), Some("42501"));
        assert!(error.hint().contains("grant"));
        server.run(&mend).await;
        poor.ensure_state_tables().await.unwrap();
        assert!(poor.check(&missing).await.unwrap().iter().all(|finding| finding.verdict == Verdict::Good));
        server.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    })
    .await;
}
