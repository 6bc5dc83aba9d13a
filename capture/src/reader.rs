//! One snapshot reader: carries out requests of capture's machine on a connection of its own.
//!
//! The order is what makes a chunk right (`protocol::window`): the window is open when the request comes; then `low`, then
//! the rows, then `high`.
//!
//! A table that somebody keeps locked is waited for a second at a time, with a new `low` each time, and never while the
//! stream waits for the reader: once the snapshot of a whole table is open, the table is waited for before the stream is
//! stopped for it. It is not kept until then, for the stream can be far behind, and an ALTER would wait, with all behind it;
//! who locks it in between costs the stream a second, and the snapshot is taken anew.

use std::sync::Arc;
use std::time::Duration;

use millrace_model::position::Reading;
use millrace_model::{Failure, Row, TableName};
use millrace_mysql::locks::{is_lock_conflict, limit_lock_waits, lock_table, wait_for_table_in_snapshot};
use millrace_mysql::snapshot::{Chunk, ChunkLimits, ChunkReader, Completion as Read, WholeReader, close_snapshot};
use millrace_mysql::{MysqlError, Session, SourceOptions};
use millrace_protocol::chunk::{ChunkRequest, Completion, Extent, LowVerdict, StreamPlace, Ticket};
use millrace_protocol::whole::WholeState;
use tokio::sync::{mpsc, oneshot};

use crate::seam::Seam;

/// Between two tries of something that the source or the stream must make possible first.
const PAUSE: Duration = Duration::from_millis(20);

/// A connection that nothing was asked of for this long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// Bytes of a chunk from which on its connection is given up: the driver keeps a buffer as large as the largest row.
const LARGE_CHUNK: usize = 16 << 20;

/// What a reader tells the stage, which gives it to the machine.
pub(crate) enum Told {
    /// What was committed before the rows are read; the answer says what to do.
    Low { ticket: Ticket, low: Reading, answer: oneshot::Sender<LowVerdict> },
    /// A chunk was read.
    Chunk { ticket: Ticket, rows: Vec<Row>, last_key: Option<Row>, completion: Completion, high: Option<Reading> },
    /// The table is not as the request says; `seen` was read after that was found.
    Changed { ticket: Ticket, seen: Reading, answer: oneshot::Sender<StreamPlace> },
    /// The table changed, or was locked, before its snapshot could be read.
    WholeFailed { ticket: Ticket },
    /// The snapshot of a whole table is open.
    WholeOpened { ticket: Ticket, high: Option<Reading> },
    /// Asks what to do with it.
    WholeState { ticket: Ticket, answer: oneshot::Sender<WholeState> },
    /// Rows of a whole table.
    WholeRows { ticket: Ticket, rows: Vec<Row> },
    /// All of them are there.
    WholeDone { ticket: Ticket },
    /// The reader is idle.
    Idle { reader: usize },
    /// The reader has ended.
    Failed(Failure),
}

/// A reader's means.
pub(crate) struct Reader {
    pub(crate) number: usize,
    pub(crate) options: SourceOptions,
    pub(crate) limits: ChunkLimits,
    pub(crate) seam: Seam,
    pub(crate) told: mpsc::Sender<Told>,
}

/// The stage no longer listens, or an attempt to read failed.
enum Ended {
    Unheard,
    Failed(Failure),
}

/// Why the rows of a whole table are not all there.
enum Unpublished {
    /// The table is no longer what it was when the snapshot was opened, or cannot be read now.
    Changed,
    Ended(Ended),
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Reader {
    /// Carries out requests until there are no more, or one fails.
    pub(crate) async fn run(self, mut requests: mpsc::Receiver<ChunkRequest>) {
        if let Err(Ended::Failed(failure)) = self.serve(&mut requests).await {
            let _ = self.told.send(Told::Failed(failure)).await;
        }
    }

    async fn serve(&self, requests: &mut mpsc::Receiver<ChunkRequest>) -> Result<(), Ended> {
        let mut open: Option<Session> = None;
        let mut chunks: Option<ChunkReader> = None;
        loop {
            let next = tokio::time::timeout(IDLE, requests.recv()).await;
            let request = match next {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(()),
                // A snapshot that is open is gone on with.
                Err(_) if self.seam == Seam::Snapshot => continue,
                Err(_) => {
                    (open, chunks) = (None, None);
                    continue;
                }
            };
            let session = match &mut open {
                Some(session) => session,
                None => open.insert(self.connect(chunks.as_ref()).await?),
            };
            let bytes = self.carry_out(session, &request, &mut chunks).await?;
            // A snapshot that is open is gone on with.
            if bytes >= LARGE_CHUNK
                && self.seam != Seam::Snapshot
                && let Some(session) = open.take()
            {
                session.close().await;
            }
            self.tell(Told::Idle { reader: self.number }).await?;
        }
    }

    /// A session; where one was given up in the middle of a table, as far as that one was.
    async fn connect(&self, chunks: Option<&ChunkReader>) -> Result<Session, Ended> {
        let mut session = Session::connect(&self.options).await?;
        limit_lock_waits(&mut session).await?;
        if chunks.is_some() {
            self.seam.begin_table(&mut session).await?;
        }
        Ok(session)
    }

    /// Gives the bytes that were read, where they were read at once.
    async fn carry_out(
        &self,
        session: &mut Session,
        request: &ChunkRequest,
        chunks: &mut Option<ChunkReader>,
    ) -> Result<usize, Ended> {
        let Extent::Range { after, through } = &request.extent else {
            return self.whole(session, request).await.map(|()| 0);
        };
        let known = chunks.take().filter(|known| Arc::ptr_eq(known.schema(), &request.schema));
        let mut reader = match known {
            Some(reader) => reader,
            None => self.begin_table(session, request).await?,
        };
        let bytes = self.chunk(session, request, &mut reader, (after.as_ref(), through.as_ref())).await?;
        *chunks = Some(reader);
        Ok(bytes)
    }

    async fn begin_table(&self, session: &mut Session, request: &ChunkRequest) -> Result<ChunkReader, Ended> {
        self.seam.begin_table(session).await?;
        Ok(ChunkReader::new(request.schema.clone(), self.limits)?.locking(self.seam.locking()))
    }

    async fn chunk(
        &self,
        session: &mut Session,
        request: &ChunkRequest,
        reader: &mut ChunkReader,
        (after, through): (Option<&Row>, Option<&Row>),
    ) -> Result<usize, Ended> {
        let mut conflicts = 0;
        reader.limit(self.limits.halved(request.halvings));
        if request.halvings > 0 {
            let (table, halvings) = (&request.schema.name, request.halvings);
            tracing::info!(%table, halvings, "more rows change while they are read than memory allows: smaller chunks");
        }
        let Chunk { rows, last_key, complete, bytes } = loop {
            if !self.low(session, request.ticket).await? {
                return Ok(0);
            }
            match reader.read(session, after, through).await {
                Ok(chunk) => break chunk,
                Err(error @ MysqlError::TableChanged { .. }) if self.seam != Seam::Snapshot => {
                    return self.wait_for_stream(session, request.ticket, error).await.map(|()| 0);
                }
                // Whoever holds the lock lets it go.
                Err(error) if is_lock_conflict(&error) => {
                    conflicts += 1;
                    note_conflict(&request.schema.name, conflicts);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let high = self.seam.high(session).await?;
        self.seam.end_chunk(session).await?;
        let completion = match complete {
            Read::More => Completion::More,
            Read::LastChunk => Completion::LastChunk,
        };
        self.tell(Told::Chunk { ticket: request.ticket, rows, last_key, completion, high }).await?;
        Ok(bytes)
    }

    /// The table is ahead of the stream, which will say why and void the request; if it does not, the schema is wrong.
    async fn wait_for_stream(&self, session: &mut Session, ticket: Ticket, error: MysqlError) -> Result<(), Ended> {
        let Some(seen) = self.seam.now(session).await? else { return Err(error.into()) };
        loop {
            let seen = seen.clone();
            match self.ask(|answer| Told::Changed { ticket, seen, answer }).await? {
                StreamPlace::Void => return Ok(()),
                StreamPlace::Passed => return Err(error.into()),
                StreamPlace::Behind => tokio::time::sleep(PAUSE * 10).await,
            }
        }
    }

    async fn whole(&self, session: &mut Session, request: &ChunkRequest) -> Result<(), Ended> {
        let ticket = request.ticket;
        if !self.open_whole(session, request).await? {
            return Ok(());
        }
        let state = loop {
            match self.ask(|answer| Told::WholeState { ticket, answer }).await? {
                WholeState::Wait => tokio::time::sleep(PAUSE).await,
                state => break state,
            }
        };
        if state == WholeState::Publish {
            match self.publish_whole(session, request).await {
                Ok(()) => self.tell(Told::WholeDone { ticket }).await?,
                Err(Unpublished::Changed) => self.tell(Told::WholeFailed { ticket }).await?,
                Err(Unpublished::Ended(ended)) => return Err(ended),
            }
        }
        Ok(close_snapshot(session).await?)
    }

    /// Opens the snapshot of a table at a moment in which its rows could be read; false if the request is void.
    async fn open_whole(&self, session: &mut Session, request: &ChunkRequest) -> Result<bool, Ended> {
        let (ticket, table) = (request.ticket, &request.schema.name);
        let mut conflicts = 0;
        loop {
            let lock = self.lock(table).await?;
            if !self.low(session, ticket).await? {
                return Ok(false);
            }
            self.seam.open_whole(session).await?;
            let high = self.seam.high(session).await?;
            if let Some(lock) = lock {
                // The lock ends with its session.
                lock.close().await;
            }
            match wait_for_table_in_snapshot(session, table).await {
                Err(error) if is_lock_conflict(&error) => {
                    conflicts += 1;
                    note_conflict(table, conflicts);
                    close_snapshot(session).await?;
                }
                // Whatever else is wrong with the table is said again when its rows are read.
                Ok(()) | Err(_) => {
                    self.tell(Told::WholeOpened { ticket, high }).await?;
                    return Ok(true);
                }
            }
        }
    }

    /// Reads the snapshot that is open. That the table has changed since is said by the statement, or, with another
    /// definition under the same columns, by its first row.
    async fn publish_whole(&self, session: &mut Session, request: &ChunkRequest) -> Result<(), Unpublished> {
        let unpublished = |error| match error {
            MysqlError::TableChanged { .. } if self.seam != Seam::Snapshot => Unpublished::Changed,
            error if is_lock_conflict(&error) => Unpublished::Changed,
            error => Unpublished::Ended(error.into()),
        };
        let mut pieces = WholeReader::start(session, &request.schema, self.limits).await.map_err(unpublished)?;
        while let Some(rows) = pieces.next_piece().await.map_err(unpublished)? {
            self.tell(Told::WholeRows { ticket: request.ticket, rows }).await.map_err(Unpublished::Ended)?;
        }
        Ok(())
    }

    /// Keeps everybody from writing to the table, where its snapshot needs that, on a session of its own: opening the
    /// snapshot would end the lock.
    async fn lock(&self, table: &TableName) -> Result<Option<Session>, Ended> {
        if self.seam != Seam::Locks {
            return Ok(None);
        }
        let mut session = Session::connect(&self.options).await?;
        let mut conflicts = 0;
        while let Err(error) = lock_table(&mut session, table).await {
            if !is_lock_conflict(&error) {
                return Err(error.into());
            }
            conflicts += 1;
            note_conflict(table, conflicts);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(Some(session))
    }

    /// Reads `low` until the machine is content with it; false if the request is void.
    async fn low(&self, session: &mut Session, ticket: Ticket) -> Result<bool, Ended> {
        loop {
            let Some(low) = self.seam.low(session).await? else { return Ok(true) };
            match self.ask(|answer| Told::Low { ticket, low, answer }).await? {
                LowVerdict::Good => return Ok(true),
                LowVerdict::Void => return Ok(false),
                LowVerdict::TooEarly => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn tell(&self, told: Told) -> Result<(), Ended> {
        self.told.send(told).await.map_err(|_| Ended::Unheard)
    }

    async fn ask<A>(&self, question: impl FnOnce(oneshot::Sender<A>) -> Told) -> Result<A, Ended> {
        let (sender, receiver) = oneshot::channel();
        self.tell(question(sender)).await?;
        receiver.await.map_err(|_| Ended::Unheard)
    }
}

/// Says now and then what waits; each conflict took about a second.
fn note_conflict(table: &TableName, conflicts: u32) {
    if conflicts.is_multiple_of(30) {
        tracing::warn!(%table, tries = conflicts, "the load waits for somebody who keeps this table, or rows of it, locked");
    }
}
