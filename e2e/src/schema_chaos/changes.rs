//! Schema changes, one after the other, until they are stopped. Every statement is written into a file, with what the
//! source said to it.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use millrace_testkit::{Random, pace};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;

use super::change::{ACTIONS, Action};
use super::shape::{Table, tables};
use crate::world::World;

/// Between two changes, at most, in milliseconds.
const PAUSE: u64 = 700;

/// Tables are made where there are fewer, and dropped where there are more.
const TABLES: usize = 5;

/// What is done to whole tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// One to three actions in one ALTER TABLE.
    Alter,
    Rename,
    /// Two tables change their names.
    Exchange,
    /// Out of the selected database.
    MoveOut,
    /// Into it.
    MoveIn,
    Truncate,
    DropAndCreate,
    CreateLike,
    /// As gh-ost and pt-online-schema-change do at their end.
    Swap,
    Convert,
}

/// Each with its weight.
const WEIGHTS: [(Operation, u64); 10] = [
    (Operation::Alter, 24),
    (Operation::Rename, 3),
    (Operation::Exchange, 2),
    (Operation::MoveOut, 1),
    (Operation::MoveIn, 1),
    (Operation::Truncate, 2),
    (Operation::DropAndCreate, 2),
    (Operation::CreateLike, 2),
    (Operation::Swap, 3),
    (Operation::Convert, 1),
];

/// Tables of all kinds of keys, with rows in them.
pub(super) fn make_table(name: &str, random: &mut Random) -> [String; 2] {
    let columns = random.choose(&[
        "id INT PRIMARY KEY, c0 VARCHAR(20) NOT NULL DEFAULT 'x', c1 INT, c2 DECIMAL(10,2) DEFAULT 1.5",
        "part SMALLINT UNSIGNED, code VARCHAR(30), c0 TEXT, c1 BIGINT NOT NULL, PRIMARY KEY (part, code)",
        "id BIGINT NOT NULL, c3 DATETIME(3), c4 VARCHAR(40) CHARACTER SET latin1, c5 INT DEFAULT 5",
        "id DECIMAL(12,2) PRIMARY KEY, c6 JSON, c7 ENUM('a','b','c') NOT NULL, c8 TINYINT UNSIGNED, KEY by_eight (c8)",
    ]);
    let (first, values) = match columns {
        text if text.starts_with("part") => ("part, code, c0, c1", "n MOD 7, CONCAT('k', n), REPEAT('x', n MOD 50), n"),
        text if text.contains("c3") => ("id, c3, c4", "n, '2024-01-01' + INTERVAL n HOUR, CONCAT('é ', n)"),
        text if text.contains("c6") => ("id, c6, c7, c8", "n, JSON_OBJECT('n', n), 'b', n MOD 200"),
        _ => ("id, c0, c1", "n, n, n * 3"),
    };
    let last = random.below(400);
    [
        format!("CREATE TABLE {name} ({columns})"),
        format!(
            "INSERT INTO {name} ({first}) WITH RECURSIVE number AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM number \
             WHERE n < {last}) SELECT {values} FROM number"
        ),
    ]
}

/// Changes that happen until they are stopped.
pub(super) struct SchemaChanges {
    stop: Arc<AtomicBool>,
    changing: JoinHandle<Result<u64>>,
}

impl SchemaChanges {
    pub(super) fn start(world: &World, random: &mut Random) -> Self {
        let stop: Arc<AtomicBool> = Arc::default();
        let (world, random, stopped) = (world.clone(), random.fork(), stop.clone());
        let changing = tokio::spawn(async move { Changer { world, random }.run(&stopped).await });
        Self { stop, changing }
    }

    /// How many statements the source carried out.
    pub(super) async fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.changing.await.context("the changes panicked")?
    }
}

struct Changer {
    world: World,
    random: Random,
}

impl Changer {
    async fn run(mut self, stop: &AtomicBool) -> Result<u64> {
        let mut file = File::options().append(true).create(true).open(self.world.folder.join("changes.sql"))?;
        let mut connection = self.world.connect_mysql().await?;
        connection.query_drop("SET SESSION lock_wait_timeout = 20").await?;
        let mut changes = 0;
        while !stop.load(Ordering::Relaxed) {
            for statement in self.choose(&mut connection).await? {
                let told = match connection.query_drop(&statement).await {
                    Ok(()) => "done".to_owned(),
                    Err(mysql_async::Error::Server(error)) => format!("refused: {}", error.message),
                    Err(error) => return Err(error.into()),
                };
                writeln!(file, "{statement}; -- {told}")?;
                changes += u64::from(told == "done");
                // What belongs together goes on without the statement that was refused, or ends with it.
                if told != "done" && !statement.starts_with("ALTER") {
                    break;
                }
            }
            pace(Duration::from_millis(self.random.below(PAUSE))).await;
        }
        connection.disconnect().await?;
        Ok(changes)
    }

    /// The statements of one change.
    async fn choose(&mut self, connection: &mut Conn) -> Result<Vec<String>> {
        let mut here = tables(connection, &self.world.name).await?;
        here.retain(|table| !table.name.starts_with('_'));
        let outside_name = outside(&self.world);
        let outside = tables(connection, &outside_name).await?;
        let random = &mut self.random;
        let free: Vec<String> =
            (0..9).map(|n| format!("t{n}")).filter(|name| here.iter().all(|table| table.name != *name)).collect();
        let free = random.choose(&free).clone();
        if here.len() < TABLES - 2 {
            return Ok(make_table(&free, random).into());
        }
        let table = random.choose(&here);
        let name = &table.name;
        if here.len() > TABLES {
            return Ok(vec![format!("DROP TABLE {name}")]);
        }
        let operation = choose_operation(random);
        let other = &random.choose(&here).name;
        Ok(match operation {
            Operation::Alter => alter(table, name, random).into_iter().collect(),
            Operation::Rename => vec![format!("RENAME TABLE {name} TO {free}")],
            Operation::Exchange if other == name => Vec::new(),
            Operation::Exchange => vec![format!("RENAME TABLE {name} TO {free}, {other} TO {name}, {free} TO {other}")],
            Operation::MoveOut => vec![
                format!("DROP TABLE IF EXISTS {outside_name}.{name}"),
                format!("RENAME TABLE {name} TO {outside_name}.{name}"),
            ],
            Operation::MoveIn if outside.is_empty() => Vec::new(),
            Operation::MoveIn => {
                let table = random.choose(&outside);
                let comes = &table.name;
                let mut script = Vec::new();
                script.extend(alter(table, &format!("{outside_name}.{comes}"), random));
                script.push(format!("RENAME TABLE {outside_name}.{comes} TO {free}"));
                script
            }
            Operation::Truncate => vec![format!("TRUNCATE TABLE {name}")],
            Operation::DropAndCreate => {
                let mut script = vec![format!("DROP TABLE {name}")];
                script.extend(make_table(name, random));
                script
            }
            Operation::CreateLike => {
                vec![format!("CREATE TABLE {free} LIKE {name}"), format!("INSERT INTO {free} SELECT * FROM {name}")]
            }
            Operation::Swap => swap(table, random),
            Operation::Convert => vec![format!("ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4")],
        })
    }
}

/// The database that is not selected.
pub(super) fn outside(world: &World) -> String {
    format!("{}_out", world.name)
}

/// A kind that is named in MILLRACE_DDL_WITHOUT does not happen.
fn wanted(kind: &impl std::fmt::Debug) -> bool {
    let without = std::env::var("MILLRACE_DDL_WITHOUT").unwrap_or_default();
    without.split(',').all(|name| name != format!("{kind:?}"))
}

fn choose_operation(random: &mut Random) -> Operation {
    let possible: Vec<_> = WEIGHTS.iter().filter(|(operation, _)| wanted(operation)).collect();
    let mut left = random.below(possible.iter().map(|(_, weight)| weight).sum());
    for (operation, weight) in possible {
        if left < *weight {
            return *operation;
        }
        left -= weight;
    }
    Operation::Alter
}

fn alter(table: &Table, name: &str, random: &mut Random) -> Option<String> {
    let actions: Vec<Action> = ACTIONS.into_iter().filter(wanted).collect();
    let count = if random.below(3) == 0 { 3 } else { 1 };
    let words: Vec<String> = (0..count).filter_map(|_| random.choose(&actions).sql(table, random)).collect();
    (!words.is_empty()).then(|| format!("ALTER TABLE {name} {}", words.join(", ")))
}

fn swap(table: &Table, random: &mut Random) -> Vec<String> {
    let name = &table.name;
    let (new, old) = *random.choose(&[("_{name}_gho", "_{name}_del"), ("_{name}_new", "_{name}_old")]);
    let (new, old) = (new.replace("{name}", name), old.replace("{name}", name));
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let columns = columns.join(", ");
    let place = if random.below(2) == 0 { "" } else { " FIRST" };
    vec![
        format!("DROP TABLE IF EXISTS {new}, {old}"),
        format!("CREATE TABLE {new} LIKE {name}"),
        format!("ALTER TABLE {new} ADD COLUMN c9 VARCHAR(9) NOT NULL DEFAULT 'swap'{place}"),
        format!("INSERT IGNORE INTO {new} ({columns}) SELECT {columns} FROM {name}"),
        format!("RENAME TABLE {name} TO {old}, {new} TO {name}"),
        format!("DROP TABLE {old}"),
    ]
}
