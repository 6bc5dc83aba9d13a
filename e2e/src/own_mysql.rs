//! A MySQL server of a test's own: with other options, or one that is reset, restarted and killed.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use millrace_testkit::{Servers, unique_name};

/// A server that `deploy/local/servers` runs in a folder of its own; it ends, and its data go, with the value.
pub struct OwnMysql {
    folder: PathBuf,
    options: String,
    url: String,
}

impl OwnMysql {
    /// Starts a new server with these options of mysqld besides the common ones.
    pub fn start(options: &str) -> Result<Self> {
        let folder = env::temp_dir().join(unique_name("own_mysql"));
        let mut own = Self { folder, options: options.to_owned(), url: String::new() };
        own.servers(&["up", "mysql"])?;
        let printed = own.servers(&["env"])?;
        let url = printed.lines().find_map(|line| line.strip_prefix("export MILLRACE_TEST_MYSQL="));
        own.url = url.context("no address of the server")?.to_owned();
        Ok(own)
    }

    /// `mysql://user@host:port`, a user who may do everything.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The servers of the environment, with this one as the source.
    pub fn as_source(&self) -> Result<Servers> {
        Ok(Servers { mysql: self.url.clone(), ..Servers::from_environment()? })
    }

    /// Stops the server in good order and starts it again, with the same data on the same port.
    pub fn restart(&self) -> Result<()> {
        self.servers(&["restart", "mysql"]).map(drop)
    }

    fn servers(&self, arguments: &[&str]) -> Result<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/local/servers");
        let output = Command::new(script)
            .args(arguments)
            .env("MILLRACE_LOCAL", &self.folder)
            .env("MILLRACE_PORTS", "auto")
            .env("MILLRACE_MYSQL_OPTIONS", &self.options)
            .stdin(Stdio::null())
            .output()?;
        ensure!(output.status.success(), "servers {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for OwnMysql {
    fn drop(&mut self) {
        if let Err(error) = self.servers(&["remove"]) {
            eprintln!("{error:#}");
        }
    }
}
