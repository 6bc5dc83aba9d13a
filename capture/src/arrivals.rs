//! Selected tables that are there but whose definition is not known at the stream's place: renamed into the selection,
//! swapped in for another one, made by a statement that does not show its columns.
//!
//! Their definition is read from the source, as a chunk of rows is (`protocol::window`): *low* covers what was streamed
//! when the reading was asked for; then the definition; then *high*. What changed the table before *low* is in the
//! definition. If the stream delivers *high* and no statement about the table came by since the request, nothing has
//! changed it in between either, and the definition is the one at that place: there the table is created, and all its
//! rows are read. A statement about it in between voids the reading. Rows of the table that come by before are superseded by that load.
//!
//! Nothing of this is durable: a restart finds selected tables that the state does not know, and reads them the same way.
//! A table that the stream itself creates later is struck off by that statement. A table that was waited for when the last
//! attempt died, and that the source has dropped or renamed since, is found nowhere: its rows come by nonetheless, up to
//! that statement. They are not needed: what the statement leaves of them is loaded under its new name. So until the
//! stream has delivered what the source had when it was asked for its tables, a table that is neither known nor waited
//! for is one that is gone ([`Arrivals::is_gone`]); from there on it is a fault.

use std::collections::BTreeMap;
use std::time::Duration;

use millrace_model::position::Reading;
use millrace_model::{Failure, TableName};
use millrace_mysql::locks::wait_for_table;
use millrace_mysql::schema::read_tables;
use millrace_mysql::{Session, SourceOptions, SourceTable};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::seam::Seam;

/// Between two readings of what is committed.
const PAUSE: Duration = Duration::from_millis(20);

/// A definition as it was read.
#[derive(Debug)]
pub(crate) struct Definition {
    table: TableName,
    number: u64,
    /// None where there is no such table.
    found: Option<Box<SourceTable>>,
    high: Reading,
}

/// What a reading is when it comes back.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The definition.
    Read(Definition),
    /// It could not be read.
    Failed(Failure),
}

#[derive(Debug)]
enum Wait {
    /// To be read.
    Unread,
    /// Being read, as this number.
    Asked(u64),
    /// Read; waits for the stream.
    Read(Definition),
}

/// The tables that are waited for.
pub(crate) struct Arrivals {
    options: SourceOptions,
    seam: Seam,
    /// What the source had written when a restart had asked it for its tables.
    listed: Option<Reading>,
    tables: BTreeMap<TableName, Wait>,
    numbers: u64,
    answers: mpsc::Sender<Answer>,
    told: mpsc::Receiver<Answer>,
    tasks: JoinSet<()>,
}

impl Arrivals {
    /// Nothing to wait for; `listed` is what the source had written when a restart had asked it for its tables.
    pub(crate) fn new(options: SourceOptions, seam: Seam, listed: Option<Reading>) -> Self {
        let (answers, told) = mpsc::channel(16);
        Self { options, seam, listed, tables: BTreeMap::new(), numbers: 0, answers, told, tasks: JoinSet::new() }
    }

    /// A table is there whose definition is not known; or a statement about it came by.
    pub(crate) fn expect(&mut self, table: TableName) {
        tracing::info!(%table, "its definition is read from the source, then its rows");
        self.tables.insert(table, Wait::Unread);
    }

    /// A statement about a table came by: what was read of it is void. False if the table is not waited for.
    pub(crate) fn void(&mut self, table: &TableName) -> bool {
        match self.tables.get_mut(table) {
            Some(wait) => {
                *wait = Wait::Unread;
                true
            }
            None => false,
        }
    }

    /// The table is gone, or known. False if it was not waited for.
    pub(crate) fn forget(&mut self, table: &TableName) -> bool {
        self.tables.remove(table).is_some()
    }

    /// The tables of a database are gone.
    pub(crate) fn forget_database(&mut self, database: &str) {
        self.tables.retain(|table, _| &*table.database != database);
    }

    /// Whether the table is waited for.
    pub(crate) fn contains(&self, table: &TableName) -> bool {
        self.tables.contains_key(table)
    }

    /// Whether a table that the stream does not know was there when the last attempt died and is not any more; `delivered`
    /// is all that the stream has delivered.
    pub(crate) fn is_gone(&self, table: &TableName, delivered: Option<&Reading>) -> bool {
        let (Some(listed), Some(delivered)) = (&self.listed, delivered) else { return false };
        !self.contains(table) && !delivered.covers(listed)
    }

    /// Whether nothing is waited for.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Starts to read what is unread; `delivered` is all that the stream has delivered.
    pub(crate) fn ask(&mut self, delivered: &Reading) {
        for (table, wait) in &mut self.tables {
            if !matches!(wait, Wait::Unread) {
                continue;
            }
            self.numbers += 1;
            *wait = Wait::Asked(self.numbers);
            let (options, seam, answers) = (self.options.clone(), self.seam, self.answers.clone());
            let (table, number, delivered) = (table.clone(), self.numbers, delivered.clone());
            self.tasks.spawn(async move {
                let answer = match read(&options, seam, table, number, &delivered).await {
                    Ok(definition) => Answer::Read(definition),
                    Err(failure) => Answer::Failed(failure),
                };
                let _ = answers.send(answer).await;
            });
        }
    }

    /// The next reading that comes back. Nothing is lost if it is dropped.
    pub(crate) async fn next(&mut self) -> Answer {
        match self.told.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// Takes a reading; a void one is dropped.
    pub(crate) fn take(&mut self, answer: Answer) -> Result<(), Failure> {
        let definition = match answer {
            Answer::Read(definition) => definition,
            Answer::Failed(failure) => return Err(failure),
        };
        if let Some(wait) = self.tables.get_mut(&definition.table)
            && matches!(wait, Wait::Asked(number) if *number == definition.number)
        {
            *wait = Wait::Read(definition);
        }
        while self.tasks.try_join_next().is_some() {}
        Ok(())
    }

    /// The tables that have arrived now that the stream has delivered this much. A table that is not there any more, and
    /// that no statement has removed, is one that cannot be seen.
    pub(crate) fn arrived(&mut self, delivered: &Reading) -> Vec<SourceTable> {
        let is_passed = |wait: &Wait| matches!(wait, Wait::Read(definition) if delivered.covers(&definition.high));
        let passed: Vec<TableName> =
            self.tables.iter().filter(|(_, wait)| is_passed(wait)).map(|(table, _)| table.clone()).collect();
        let mut arrived = Vec::new();
        for table in passed {
            match self.tables.remove(&table) {
                Some(Wait::Read(Definition { found: Some(found), .. })) => arrived.push(*found),
                _ => tracing::warn!(%table, "is not there, or not to be seen: it does not move"),
            }
        }
        arrived
    }
}

async fn read(
    options: &SourceOptions,
    seam: Seam,
    table: TableName,
    number: u64,
    delivered: &Reading,
) -> Result<Definition, Failure> {
    let mut session = Session::connect(options).await?;
    while !covers(seam.now(&mut session).await?.as_ref(), delivered) {
        tokio::time::sleep(PAUSE).await;
    }
    wait_for_changes(&mut session, &table).await;
    let found = read_tables(&mut session, &|name: &TableName| *name == table).await?.pop().map(Box::new);
    wait_for_changes(&mut session, &table).await;
    let high = seam.now(&mut session).await?.unwrap_or_else(|| delivered.clone());
    session.close().await;
    Ok(Definition { table, number, found, high })
}

fn covers(now: Option<&Reading>, delivered: &Reading) -> bool {
    now.is_none_or(|now| now.covers(delivered))
}

/// Waits for the table's metadata lock, so that a change which is in the binlog, or which the catalogue shows, is complete.
async fn wait_for_changes(session: &mut Session, table: &TableName) {
    if let Err(error) = wait_for_table(session, table).await {
        tracing::info!(%table, %error, "it changes while it is read");
    }
}
