//! Eight writers: random transactions over tables of all kinds of keys, from before the first stage starts.
//!
//! Of the tables with a version every writer has rows of its own, told apart by a number: so the versions of a row, also
//! of one that was deleted and inserted again, rise in the order of the commits. The tables of [`crate::writer`] are
//! everybody's: there the writers run into each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use millrace_testkit::{Random, pace};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;

use crate::world::World;
use crate::writer;

/// Connections that write.
const WRITERS: u64 = 8;

/// Numbers of rows of one writer in one table.
const ROWS: u64 = 100;

/// Between two transactions of a connection.
const PAUSE: Duration = Duration::from_millis(20);

/// A table with a version.
pub(super) struct Versioned {
    pub(super) name: &'static str,
    /// Definitions of the key's columns, and other unique keys.
    definition: &'static str,
    /// The key's columns.
    pub(super) key: &'static str,
    /// Values of the key's columns for the number `{n}`.
    values: &'static str,
}

/// One for each kind of key.
pub(super) const VERSIONED: [Versioned; 6] = [
    Versioned { name: "by_int", definition: "id INT PRIMARY KEY", key: "id", values: "{n} - 400" },
    Versioned {
        name: "by_pair",
        definition: "part SMALLINT UNSIGNED, code VARCHAR(20), PRIMARY KEY (part, code)",
        key: "part, code",
        values: "{n} MOD 7, CONCAT('c', {n})",
    },
    Versioned {
        name: "by_text",
        definition: "name VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci PRIMARY KEY",
        key: "name",
        values: "CONCAT(IF(RAND() < 0.5, 'Key ', 'kéY '), {n})",
    },
    Versioned {
        name: "by_decimal",
        definition: "amount DECIMAL(18, 4) PRIMARY KEY",
        key: "amount",
        values: "({n} - 300) * 1.25",
    },
    Versioned {
        name: "by_bytes",
        definition: "digest VARBINARY(28) PRIMARY KEY",
        key: "digest",
        values: "UNHEX(SHA2({n}, 224))",
    },
    Versioned {
        name: "by_two_keys",
        definition: "id BIGINT PRIMARY KEY, code INT NOT NULL, UNIQUE (code)",
        key: "id, code",
        values: "{n}, {n} * 3",
    },
];

impl Versioned {
    fn values(&self, number: u64) -> String {
        self.values.replace("{n}", &number.to_string())
    }

    fn script(&self) -> String {
        let Self { name, definition, key, values } = self;
        format!(
            "CREATE TABLE {name} ({definition}, n INT NOT NULL, owner INT NOT NULL, version BIGINT NOT NULL, \
             content TEXT, INDEX (n), INDEX (owner));\n\
             INSERT INTO {name} ({key}, n, owner, version, content) \
             WITH RECURSIVE number AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM number WHERE n < {last}) \
             SELECT {values}, n, n MOD {WRITERS}, 0, REPEAT('x', n MOD 90) FROM number;\n",
            values = values.replace("{n}", "n"),
            last = WRITERS * ROWS - 1,
        )
    }
}

/// Writers that write until they are stopped, and connect again where the server goes.
pub(super) struct Workload {
    stop: Arc<AtomicBool>,
    commits: Arc<AtomicU64>,
    writers: Vec<JoinHandle<()>>,
}

impl Workload {
    /// Makes the tables with rows in them, and begins.
    pub(super) async fn start(world: &World, random: &mut Random) -> Result<Self> {
        world.run_in_source(writer::TABLES).await?;
        for table in &VERSIONED {
            world.run_in_source(&table.script()).await.context(table.name)?;
        }
        let mut workload = Self { stop: Arc::default(), commits: Arc::default(), writers: Vec::new() };
        for number in 0..WRITERS {
            let writer = Writer { number, version: 0, random: random.fork() };
            let (stop, commits) = (workload.stop.clone(), workload.commits.clone());
            let world = world.clone();
            workload.writers.push(tokio::spawn(async move { writer.write(&world, &stop, &commits).await }));
        }
        Ok(workload)
    }

    /// Stops them; gives how many transactions were committed for certain.
    pub(super) async fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        for writer in self.writers {
            writer.await.context("a writer panicked")?;
        }
        Ok(self.commits.load(Ordering::Relaxed))
    }
}

struct Writer {
    number: u64,
    version: u64,
    random: Random,
}

impl Writer {
    async fn write(mut self, world: &World, stop: &AtomicBool, commits: &AtomicU64) {
        let mut connection = None;
        while !stop.load(Ordering::Relaxed) {
            pace(PAUSE).await;
            let Some(open) = &mut connection else {
                connection = world.connect_mysql().await.ok();
                continue;
            };
            match self.transaction(open).await {
                Ok(()) => {
                    commits.fetch_add(1, Ordering::Relaxed);
                }
                // A duplicate key, a deadlock, a session that is gone: what is open is rolled back.
                Err(_) => connection = None,
            }
        }
    }

    async fn transaction(&mut self, connection: &mut Conn) -> Result<(), mysql_async::Error> {
        connection.query_drop("BEGIN").await?;
        for _ in 0..=self.random.below(4) {
            let statement = match self.random.below(3) {
                0 => writer::statement(&mut self.random),
                _ => self.statement(),
            };
            connection.query_drop(statement).await?;
        }
        let end = if self.random.below(10) == 0 { "ROLLBACK" } else { "COMMIT" };
        connection.query_drop(end).await
    }

    /// A number of this writer.
    fn own(&mut self) -> u64 {
        self.random.below(ROWS) * WRITERS + self.number
    }

    fn statement(&mut self) -> String {
        self.version += 1;
        let (table, old, new) = (self.random.choose(&VERSIONED), self.own(), self.own());
        let Versioned { name, key, .. } = table;
        let (owner, version) = (self.number, self.version);
        let content = format!("REPEAT('{}', {})", char::from(b'a' + (version % 26) as u8), self.random.below(300));
        match self.random.below(20) {
            0..=4 => format!(
                "INSERT IGNORE INTO {name} ({key}, n, owner, version, content) \
                 VALUES ({}, {new}, {owner}, {version}, {content})",
                table.values(new)
            ),
            5..=7 => format!("DELETE FROM {name} WHERE n = {old}"),
            8..=10 => format!(
                "REPLACE INTO {name} ({key}, n, owner, version, content) VALUES ({}, {new}, {owner}, {version}, {content})",
                table.values(new)
            ),
            // The key changes: to that of another number, which may be taken, or in letter case alone.
            11..=14 => {
                let values = table.values(new);
                let columns: Vec<&str> = key.split(", ").collect();
                let set: Vec<String> = columns
                    .iter()
                    .zip(split_values(&values))
                    .map(|(column, value)| format!("{column} = {value}"))
                    .collect();
                format!("UPDATE IGNORE {name} SET {}, n = {new}, version = {version} WHERE n = {old}", set.join(", "))
            }
            15 => format!("UPDATE {name} SET version = {version} WHERE owner = {owner}"),
            _ => format!("UPDATE {name} SET version = {version}, content = {content} WHERE n = {old}"),
        }
    }
}

/// Divides at the commas that are outside of parentheses.
fn split_values(values: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_i32, 0);
    for (at, character) in values.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(values[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(values[begin..].trim());
    parts
}
