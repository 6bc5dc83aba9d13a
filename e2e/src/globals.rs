//! Global variables of the MySQL server, which all tests of this program share.
//!
//! A test that changes one runs alone: every other test holds the lock for reading while it runs.

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use anyhow::{Context, Result};
use millrace_testkit::Servers;
use mysql_async::prelude::Queryable;

static SERVER: RwLock<()> = RwLock::new(());

/// Held by a test that changes no global variable. (That an earlier test failed says nothing about the server.)
pub(crate) fn share_server() -> RwLockReadGuard<'static, ()> {
    SERVER.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn own_server() -> RwLockWriteGuard<'static, ()> {
    SERVER.write().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A global variable and the value that a test gives it.
#[derive(Debug, Clone, Copy)]
pub struct GlobalVariable {
    /// Its name.
    pub name: &'static str,
    /// SQL of its value.
    pub value: &'static str,
}

impl GlobalVariable {
    /// Runs `test` while the variable has the value and no other test runs, and gives it its former value back.
    pub fn with(self, test: impl FnOnce() -> Result<()>) -> Result<()> {
        let _alone = own_server();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let servers = Servers::from_environment()?;
        let before = runtime.block_on(self.exchange(&servers, self.value))?;
        let ended = test();
        runtime.block_on(self.exchange(&servers, &format!("'{before}'")))?;
        ended
    }

    async fn exchange(self, servers: &Servers, value: &str) -> Result<String> {
        let mut connection = servers.connect_mysql().await?;
        let before: Option<String> = connection.query_first(format!("SELECT @@GLOBAL.{}", self.name)).await?;
        connection.query_drop(format!("SET GLOBAL {} = {value}", self.name)).await?;
        connection.disconnect().await?;
        before.with_context(|| format!("variable \"{}\" has no value", self.name))
    }
}
