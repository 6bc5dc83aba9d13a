//! A case: a folder of `cases/`, named after the behaviour that it shows.
//!
//! - `source.sql` runs in the source before the stages start; `destination.sql`, if there, in the destination.
//! - `live.sql`, `live-2.sql`, ... run in the source one after the other, each when the destination equals the source.
//! - `task.toml`, if there, has keys of the task file that differ from the common ones.
//! - `case.toml`, if there, says what else is special: see [`Special`].
//!
//! `{database}` in any of them is the name of the test's database; others that a script makes begin with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use millrace_testkit::{Servers, poll_until};
use serde::Deserialize;
use tokio_postgres::SimpleQueryMessage;

use crate::LIMIT;
use crate::equality::{Scope, poll_until_equal};
use crate::globals::GlobalVariable;
use crate::stages::{Printed, Role, Stages};
use crate::world::{World, in_world, in_world_alone, in_world_at};

/// `case.toml`: what is special about a case.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Special {
    /// Tables of the source that must not be in the destination, as `table` or `database.table`.
    absent: Vec<String>,
    /// Columns of the source that must not be in the destination, by table.
    absent_columns: BTreeMap<String, Vec<String>>,
    /// Tables that have another name in the destination, as `schema.table`, by their name in the source.
    renamed: BTreeMap<String, String>,
    /// Names of columns in the destination, by table and by their name in the source.
    renamed_columns: BTreeMap<String, BTreeMap<String, String>>,
    /// What the destination has in place of a column's value, as an expression of MySQL over the table `t`, by table and column.
    changed: BTreeMap<String, BTreeMap<String, String>>,
    /// Conditions in MySQL's words, by table: only rows for which it is true must be in the destination.
    filter: BTreeMap<String, String>,
    /// Whether the task ends by itself once the destination is equal.
    end: End,
    /// The failure that the last script brings about; the start, where there is none.
    failure: Option<ExpectedFailure>,
    /// Grants of the account that the source is read with, such as `SELECT ON *.*`; root without them.
    grants: Option<Vec<String>>,
    /// What the case is run with.
    row_metadata: RowMetadata,
    /// Queries of the destination at the end.
    query: Vec<Query>,
}

/// How the task ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    /// It runs until it is stopped.
    #[default]
    Stopped,
    /// All stages end by themselves.
    Completed,
}

/// `binlog_row_metadata` of the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RowMetadata {
    /// The server's default.
    #[default]
    Minimal,
    /// One run with each value.
    Both,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedFailure {
    stage: Role,
    /// Must be part of the first line on standard error.
    error: String,
    /// Must be part of the second.
    hint: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    sql: String,
    /// The rows: values as text, separated by ` | `, NULL as `NULL`.
    rows: Vec<String>,
}

struct Case {
    name: String,
    folder: PathBuf,
    way: Way,
    special: Special,
}

/// How the stages of a case run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As three processes over Kafka.
    Staged,
    /// In one process, by `millrace run`.
    OneProcess,
}

/// Runs the case of that name in one way, on servers that this test has to itself.
pub fn run_case_at(servers: Servers, name: &str, way: Way) -> Result<()> {
    let case = Case::read_of(name, way)?;
    in_world_at(servers, name, async |world| case.run(world).await).with_context(|| format!("case {name}, {way:?}"))
}

/// Runs the case of that name in one way.
pub fn run_case(name: &str, way: Way) -> Result<()> {
    let case = Case::read_of(name, way)?;
    in_world(name, async |world| case.run(world).await)?;
    if case.special.row_metadata == RowMetadata::Both {
        let full = GlobalVariable { name: "binlog_row_metadata", value: "'FULL'" };
        let run = || in_world_alone(name, async |world| case.run(world).await);
        full.with(run).context("with binlog_row_metadata = FULL")?;
    }
    Ok(())
}
impl Case {
    fn read_of(name: &str, way: Way) -> Result<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases").join(name);
        let mut case = Self { name: name.to_owned(), folder, way, special: Special::default() };
        if let Some(text) = case.read("case.toml")? {
            case.special = toml::from_str(&text).with_context(|| format!("cases/{name}/case.toml"))?;
        }
        Ok(case)
    }

    fn read(&self, file: &str) -> Result<Option<String>> {
        let path = self.folder.join(file);
        match path.is_file() {
            true => Ok(Some(fs::read_to_string(&path).with_context(|| path.display().to_string())?)),
            false => Ok(None),
        }
    }

    async fn run(&self, world: &World) -> Result<()> {
        let scope = Scope {
            absent: self.special.absent.iter().map(|table| world.fill(table)).collect(),
            absent_columns: self.special.absent_columns.clone(),
            renamed: self.special.renamed.iter().map(|(from, to)| (from.clone(), world.fill(to))).collect(),
            renamed_columns: self.special.renamed_columns.clone(),
            changed: self.special.changed.clone(),
            filter: self.special.filter.clone(),
        };
        let source = self.read("source.sql")?;
        world.run_in_source(&source.with_context(|| format!("cases/{} has no source.sql", self.name))?).await?;
        if let Some(script) = self.read("destination.sql")? {
            world.run_in_destination(&script).await.context("destination.sql")?;
        }
        let task = self.task_file(world).await?;
        let roles: &[Role] = match self.way {
            Way::Staged => &Role::ALL,
            Way::OneProcess => &[Role::Run],
        };
        let mut stages = Stages::start(world, &task, roles)?;
        if self.special.end == End::Completed {
            stages.wait_for_success(LIMIT).await?;
            let (mut source, destination) = (world.connect_mysql().await?, world.connect_postgres().await?);
            let difference = scope.difference(world, &mut source, &destination).await?;
            ensure!(difference.is_none(), "completed, but not equal: {}", difference.unwrap_or_default());
            return self.ensure_queries(world).await;
        }
        if let Some(expected) = self.special.failure.as_ref().filter(|_| !self.folder.join("live.sql").is_file()) {
            let printed = stages.wait_for_failure(self.role(expected.stage), LIMIT).await?;
            ensure_as_expected(world, expected, &printed)?;
            return self.ensure_queries(world).await;
        }
        wait_for_start(world, &mut stages).await?;
        poll_until_equal(world, &mut stages, &scope, LIMIT).await.context("after the start")?;
        self.live(world, &scope, &mut stages).await?;
        stages.stop().await?;
        self.ensure_queries(world).await
    }

    /// The process that this stage is part of.
    fn role(&self, stage: Role) -> Role {
        match self.way {
            Way::Staged => stage,
            Way::OneProcess => Role::Run,
        }
    }

    async fn task_file(&self, world: &World) -> Result<PathBuf> {
        let mut task = world.task_file();
        if let Some(grants) = &self.special.grants {
            let grants: Vec<String> = grants.iter().map(|grant| world.fill(grant)).collect();
            task = task.with_source(&world.create_account(&grants).await?)?;
        }
        if let Some(text) = self.read("task.toml")? {
            task = task.with(&text)?;
        }
        match self.way {
            Way::Staged => task.write(),
            Way::OneProcess => task.without_kafka().write(),
        }
    }

    async fn live(&self, world: &World, scope: &Scope, stages: &mut Stages) -> Result<()> {
        let mut number = 1;
        let mut next = self.read("live.sql")?;
        while let Some(script) = next {
            world.run_in_source(&script).await.with_context(|| format!("live script {number}"))?;
            number += 1;
            next = self.read(&format!("live-{number}.sql"))?;
            if next.is_none()
                && let Some(expected) = &self.special.failure
            {
                let printed = stages.wait_for_failure(self.role(expected.stage), LIMIT).await?;
                ensure_as_expected(world, expected, &printed)?;
            } else {
                let equal = poll_until_equal(world, stages, scope, LIMIT).await;
                equal.with_context(|| format!("after live script {}", number - 1))?;
            }
        }
        Ok(())
    }

    async fn ensure_queries(&self, world: &World) -> Result<()> {
        let destination = world.connect_postgres().await?;
        for query in &self.special.query {
            let answer = destination.simple_query(&world.fill(&query.sql)).await.context(query.sql.clone())?;
            let rows: Vec<String> = answer.iter().filter_map(row_text).collect();
            let expected: Vec<String> = query.rows.iter().map(|row| world.fill(row)).collect();
            ensure!(rows == expected, "{}\ngives    {rows:#?}\nexpected {expected:#?}", query.sql);
        }
        Ok(())
    }
}

/// The task has begun when the destination knows it: that follows capture's first checkpoint, so what is written from
/// now on is after it.
async fn wait_for_start(world: &World, stages: &mut Stages) -> Result<()> {
    let destination = world.connect_postgres().await?;
    poll_until(LIMIT, "the task is known to the destination", async || {
        stages.ensure_running()?;
        Ok(destination.query("SELECT FROM millrace.task", &[]).await.is_ok_and(|rows| !rows.is_empty()))
    })
    .await
}

fn row_text(message: &SimpleQueryMessage) -> Option<String> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    let cells: Vec<&str> = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL")).collect();
    Some(cells.join(" | "))
}

fn ensure_as_expected(world: &World, expected: &ExpectedFailure, printed: &Printed) -> Result<()> {
    let (error, hint) = (world.fill(&expected.error), world.fill(&expected.hint));
    ensure!(printed.error.contains(&error), "the error is not \"{error}\", but: {}", printed.error);
    ensure!(printed.hint.contains(&hint), "the hint is not \"{hint}\", but: {}", printed.hint);
    Ok(())
}
