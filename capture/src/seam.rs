//! How the rows of a snapshot are joined to the stream: what a reading of the server's state is, and what makes the rows
//! hold everything that the reading before them covers (`protocol::window`).

use millrace_model::SourceMark;
use millrace_model::position::Reading;
use millrace_mysql::locks::{end_locked_reads, prepare_locked_reads};
use millrace_mysql::server::{Flavour, read_executed, read_snapshot_place, read_written};
use millrace_mysql::snapshot::{ChunkLimits, Locking, close_snapshot, open_snapshot};
use millrace_mysql::{MysqlError, ServerFacts, Session};

/// Rows and bytes of a chunk whose rows are locked while they are read: others wait for no longer than this takes.
const LOCKED_ROWS: usize = 500;
const LOCKED_BYTES: usize = 1 << 20;

/// What joins snapshot and stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seam {
    /// The server's executed GTIDs, read before and after the rows.
    Gtids,
    /// The end of the binlog, read before and after; the rows are read with shared locks (`mysql::locks`).
    Locks,
    /// The place that MariaDB gives to a consistent snapshot, which is both before and after.
    SnapshotPlace,
    /// Nothing, because there is no stream: each table is read in one consistent snapshot.
    Snapshot,
}

impl Seam {
    /// The seam for a task that follows the binlog as its checkpoint says, or does not follow it.
    pub(crate) fn of(mark: Option<&SourceMark>, facts: &ServerFacts) -> Self {
        match mark.map(|mark| &mark.delivered) {
            None => Self::Snapshot,
            Some(Reading::Gtids(_)) => Self::Gtids,
            Some(Reading::Place(_)) if facts.flavour == Flavour::MariaDb => Self::SnapshotPlace,
            Some(Reading::Place(_)) => Self::Locks,
        }
    }

    /// How large a chunk is, of which a task asks for `rows`.
    pub(crate) fn limits(self, most: ChunkLimits) -> ChunkLimits {
        match self {
            Self::Locks => ChunkLimits { rows: most.rows.min(LOCKED_ROWS), bytes: most.bytes.min(LOCKED_BYTES) },
            Self::Gtids | Self::SnapshotPlace | Self::Snapshot => most,
        }
    }

    /// Whether chunks lock their rows.
    pub(crate) fn locking(self) -> Locking {
        if self == Self::Locks { Locking::Shared } else { Locking::None }
    }

    /// Before the first chunk of a table that this reader reads.
    pub(crate) async fn begin_table(self, session: &mut Session) -> Result<(), MysqlError> {
        match self {
            Self::Gtids | Self::SnapshotPlace => Ok(()),
            Self::Locks => prepare_locked_reads(session).await,
            Self::Snapshot => {
                close_snapshot(session).await?;
                open_snapshot(session).await
            }
        }
    }

    /// What the rows read from now on hold at least; none where nothing asks.
    pub(crate) async fn low(self, session: &mut Session) -> Result<Option<Reading>, MysqlError> {
        Ok(Some(match self {
            Self::Gtids => read_executed(session).await?,
            Self::Locks => read_written(session).await?,
            Self::SnapshotPlace => {
                close_snapshot(session).await?;
                open_snapshot(session).await?;
                read_snapshot_place(session).await?
            }
            Self::Snapshot => return Ok(None),
        }))
    }

    /// What the rows read before hold at most.
    pub(crate) async fn high(self, session: &mut Session) -> Result<Option<Reading>, MysqlError> {
        Ok(Some(match self {
            Self::Gtids => read_executed(session).await?,
            Self::Locks => read_written(session).await?,
            Self::SnapshotPlace => read_snapshot_place(session).await?,
            Self::Snapshot => return Ok(None),
        }))
    }

    /// After the rows of a chunk and `high`.
    pub(crate) async fn end_chunk(self, session: &mut Session) -> Result<(), MysqlError> {
        match self {
            Self::SnapshotPlace => close_snapshot(session).await,
            Self::Gtids | Self::Locks | Self::Snapshot => Ok(()),
        }
    }

    /// Opens the snapshot of a whole table, after `low`.
    pub(crate) async fn open_whole(self, session: &mut Session) -> Result<(), MysqlError> {
        match self {
            Self::Gtids | Self::Snapshot => open_snapshot(session).await,
            // With READ COMMITTED there would be no snapshot.
            Self::Locks => {
                end_locked_reads(session).await?;
                open_snapshot(session).await
            }
            // `low` opened it.
            Self::SnapshotPlace => Ok(()),
        }
    }
}
