//! The connection that the binlog comes over: begins it, checks what arrives, and never waits without end.
//!
//! The server is asked for a heartbeat a second. So silence means that the connection is dead, although it may look open:
//! the driver itself would wait for ever. The limit is several heartbeats, because one event of many megabytes arrives
//! as a whole, and longer at the start, when the server looks for the file to begin with.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use millrace_model::{BinlogPlace, GtidSet};
use mysql_async::binlog::BinlogChecksumAlg;
use mysql_async::binlog::events::{AnonymousGtidEvent, Event, GtidEvent};
use mysql_async::prelude::Queryable;
use mysql_async::{BinlogStreamRequest, Conn, Opts, OptsBuilder, Sid};

use super::error::BinlogError;
use super::event::{GtidFields, Level, RawEvent, SourceEvent, kind, kind_name};
use super::place::Gaps;
use super::selection::TableFilter;
use super::transactions::Transactions;
use crate::server::Flavour;

const HEARTBEAT: Duration = Duration::from_secs(1);
/// Silence after which the connection counts as dead.
const SILENCE: Duration = Duration::from_secs(10);
/// The same for the connection and for the first event.
const FIRST_SILENCE: Duration = Duration::from_secs(60);
/// Seconds for which the server waits for us to read: a slow destination must not end the stream.
const NET_WRITE_TIMEOUT: u32 = 3600;
/// The largest packet that MySQL knows; an event can be as large as a row.
const LARGEST_PACKET: usize = 1 << 30;

/// Where the first event of a binlog file begins.
const FIRST_OFFSET: u64 = 4;

/// Where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BinlogStart {
    /// At a boundary between transactions: the beginning of a file, or a `Commit`'s end. Beyond 4 GiB the server needs
    /// `gtid_mode = ON`.
    Place(BinlogPlace),
    /// At `until`, a boundary as well; from the boundary `from` on only the rows of distributed transactions are kept
    /// that commit after `until`.
    Collecting {
        /// Where the oldest of them begins.
        from: BinlogPlace,
        /// Where events begin to be given.
        until: BinlogPlace,
    },
    /// With every transaction that is not in the set.
    Gtids(GtidSet),
}

/// The transactions of a source's binlog, in its order.
pub struct BinlogStream {
    driver: mysql_async::BinlogStream,
    transactions: Transactions,
    health: Health,
    opts: Opts,
    server_id: u32,
    filter: TableFilter,
    /// Reads rows of a distributed transaction again, while the main stream stands still.
    second: Option<Box<BinlogStream>>,
}

/// What the id of the second reader differs in: with the same id the server would end the main stream.
const SECOND_READER: u32 = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// Nothing came yet.
    Starting,
    Running,
    Failed,
}

impl BinlogStream {
    /// Connects and begins reading. `server_id` must differ from that of every server and reader of the source: the
    /// server ends another stream with the same id.
    pub async fn open(opts: Opts, start: BinlogStart, server_id: u32) -> Result<Self, BinlogError> {
        let place = match &start {
            BinlogStart::Place(from) | BinlogStart::Collecting { from, .. } => from.clone(),
            BinlogStart::Gtids(_) => BinlogPlace::new("", 0),
        };
        let driver = tokio::time::timeout(FIRST_SILENCE, connect(opts.clone(), &start, server_id)).await;
        let silent = |_| BinlogError::Silent { waited: FIRST_SILENCE, place: place.clone() };
        let (driver, flavour) = driver.map_err(silent)??;
        let gaps = match (flavour, &start) {
            (Flavour::MariaDb, _) => Gaps::Anywhere,
            (Flavour::Mysql, BinlogStart::Gtids(_)) => Gaps::Allowed,
            (Flavour::Mysql, _) => Gaps::Forbidden,
        };
        let mut transactions = Transactions::new(place, gaps);
        if let BinlogStart::Collecting { until, .. } = start {
            transactions.give_from(until);
        }
        let (health, filter) = (Health::Starting, TableFilter::all());
        Ok(Self { driver, transactions, health, opts, server_id, filter, second: None })
    }

    /// With the rows of these tables only; others are passed over, whatever they are.
    pub fn selecting(mut self, filter: TableFilter) -> Self {
        self.transactions.set_filter(filter.clone());
        self.filter = filter;
        self
    }

    /// Keeps at most so many bytes of rows of prepared distributed transactions, instead of 32 MiB; a transaction beyond
    /// is read again when it commits.
    pub fn keeping_prepared_rows(mut self, bytes: usize) -> Self {
        self.transactions.keep_at_most(bytes);
        self
    }

    /// The next event. Cancel-safe: what was read stays in the stream when the future is dropped. After an error the
    /// stream gives only errors, so that nothing can be read past what failed.
    pub async fn next(&mut self) -> Result<SourceEvent, BinlogError> {
        loop {
            if let Some(event) = self.transactions.take() {
                return Ok(event);
            }
            match self.transactions.to_read_again().cloned() {
                None => self.receive().await?,
                Some(place) => {
                    if let Some(event) = self.read_again(place).await? {
                        return Ok(event);
                    }
                }
            }
        }
    }

    /// Takes the next event from the connection.
    async fn receive(&mut self) -> Result<(), BinlogError> {
        let waited = match self.health {
            Health::Starting => FIRST_SILENCE,
            Health::Running => SILENCE,
            Health::Failed => return Err(BinlogError::Failed),
        };
        // The only point where the future can be dropped; the driver keeps a packet that came in part.
        let framed = tokio::time::timeout(waited, self.driver.next()).await;
        let taken = match framed {
            Err(_) => Err(BinlogError::Silent { waited, place: self.transactions.place() }),
            Ok(None) => Err(BinlogError::Ended(self.transactions.place())),
            Ok(Some(Err(error))) => Err(error.into()),
            Ok(Some(Ok(event))) => self.take(event),
        };
        self.health = if taken.is_ok() { Health::Running } else { Health::Failed };
        taken
    }

    /// The next rows of the transaction at `place`; none after the last.
    async fn read_again(&mut self, place: BinlogPlace) -> Result<Option<SourceEvent>, BinlogError> {
        if self.second.is_none() {
            let start = BinlogStart::Place(place);
            let opened = Box::pin(Self::open(self.opts.clone(), start, self.server_id ^ SECOND_READER)).await?;
            let mut second = opened.selecting(self.filter.clone());
            second.transactions.pass_rows_on();
            self.second = Some(Box::new(second));
        }
        while let Some(second) = &mut self.second {
            match second.transactions.take() {
                Some(rows @ SourceEvent::Rows(_)) => return Ok(Some(rows)),
                Some(SourceEvent::Prepared { .. } | SourceEvent::Commit { .. }) => {
                    self.second = None;
                    self.transactions.was_read_again();
                }
                Some(_) => {}
                None => second.receive().await?,
            }
        }
        Ok(None)
    }

    /// Ends the connection.
    pub async fn close(self) -> Result<(), BinlogError> {
        Ok(self.driver.close().await?)
    }

    fn take(&mut self, event: Event) -> Result<(), BinlogError> {
        let raw = to_raw(event).map_err(|(number, wrong)| {
            let (place, event) = (self.transactions.place(), kind_name(number));
            match wrong {
                Wrong::Checksum => BinlogError::Damaged { place, event },
                Wrong::Form(what) => BinlogError::Event { place, event, what },
            }
        })?;
        self.transactions.accept(&raw)
    }
}

/// When a binlog file was made, seconds since 1970-01-01 UTC: the time in the header of the format description event at
/// its beginning. `server_id` as for [`BinlogStream::open`].
pub async fn read_file_created(opts: Opts, file: &str, server_id: u32) -> Result<u32, BinlogError> {
    let start = BinlogStart::Place(BinlogPlace::new(file, FIRST_OFFSET));
    let mut stream = BinlogStream::open(opts, start, server_id).await?;
    let created = loop {
        if let SourceEvent::FormatDescription { created, .. } = stream.next().await? {
            break created;
        }
    };
    // The server notices a closed connection only when it writes to it; a failure to say goodbye changes nothing.
    let _ = stream.close().await;
    Ok(created)
}

/// What this reader of MariaDB's binlog understands: its GTID events, and that annotations are left out. Otherwise the
/// server would put other events in their place, in which a distributed transaction looks like any other.
const MARIA_DB_CAPABILITY: u32 = 4;

async fn connect(
    opts: Opts,
    start: &BinlogStart,
    server_id: u32,
) -> Result<(mysql_async::BinlogStream, Flavour), BinlogError> {
    // A path to the server's own socket would go around proxies, and lead nowhere on another machine.
    let opts = OptsBuilder::from_opts(opts).prefer_socket(false).max_allowed_packet(Some(LARGEST_PACKET));
    let mut connection = Conn::new(opts).await?;
    let nanoseconds = HEARTBEAT.as_nanos();
    connection
        .query_drop(format!(
            "SET @source_heartbeat_period = {nanoseconds}, @master_heartbeat_period = {nanoseconds}, SESSION \
             net_write_timeout = {NET_WRITE_TIMEOUT}, @mariadb_slave_capability = {MARIA_DB_CAPABILITY}"
        ))
        .await?;
    let version: Option<String> = connection.query_first("SELECT VERSION()").await?;
    let is_maria_db = version.is_some_and(|version| Flavour::is_maria_db(&version));
    let flavour = if is_maria_db { Flavour::MariaDb } else { Flavour::Mysql };
    Ok((connection.get_binlog_stream(request(start, server_id)?).await?, flavour))
}

fn request(start: &BinlogStart, server_id: u32) -> Result<BinlogStreamRequest<'_>, BinlogError> {
    let request = BinlogStreamRequest::new(server_id);
    Ok(match start {
        BinlogStart::Place(place) | BinlogStart::Collecting { from: place, .. }
            if u32::try_from(place.offset).is_ok() =>
        {
            request.with_filename(place.file.as_bytes()).with_pos(place.offset)
        }
        // Only this command has room for the offset; with a file and no GTIDs to leave out it begins there.
        BinlogStart::Place(place) | BinlogStart::Collecting { from: place, .. } => {
            request.with_gtid().with_filename(place.file.as_bytes()).with_pos(place.offset)
        }
        BinlogStart::Gtids(set) => request.with_gtid().with_gtid_set(to_sids(set)?),
    })
}

fn to_sids(set: &GtidSet) -> Result<Vec<Sid<'static>>, BinlogError> {
    let sid = |(source, intervals): (&millrace_model::gtid::GtidSource, &[(u64, u64)])| {
        let mut one = GtidSet::new();
        intervals.iter().for_each(|&(first, last)| one.add_range(source.clone(), first, last));
        one.to_string().parse().map_err(|error: std::io::Error| BinlogError::Start(error.to_string()))
    };
    set.intervals().map(sid).collect()
}

/// An event's data, kept where the driver read it.
struct EventData(Event);

impl AsRef<[u8]> for EventData {
    fn as_ref(&self) -> &[u8] {
        self.0.data()
    }
}

/// What is wrong with an event.
enum Wrong {
    Checksum,
    Form(&'static str),
}

/// The event in its parts, after its checksum was compared; the error is its type and what is wrong.
fn to_raw(event: Event) -> Result<RawEvent, (u8, Wrong)> {
    let header = event.header();
    let number = header.event_type_raw();
    let level = if event.footer().get_checksum_enabled() { Level::Outer } else { Level::Inner };
    // The server changes a flag in the description's header while the file is open, and its checksum does not follow.
    if level == Level::Outer
        && number != kind::FORMAT_DESCRIPTION
        && !is_intact(&event).ok_or((number, Wrong::Form("its checksum is of an unknown kind")))?
    {
        return Err((number, Wrong::Checksum));
    }
    let gtid = match number {
        kind::GTID | kind::GTID_TAGGED => Some(event.read_event::<GtidEvent>()),
        kind::ANONYMOUS_GTID => Some(event.read_event::<AnonymousGtidEvent>().map(|event| event.0)),
        _ => None,
    };
    let gtid = gtid.transpose().map_err(|_| (number, Wrong::Form("it cannot be read")))?.map(|event| GtidFields {
        uuid: event.sid(),
        tag: event.tag().map(|tag| tag.as_str().to_owned()).unwrap_or_default(),
        number: if number == kind::ANONYMOUS_GTID { 0 } else { event.gno() },
        committed_at: event.immediate_commit_timestamp(),
    });
    Ok(RawEvent {
        kind: number,
        timestamp: header.timestamp(),
        size: header.event_size(),
        log_pos: header.log_pos(),
        flags: header.flags_raw(),
        data: Bytes::from_owner(EventData(event)),
        level,
        gtid,
    })
}

/// Whether the event's checksum, if it has one, is that of its bytes; `None` for an unknown kind of checksum.
fn is_intact(event: &Event) -> Option<bool> {
    Some(match event.footer().get_checksum_alg().ok()? {
        None | Some(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_OFF) => true,
        Some(algorithm) => {
            event.checksum().is_none_or(|checksum| u32::from_le_bytes(checksum) == event.calc_checksum(algorithm))
        }
    })
}
