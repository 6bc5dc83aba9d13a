//! What the catalog reader says of tables on the real server.
#![expect(clippy::unwrap_used, reason = "tests")]

mod source;

use millrace_model::schema::Route;
use millrace_mysql::schema::read_tables;

#[tokio::test]
async fn reads_keys_indexes_and_hidden_columns() {
    source::with_database("schema", async |session, database| {
        source::run(session, &[
            "CREATE TABLE parent (id INT PRIMARY KEY, v VARCHAR(9) COMMENT 'a column') COMMENT 'a table'",
            "CREATE TABLE child (id INT PRIMARY KEY, p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE)",
            "CREATE TABLE nokey (a INT, b TEXT, KEY (b(3)))",
            "CREATE TABLE uniques (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, UNIQUE x (b, c), UNIQUE y (c))",
            "CREATE TABLE hidden (a INT, g INT AS (a + 1) VIRTUAL, i INT INVISIBLE)",
            "SET SESSION sql_generate_invisible_primary_key = ON",
            "CREATE TABLE gipk (a INT)",
            "CREATE TABLE labels (e ENUM('a', '') PRIMARY KEY, s SET('', 'b') NOT NULL, KEY plain (e), UNIQUE second (s))",
            "CREATE VIEW a_view AS SELECT 1 AS one",
            "INSERT INTO parent VALUES (1, 'x'), (2, 'y')",
            "ANALYZE TABLE parent",
        ])
        .await;
        let tables = read_tables(session, &|name| &*name.database == database).await.unwrap();
        let names: Vec<&str> = tables.iter().map(|t| &*t.name.table).collect();
        assert_eq!(names, ["child", "gipk", "hidden", "labels", "nokey", "parent", "uniques"]);
        let table = |name: &str| tables.iter().find(|t| &*t.name.table == name).unwrap().clone();

        let parent = table("parent");
        assert_eq!((parent.comment.as_str(), parent.columns[1].comment.as_str()), ("a table", "a column"));
        assert!(parent.estimated_bytes > 0);
        assert_eq!(parent.into_schema(7).route, Route::Key);
        let child = table("child");
        assert_eq!(child.foreign_keys.len(), 1);
        assert!(child.foreign_keys[0].cascades());
        let nokey = table("nokey");
        assert_eq!(nokey.left_out, ["index \"b\": holds only a prefix of column \"b\""]);
        assert_eq!(nokey.into_schema(7).route, Route::Table);
        let uniques = table("uniques");
        assert_eq!((uniques.key.as_slice(), uniques.primary_key.len()), (&[2][..], 0));
        assert!(uniques.has_other_unique_key);
        let columns = |name: &str| table(name).columns.iter().map(|c| c.name.to_string()).collect::<Vec<_>>();
        assert_eq!(columns("hidden"), ["a", "g", "i"]);
        assert_eq!(columns("gipk"), ["my_row_id", "a"]);
        assert_eq!(table("gipk").key, [0]);
        let labels = table("labels");
        assert_eq!((labels.key.len(), labels.primary_key.len(), labels.indexes.len()), (0, 0, 1));
        let reason = |index: &str, column: &str| {
            format!("index \"{index}\": column \"{column}\" has the label '', which reads the same as a value without a label")
        };
        assert_eq!(labels.left_out, [reason("PRIMARY", "e"), reason("second", "s")]);
    })
    .await;
}
