//! The servers that tests run against: named by the environment, never guessed and never skipped.

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use tokio_postgres::{Client, NoTls};

/// Addresses of the MySQL, Kafka and PostgreSQL that `make test` starts.
#[derive(Debug, Clone)]
pub struct Servers {
    /// `mysql://user@host:port`, a user who may do everything.
    pub mysql: String,
    /// `host:port` of a broker.
    pub kafka: String,
    /// `postgres://user@host:port/database`, a user who may do everything.
    pub postgres: String,
}

impl Servers {
    /// From MILLRACE_TEST_MYSQL, MILLRACE_TEST_KAFKA and MILLRACE_TEST_POSTGRES; a missing one is an error that says
    /// how to get it.
    pub fn from_environment() -> Result<Self> {
        Ok(Self {
            mysql: required("MILLRACE_TEST_MYSQL")?,
            kafka: required("MILLRACE_TEST_KAFKA")?,
            postgres: required("MILLRACE_TEST_POSTGRES")?,
        })
    }

    /// A new connection to MySQL, over TCP, without a current database.
    pub async fn connect_mysql(&self) -> Result<Conn> {
        let options = Opts::from_url(&self.mysql).context("MILLRACE_TEST_MYSQL is not a mysql:// address")?;
        let options = OptsBuilder::from_opts(options).prefer_socket(false);
        Conn::new(options).await.with_context(|| format!("no connection to MySQL at {}", self.mysql))
    }

    /// A new connection to PostgreSQL, driven by a task of its own until the client is dropped.
    pub async fn connect_postgres(&self) -> Result<Client> {
        let connected = tokio_postgres::connect(&self.postgres, NoTls).await;
        let (client, connection) =
            connected.with_context(|| format!("no connection to PostgreSQL at {}", self.postgres))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Removes a MySQL database, if it is there; an error if somebody holds one of its tables for ten seconds.
    pub async fn drop_mysql_database(&self, name: &str) -> Result<()> {
        let mut connection = self.connect_mysql().await?;
        connection.query_drop("SET lock_wait_timeout = 10").await?;
        connection.query_drop(format!("DROP DATABASE IF EXISTS {}", mysql_identifier(name))).await?;
        connection.disconnect().await?;
        Ok(())
    }

    /// Removes a PostgreSQL schema and all that is in it, if it is there; an error if somebody holds it for ten seconds.
    pub async fn drop_postgres_schema(&self, name: &str) -> Result<()> {
        let client = self.connect_postgres().await?;
        client.batch_execute("SET lock_timeout = '10s'").await?;
        client.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", postgres_identifier(name))).await?;
        Ok(())
    }
}

fn required(variable: &str) -> Result<String> {
    env::var(variable)
        .with_context(|| format!("{variable} is not set: run make test, which starts the servers and sets it"))
}

/// A name for a database, schema, topic or task that no other test uses: `<prefix>_<process id>_<counter>`.
pub fn unique_name(prefix: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// A MySQL identifier in backticks.
pub(crate) fn mysql_identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A PostgreSQL identifier in double quotes.
pub(crate) fn postgres_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_missing_server_says_how_to_get_it() {
        let message = required("MILLRACE_TEST_NO_SUCH_SERVER").expect_err("it is not set").to_string();
        assert!(message.contains("MILLRACE_TEST_NO_SUCH_SERVER") && message.contains("run make test"), "{message}");
    }

    #[test]
    fn names_differ() {
        assert_ne!(unique_name("a"), unique_name("a"));
    }

    #[test]
    fn identifiers_are_quoted() {
        assert_eq!(mysql_identifier("a`b"), "`a``b`");
        assert_eq!(postgres_identifier("a\"b"), "\"a\"\"b\"");
    }
}
