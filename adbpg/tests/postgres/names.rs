//! Which names need quotes: the server's own words.

use millrace_model::plain_name::is_plain_name;

use crate::server::with_database;

/// Reserved in the Greenplum family, or in later versions, alone.
const ELSEWHERE: [&str; 10] = [
    "decode",
    "distributed",
    "exclude",
    "following",
    "log",
    "partition",
    "preceding",
    "scatter",
    "system_user",
    "unbounded",
];

#[tokio::test]
async fn plain_names_are_read_without_quotes() {
    with_database("names", |server| async move {
        for row in server.rows("SELECT word, catcode FROM pg_get_keywords()").await {
            let (word, category) = row.split_once('|').unwrap();
            let is_free = matches!(category, "U" | "C") && !ELSEWHERE.contains(&word);
            assert_eq!(is_plain_name(word), is_free, "{row}");
        }
        // All of these as a table and its column; the words are those that cannot name a function.
        let words = server.rows("SELECT word FROM pg_get_keywords() WHERE catcode = 'C'").await;
        let others = ["a1$", "_", "größe", "日本", "a\u{a0}b"].map(str::to_owned);
        let names: Vec<String> = words.into_iter().chain(others).filter(|name| is_plain_name(name)).collect();
        let mut script = String::new();
        for name in &names {
            script.push_str(&format!(
                "CREATE TABLE {name} ({name} int); INSERT INTO {name} ({name}) VALUES (1); \
                 UPDATE {name} SET {name} = {name} + 1; SELECT {name}.{name} FROM {name} ORDER BY {name};"
            ));
        }
        server.run(&script).await;
        let found = server.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace").await;
        assert!(names.iter().all(|name| found.contains(name)), "{found:?}");
    })
    .await;
}
