//! Servers of a test's own, with settings that the shared ones do not have; they end with the value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::servers::{Servers, unique_name};

/// Servers in a folder of their own, started by `deploy/local/servers` on free ports.
#[derive(Debug)]
pub struct OwnServers {
    folder: PathBuf,
    settings: Vec<(String, OsString)>,
}

impl OwnServers {
    /// Starts these (`mysql`, `kafka`, `postgres`; all where none is named) with variables of the script, such as
    /// `MILLRACE_MYSQL_OPTIONS`.
    pub fn start(names: &[&str], settings: &[(&str, OsString)]) -> Result<Self> {
        let folder = std::env::temp_dir().join(unique_name("own_servers"));
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let own = Self { folder, settings };
        own.script(&[&["up"], names].concat())?;
        Ok(own)
    }

    /// What the script's `env` says, by the variables' names.
    pub fn addresses(&self) -> Result<BTreeMap<String, String>> {
        let printed = self.script(&["env"])?;
        let lines = printed.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        Ok(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Their addresses for administrators, in plain text.
    pub fn servers(&self) -> Result<Servers> {
        let addresses = self.addresses()?;
        let address = |name: &str| addresses.get(name).cloned().with_context(|| format!("no address \"{name}\""));
        Ok(Servers {
            mysql: address("MILLRACE_TEST_MYSQL")?,
            kafka: address("MILLRACE_TEST_KAFKA")?,
            postgres: address("MILLRACE_TEST_POSTGRES")?,
        })
    }

    /// Stops one in good order and starts it again, with the same data on the same port.
    pub fn restart(&self, name: &str) -> Result<()> {
        self.script(&["restart", name]).map(drop)
    }

    fn script(&self, arguments: &[&str]) -> Result<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/local/servers");
        let output = Command::new(script)
            .args(arguments)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .env("MILLRACE_LOCAL", &self.folder)
            .env("MILLRACE_PORTS", "auto")
            .stdin(Stdio::null())
            .output()?;
        ensure!(output.status.success(), "servers {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for OwnServers {
    fn drop(&mut self) {
        if let Err(error) = self.script(&["remove"]) {
            eprintln!("{error:#}");
        }
    }
}
