//! A database of a test's own.

use anyhow::Result;
use millrace_testkit::{Servers, unique_name};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

/// Runs a test in a new database, which goes afterwards whatever comes.
pub(crate) async fn with_database(name: &str, test: impl AsyncFnOnce(&mut Conn) -> Result<()>) -> Result<()> {
    let servers = Servers::from_environment()?;
    let database = unique_name(name);
    let mut connection = servers.connect_mysql().await?;
    connection.query_drop(format!("CREATE DATABASE {database}")).await?;
    connection.query_drop(format!("USE {database}")).await?;
    connection.query_drop("SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = ''").await?;
    let result = test(&mut connection).await;
    servers.drop_mysql_database(&database).await?;
    result
}
