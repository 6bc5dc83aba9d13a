//! What the server says about itself, and the places in its binlog.
//!
//! Variables are read with `SHOW GLOBAL VARIABLES`, which leaves out those that a version does not know instead of
//! failing, and needs no privilege.

use std::collections::HashMap;
use std::time::Duration;

use millrace_model::gtid::GtidSet;
use millrace_model::{BinlogPlace, Reading};

use crate::connect::Session;
use crate::error::MysqlError;

/// The kinds of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// MySQL and what follows it closely.
    Mysql,
    /// MariaDB.
    MariaDb,
}

impl Flavour {
    /// Whether a text of `VERSION()` is MariaDB's.
    pub fn is_maria_db(version: &str) -> bool {
        version.to_ascii_lowercase().contains("mariadb")
    }
}

/// A setting that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// ON or 1.
    On,
    /// OFF, 0, or not known to the server.
    Off,
}

/// Whether table names keep their case (`lower_case_table_names`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameCase {
    /// 0 and 2: stored as written.
    AsWritten,
    /// 1: stored in lower case.
    Lower,
}

/// What the checks and the binlog reader need to know of the server. Values are upper case where MySQL prints words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Kind of server.
    pub flavour: Flavour,
    /// Major, minor, patch.
    pub version: (u16, u16, u16),
    /// `server_uuid`; MariaDB's `server_uid`, or where it has none the words `server_id` and its number.
    pub server_uuid: String,
    /// `server_id`.
    pub server_id: u32,
    /// `log_bin`.
    pub log_bin: Switch,
    /// `log_replica_updates`, formerly and on MariaDB `log_slave_updates`.
    pub log_replica_updates: Switch,
    /// `gtid_mode`; empty where there is none.
    pub gtid_mode: String,
    /// `binlog_format`; `ROW` where the variable is gone.
    pub binlog_format: String,
    /// `binlog_row_image`; `FULL` where the variable is unknown.
    pub binlog_row_image: String,
    /// `binlog_row_metadata`; `MINIMAL` where the variable is unknown.
    pub binlog_row_metadata: String,
    /// `binlog_transaction_compression`.
    pub binlog_transaction_compression: Switch,
    /// `innodb_native_foreign_keys`: the storage engine changes rows of foreign keys itself, unseen by the binlog.
    pub native_foreign_keys: Switch,
    /// `lower_case_table_names`.
    pub name_case: NameCase,
    /// `character_set_server`.
    pub charset: String,
    /// Seconds after which binlogs are purged; 0 for never.
    pub binlog_expire_seconds: u64,
}

impl ServerFacts {
    /// Reads them.
    pub async fn read(session: &mut Session) -> Result<Self, MysqlError> {
        let rows = session
            .query_texts(
                "reading the server's variables",
                "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_uid', 'server_id', 'log_bin', \
                 'log_replica_updates', 'log_slave_updates', 'gtid_mode', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', \
                 'binlog_transaction_compression', 'lower_case_table_names', 'character_set_server', \
                 'binlog_expire_logs_seconds', 'expire_logs_days', 'innodb_native_foreign_keys')",
            )
            .await?;
        let variables: HashMap<String, String> = rows
            .into_iter()
            .filter_map(|row| {
                let mut cells = row.into_iter();
                Some((cells.next()??, cells.next()??))
            })
            .collect();
        Ok(Self::from_variables(session.flavour(), session.version(), &variables))
    }

    fn from_variables(flavour: Flavour, version: (u16, u16, u16), variables: &HashMap<String, String>) -> Self {
        let text = |name: &str, missing: &str| variables.get(name).map_or(missing, |v| v).to_owned();
        let word = |name: &str, missing: &str| text(name, missing).to_ascii_uppercase();
        let switch = |name: &str| if matches!(&*word(name, "OFF"), "ON" | "1") { Switch::On } else { Switch::Off };
        let either = |new: &str, old: &str| if switch(new) == Switch::On { Switch::On } else { switch(old) };
        let days: u64 = text("expire_logs_days", "0").split('.').next().and_then(|d| d.parse().ok()).unwrap_or(0);
        let seconds: u64 = text("binlog_expire_logs_seconds", "0").parse().unwrap_or(0);
        Self {
            flavour,
            version,
            server_uuid: match (text("server_uuid", ""), text("server_uid", "")) {
                (uuid, _) if !uuid.is_empty() => uuid.to_ascii_lowercase(),
                (_, uid) if !uid.is_empty() => uid,
                _ => format!("server_id {}", text("server_id", "0")),
            },
            server_id: text("server_id", "0").parse().unwrap_or(0),
            log_bin: switch("log_bin"),
            log_replica_updates: either("log_replica_updates", "log_slave_updates"),
            gtid_mode: word("gtid_mode", ""),
            binlog_format: word("binlog_format", "ROW"),
            binlog_row_image: word("binlog_row_image", "FULL"),
            binlog_row_metadata: word("binlog_row_metadata", "MINIMAL"),
            binlog_transaction_compression: switch("binlog_transaction_compression"),
            native_foreign_keys: switch("innodb_native_foreign_keys"),
            name_case: if text("lower_case_table_names", "0") == "1" { NameCase::Lower } else { NameCase::AsWritten },
            charset: text("character_set_server", "utf8mb4"),
            binlog_expire_seconds: if seconds > 0 { seconds } else { days * 86_400 },
        }
    }

    /// For how long binlogs are kept after their last event; none where only an administrator purges them.
    pub fn binlogs_kept(&self) -> Option<Duration> {
        (self.binlog_expire_seconds > 0).then(|| Duration::from_secs(self.binlog_expire_seconds))
    }

    /// Whether every transaction has a GTID.
    pub fn has_gtids(&self) -> bool {
        self.gtid_mode == "ON"
    }
}

/// What the server has committed: `@@GLOBAL.gtid_executed`, or the end of the binlog on a server without GTIDs (that
/// needs REPLICATION CLIENT). A GTID is in the set only once its rows are visible to new reads.
pub async fn read_executed(session: &mut Session) -> Result<Reading, MysqlError> {
    let doing = "reading what the server has committed";
    if session.flavour() == Flavour::MariaDb {
        return Ok(Reading::Place(read_binlog_end(session).await?));
    }
    let rows = session.query_texts(doing, "SELECT @@GLOBAL.gtid_mode, @@GLOBAL.gtid_executed").await?;
    let [Some(mode), Some(executed)] = rows.first().map_or(&[][..], |row| row) else {
        return Err(answer(doing, "no row"));
    };
    if mode.eq_ignore_ascii_case("ON") {
        return Ok(Reading::Gtids(parse_gtids(doing, executed)?));
    }
    Ok(Reading::Place(read_binlog_end(session).await?))
}

/// The end of the binlog as a reading. It covers transactions that are in the binlog but not visible to new reads yet:
/// only a reader that waits for their locks may rely on it.
pub async fn read_written(session: &mut Session) -> Result<Reading, MysqlError> {
    Ok(Reading::Place(read_binlog_end(session).await?))
}

/// The exact place in the binlog of the consistent snapshot that a session of MariaDB has open.
pub async fn read_snapshot_place(session: &mut Session) -> Result<Reading, MysqlError> {
    let doing = "reading the place of a snapshot";
    let rows = session.query_texts(doing, "SHOW STATUS LIKE 'binlog_snapshot_%'").await?;
    let value = |name: &str| {
        let is_it = |row: &&Vec<Option<String>>| matches!(&row[..], [Some(n), ..] if n.eq_ignore_ascii_case(name));
        rows.iter().find(is_it).and_then(|row| row.get(1).cloned().flatten())
    };
    let (file, offset) = (value("Binlog_snapshot_file"), value("Binlog_snapshot_position"));
    match (file, offset.and_then(|offset| offset.parse().ok())) {
        (Some(file), Some(offset)) if !file.is_empty() => Ok(Reading::Place(BinlogPlace::new(file, offset))),
        _ => Err(answer(doing, "no place: the binlog is off")),
    }
}

/// The GTIDs whose transactions are gone from the binlogs (`@@GLOBAL.gtid_purged`); empty without GTIDs.
pub async fn read_purged(session: &mut Session) -> Result<GtidSet, MysqlError> {
    let doing = "reading what was purged";
    if session.flavour() == Flavour::MariaDb {
        return Ok(GtidSet::new());
    }
    let rows = session.query_texts(doing, "SELECT @@GLOBAL.gtid_purged").await?;
    match rows.first().and_then(|row| row.first()) {
        Some(Some(text)) => parse_gtids(doing, text),
        _ => Err(answer(doing, "no row")),
    }
}

/// The end of the binlog that is being written. Needs REPLICATION CLIENT and a binlog.
pub async fn read_binlog_end(session: &mut Session) -> Result<BinlogPlace, MysqlError> {
    let doing = "reading the end of the binlog";
    let rows = session.query_texts(doing, binlog_status_sql(session)).await?;
    match rows.first().map(|row| row.as_slice()) {
        Some([Some(file), Some(offset), ..]) => {
            let offset = offset.parse().map_err(|_| answer(doing, "an offset that is not a number"))?;
            Ok(BinlogPlace::new(file.as_str(), offset))
        }
        _ => Err(answer(doing, "no binlog: log_bin is off")),
    }
}

/// The statement for the binlog's file, offset and filters: SHOW MASTER STATUS is gone from 8.4 on; its new name came with
/// 8.2.
pub(crate) fn binlog_status_sql(session: &Session) -> &'static str {
    match session.flavour() {
        Flavour::Mysql if session.version() >= (8, 2, 0) => "SHOW BINARY LOG STATUS",
        _ => "SHOW MASTER STATUS",
    }
}

/// One file of the binlog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinlogFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

/// The binlogs that the server still has, oldest first. Needs REPLICATION CLIENT.
pub async fn read_binlogs(session: &mut Session) -> Result<Vec<BinlogFile>, MysqlError> {
    let doing = "listing the binlogs";
    let rows = session.query_texts(doing, "SHOW BINARY LOGS").await?;
    rows.into_iter()
        .map(|row| match row.as_slice() {
            [Some(name), Some(size), ..] => {
                let size = size.parse().map_err(|_| answer(doing, "a size that is not a number"))?;
                Ok(BinlogFile { name: name.clone(), size })
            }
            _ => Err(answer(doing, "a row without name and size")),
        })
        .collect()
}

fn parse_gtids(doing: &str, text: &str) -> Result<GtidSet, MysqlError> {
    let text: String = text.split_whitespace().collect();
    if text.is_empty() {
        return Ok(GtidSet::new());
    }
    text.parse().map_err(|_| answer(doing, "not a GTID set"))
}

fn answer(doing: &str, what: &str) -> MysqlError {
    MysqlError::Answer { doing: doing.to_owned(), what: what.to_owned() }
}
