//! The tables in which the destination remembers what was applied to it: schema `millrace`.
//!
//! Heap tables, each distributed by `task_id`, the first column of every unique key: the rows of one task are on one
//! segment. Rows are only inserted and pruned, never updated: without its deadlock detector an UPDATE would lock the
//! whole table on Greenplum until the commit.

use crate::connect::{Connection, rows};
use crate::dialect::Dialect;
use crate::error::AdbpgError;
use crate::ident::{literal, stable_hash};

/// A task as the destination knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskIdentity {
    /// Its id: name and a random part, chosen at the task's first start.
    pub id: String,
    /// The name in the task file.
    pub name: String,
}

/// (table, columns, key): the layout of schema `millrace`.
const TABLES: [(&str, &str, &str); 8] = [
    ("task", "task_id text NOT NULL, name text NOT NULL, registered_at timestamptz NOT NULL DEFAULT now()", "task_id"),
    (
        "progress",
        "task_id text NOT NULL, log_partition bigint NOT NULL, number bigint NOT NULL, next_offset bigint NOT NULL, \
         log_sequence bigint NOT NULL, watermark bigint NOT NULL, ended boolean NOT NULL, \
         written_at timestamptz NOT NULL DEFAULT now()",
        "task_id, log_partition, number",
    ),
    (
        "journal",
        "task_id text NOT NULL, entry text NOT NULL, executed_at timestamptz NOT NULL DEFAULT now()",
        "task_id, entry",
    ),
    (
        "arrival",
        "task_id text NOT NULL, barrier bigint NOT NULL, log_partition bigint NOT NULL, log_sequence bigint NOT NULL",
        "task_id, barrier, log_partition, log_sequence",
    ),
    (
        "loaded",
        "task_id text NOT NULL, version bigint NOT NULL, hash bigint NOT NULL, log_partition bigint NOT NULL",
        "task_id, version, log_partition",
    ),
    ("state", "task_id text NOT NULL, key text NOT NULL, value bytea NOT NULL", "task_id, key"),
    (
        "owner",
        "task_id text NOT NULL, log_partition bigint NOT NULL, pid bigint NOT NULL, backend_start text NOT NULL",
        "task_id, log_partition, pid, backend_start",
    ),
    (
        "quarantine",
        "task_id text NOT NULL, table_id bigint NOT NULL, key_hash text NOT NULL, schema_name text NOT NULL, \
         table_name text NOT NULL, key bytea NOT NULL, image bytea, definition bytea NOT NULL, if_absent boolean NOT NULL, \
         changes bigint NOT NULL, since bigint NOT NULL, reason text NOT NULL",
        "task_id, table_id, key_hash",
    ),
];

/// The statements that make the tables, in order.
pub fn render_state_tables(dialect: &Dialect) -> Vec<String> {
    let distribution = if dialect.is_distributed() { " WITH (appendonly=false) DISTRIBUTED BY (task_id)" } else { "" };
    let tables = TABLES.iter().map(|(table, columns, key)| {
        format!("CREATE TABLE IF NOT EXISTS millrace.{table} ({columns}, PRIMARY KEY ({key})){distribution}")
    });
    tables.collect()
}

impl Connection {
    /// Makes the tables of schema `millrace` where they are not there. Several may do so at once.
    pub async fn ensure_state_tables(&mut self) -> Result<(), AdbpgError> {
        let action = "make the state tables in schema \"millrace\"";
        let names: Vec<String> = TABLES.iter().map(|(table, _, _)| format!("'{table}'")).collect();
        let there = format!(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = 'millrace' AND c.relname IN ({})",
            names.join(", ")
        );
        let count = rows(&self.client, action, &there).await?;
        if count.first().and_then(|row| row.get(0)) == Some(TABLES.len().to_string().as_str()) {
            return Ok(());
        }
        let failed = |error: tokio_postgres::Error| AdbpgError::of(action, &error);
        let transaction = self.client.transaction().await.map_err(failed)?;
        let lock = advisory_key(&["state tables"]);
        transaction.batch_execute(&format!("SELECT pg_advisory_xact_lock({lock})")).await.map_err(failed)?;
        // IF NOT EXISTS asks for CREATE on the database even where the schema is there.
        let schema = "SELECT 1 FROM pg_namespace WHERE nspname = 'millrace'";
        if rows(transaction.client(), action, schema).await?.is_empty() {
            transaction.batch_execute("CREATE SCHEMA millrace").await.map_err(failed)?;
        }
        for statement in render_state_tables(&self.dialect) {
            transaction.batch_execute(&statement).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    /// Writes down that the task exists; again is the same as once.
    pub async fn register_task(&self, task: &TaskIdentity) -> Result<(), AdbpgError> {
        insert_once(self, "register the task", &render_register(task)?).await
    }

    /// What a task that runs in one process keeps here: its records by key.
    pub async fn read_state(&self, task_id: &str) -> Result<Vec<(String, Vec<u8>)>, AdbpgError> {
        let sql = format!(
            "SELECT key, encode(value, 'hex') FROM millrace.state WHERE task_id = {} ORDER BY key",
            literal(task_id)?
        );
        let found = rows(&self.client, "read the task's state", &sql).await?;
        let parse = |row: &tokio_postgres::SimpleQueryRow| {
            let value = from_hex(&text(row, 1, "state.value")?).ok_or(AdbpgError::State("state.value"))?;
            Ok((text(row, 0, "state.key")?, value))
        };
        found.iter().map(parse).collect()
    }

    /// Takes the session's lock on a task that runs in one process; false if another session has it. It is gone with the
    /// session.
    pub async fn try_lock_task(&self, name: &str) -> Result<bool, AdbpgError> {
        let sql = format!("SELECT 1 WHERE pg_try_advisory_lock({})", advisory_key(&["run", name]));
        Ok(!rows(&self.client, "lock the task", &sql).await?.is_empty())
    }

    /// Names this session in the server's list of sessions: printable ASCII, of which the first 63 bytes are kept.
    pub async fn name_session(&self, name: &str) -> Result<(), AdbpgError> {
        let sql = format!("SELECT set_config('application_name', {}, false)", literal(name)?);
        rows(&self.client, "name the session", &sql).await.map(drop)
    }

    /// The name of the session that has the lock of [`Connection::try_lock_task`]; none where nobody has it, or the
    /// server does not show this account other accounts' sessions.
    pub async fn find_holder_of_task(&self, name: &str) -> Result<Option<String>, AdbpgError> {
        // How the server shows the 64 bits of a key: two halves, and 1 for "one key".
        let key = advisory_key(&["run", name]);
        let sql = format!(
            "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database() \
             AND l.database = a.datid AND ((l.classid::bigint << 32) | l.objid::bigint) = {key} \
             AND a.application_name <> '' LIMIT 1"
        );
        let found = rows(&self.client, "look for who runs the task", &sql).await?;
        found.first().map(|row| text(row, 0, "pg_stat_activity.application_name")).transpose()
    }

    /// The ids of the tasks of this name that ever wrote here, the oldest first: another than the caller's own means
    /// that a second task has taken the name.
    pub async fn find_tasks_named(&self, name: &str) -> Result<Vec<String>, AdbpgError> {
        let sql = format!(
            "SELECT task_id FROM millrace.task WHERE name = {} ORDER BY registered_at, task_id",
            literal(name)?
        );
        let found = rows(&self.client, "look for tasks of this name", &sql).await?;
        found.iter().map(|row| text(row, 0, "task.task_id")).collect()
    }

    /// Removes everything that the destination remembers of a task.
    pub async fn forget_task(&mut self, task_id: &str) -> Result<(), AdbpgError> {
        let action = "forget the task";
        let id = literal(task_id)?;
        let failed = |error: tokio_postgres::Error| AdbpgError::of(action, &error);
        let transaction = self.client.transaction().await.map_err(failed)?;
        for (table, _, _) in TABLES {
            let sql = format!("DELETE FROM millrace.{table} WHERE task_id = {id}");
            transaction.batch_execute(&sql).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    /// Takes partitions over: ends the sessions of their former owners and writes this one down. Needed where the
    /// server does not end sessions that are idle in a transaction; does no harm elsewhere. The former owner's locks
    /// are gone once its session is.
    pub async fn take_over(&self, task_id: &str, partitions: &[u32]) -> Result<(), AdbpgError> {
        let action = "end the former owner's sessions";
        if partitions.is_empty() {
            return Ok(());
        }
        let id = literal(task_id)?;
        let numbers: Vec<String> = partitions.iter().map(u32::to_string).collect();
        let owned = format!("task_id = {id} AND log_partition IN ({})", numbers.join(", "));
        let sql = format!("SELECT DISTINCT pid, backend_start FROM millrace.owner WHERE {owned}");
        for row in rows(&self.client, action, &sql).await? {
            let (pid, started) = (text(&row, 0, "owner.pid")?, text(&row, 1, "owner.backend_start")?);
            let end = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
                 AND pid::text = {} AND backend_start::text = {}",
                literal(&pid)?,
                literal(&started)?
            );
            rows(&self.client, action, &end).await?;
        }
        let mine = self.backend();
        let values: Vec<String> = partitions
            .iter()
            .map(|partition| Ok(format!("({id}, {partition}, {}, {})", mine.pid, literal(&mine.started)?)))
            .collect::<Result<_, AdbpgError>>()?;
        let replace = format!(
            "BEGIN; DELETE FROM millrace.owner WHERE {owned}; \
             INSERT INTO millrace.owner (task_id, log_partition, pid, backend_start) VALUES {}; COMMIT",
            values.join(", ")
        );
        let result = self.client.batch_execute(&replace).await;
        if result.is_err() {
            // The error left the transaction of the batch open.
            self.client.batch_execute("ROLLBACK").await.map_err(|error| AdbpgError::of(action, &error))?;
        }
        result.map_err(|error| AdbpgError::of(action, &error))
    }

    /// Whether each of the partitions has an owner whose session lives.
    pub async fn have_living_owners(&self, task_id: &str, partitions: &[u32]) -> Result<bool, AdbpgError> {
        let numbers: Vec<String> = partitions.iter().map(u32::to_string).collect();
        let sql = format!(
            "SELECT DISTINCT o.log_partition FROM millrace.owner o JOIN pg_stat_activity a \
             ON a.pid::text = o.pid::text AND a.backend_start::text = o.backend_start \
             WHERE o.task_id = {} AND o.log_partition IN ({})",
            literal(task_id)?,
            numbers.join(", ")
        );
        let found =
            partitions.is_empty() || rows(&self.client, "look for other owners", &sql).await?.len() == partitions.len();
        Ok(found)
    }

    /// Gives partitions up whose work is committed or rolled back: their next owner need not end this session.
    pub async fn hand_over(&self, task_id: &str, partitions: &[u32]) -> Result<(), AdbpgError> {
        let action = "give partitions up";
        if partitions.is_empty() {
            return Ok(());
        }
        let mine = self.backend();
        let numbers: Vec<String> = partitions.iter().map(u32::to_string).collect();
        let sql = format!(
            "DELETE FROM millrace.owner WHERE task_id = {} AND log_partition IN ({}) AND pid = {} AND backend_start = {}",
            literal(task_id)?,
            numbers.join(", "),
            mine.pid,
            literal(&mine.started)?
        );
        self.client.batch_execute(&sql).await.map_err(|error| AdbpgError::of(action, &error))
    }
}

/// Key of an advisory lock; the same in every build.
pub(crate) fn advisory_key(parts: &[&str]) -> i64 {
    stable_hash(&[&["millrace"], parts].concat()).cast_signed()
}

/// An INSERT ... WHERE NOT EXISTS whose row somebody else may insert at the same moment, which is as good.
pub(crate) async fn insert_once(connection: &Connection, action: &str, sql: &str) -> Result<(), AdbpgError> {
    match connection.client.batch_execute(sql).await.map_err(|error| AdbpgError::of(action, &error)) {
        Err(AdbpgError::Server { state, .. }) if state == "23505" => Ok(()),
        other => other,
    }
}

/// A column's text, which must be there.
pub(crate) fn text(
    row: &tokio_postgres::SimpleQueryRow,
    column: usize,
    name: &'static str,
) -> Result<String, AdbpgError> {
    row.get(column).map(str::to_owned).ok_or(AdbpgError::State(name))
}

/// A column's number, which must be there.
pub(crate) fn number<N: std::str::FromStr>(
    row: &tokio_postgres::SimpleQueryRow,
    column: usize,
    name: &'static str,
) -> Result<N, AdbpgError> {
    row.get(column).and_then(|value| value.parse().ok()).ok_or(AdbpgError::State(name))
}

/// SQL that replaces records of a task's state; none removes the record.
pub(crate) fn render_write_state(task_id: &str, records: &[(String, Option<Vec<u8>>)]) -> Result<String, AdbpgError> {
    let id = literal(task_id)?;
    let keys: Vec<String> = records.iter().map(|(key, _)| literal(key)).collect::<Result<_, _>>()?;
    let mut sql = format!("DELETE FROM millrace.state WHERE task_id = {id} AND key IN ({})", keys.join(", "));
    let mut values = Vec::new();
    for ((_, value), key) in records.iter().zip(&keys) {
        if let Some(value) = value {
            values.push(format!("({id}, {key}, decode('{}', 'hex'))", to_hex(value)));
        }
    }
    if !values.is_empty() {
        sql.push_str("; INSERT INTO millrace.state (task_id, key, value) VALUES ");
        sql.push_str(&values.join(", "));
    }
    Ok(sql)
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// SQL that writes down that the task exists.
pub(crate) fn render_register(task: &TaskIdentity) -> Result<String, AdbpgError> {
    let id = literal(&task.id)?;
    let name = literal(&task.name)?;
    Ok(format!(
        "INSERT INTO millrace.task (task_id, name) SELECT {id}, {name} \
         WHERE NOT EXISTS (SELECT 1 FROM millrace.task WHERE task_id = {id})"
    ))
}
