//! What one test has of its own: names, databases, accounts, topics and a folder; removed however the test ends.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use millrace_testkit::{Servers, delete_topics, run_script};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::{Client, NoTls};

use crate::globals::share_server;
use crate::task_file::TaskFile;

/// Password of the accounts that tests make; characters that a URL or SQL could stumble over are in it.
const PASSWORD: &str = "p@ss/w:rd% 1";

/// The same, percent-encoded.
const PASSWORD_IN_URL: &str = "p%40ss%2Fw%3Ard%25%201";

/// A test's own part of the servers.
#[derive(Debug, Clone)]
pub struct World {
    /// The servers.
    pub servers: Servers,
    /// Name of the task, of the database in MySQL and of the database in PostgreSQL.
    pub name: String,
    /// Folder of the task file and the stages' logs.
    pub folder: PathBuf,
}

/// Runs a test in a world of its own, beside others that change no global variable. The logs of a test that fails are
/// kept; the error says where.
pub fn in_world(name: &str, test: impl AsyncFnOnce(&World) -> Result<()>) -> Result<()> {
    let _shared = share_server();
    in_world_alone(name, test)
}

/// Like [`in_world`], within [`GlobalVariable::with`](crate::GlobalVariable::with).
pub fn in_world_alone(name: &str, test: impl AsyncFnOnce(&World) -> Result<()>) -> Result<()> {
    in_world_at(Servers::from_environment()?, name, test)
}

/// Like [`in_world`], on servers that this test has to itself.
pub fn in_world_at(servers: Servers, name: &str, test: impl AsyncFnOnce(&World) -> Result<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let world = World::create(servers, name).await?;
        let ended = test(&world).await;
        let removed = world.remove().await;
        ended.with_context(|| format!("the logs are in {}", world.folder.display()))?;
        fs::remove_dir_all(&world.folder)?;
        removed
    })
}

impl World {
    async fn create(servers: Servers, name: &str) -> Result<Self> {
        let world = Self::named(servers, name);
        // Process ids come back: what a killed run left under the same name goes first.
        world.remove().await?;
        world.furnish().await
    }

    /// On servers that nobody has used before.
    pub(crate) async fn create_on(servers: Servers, name: &str) -> Result<Self> {
        Self::named(servers, name).furnish().await
    }

    fn named(servers: Servers, name: &str) -> Self {
        let name = format!("{name}_{}", std::process::id());
        let folder = std::env::temp_dir().join(format!("millrace-e2e-{name}"));
        Self { servers, name, folder }
    }

    async fn furnish(self) -> Result<Self> {
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder)?;
        let mut mysql = self.servers.connect_mysql().await?;
        mysql.query_drop(format!("CREATE DATABASE `{}`", self.name)).await?;
        mysql.disconnect().await?;
        let postgres = self.servers.connect_postgres().await?;
        postgres.batch_execute(&format!("CREATE DATABASE \"{}\"", self.name)).await?;
        Ok(self)
    }

    async fn remove(&self) -> Result<()> {
        let mut mysql = self.servers.connect_mysql().await?;
        for database in self.databases(&mut mysql).await? {
            self.servers.drop_mysql_database(&database).await?;
        }
        mysql.query_drop(format!("DROP USER IF EXISTS '{}'@'%'", self.account())).await?;
        mysql.disconnect().await?;
        let postgres = self.servers.connect_postgres().await?;
        postgres.batch_execute(&format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name)).await?;
        delete_topics(&self.servers.kafka, &format!("{}.", self.name)).await
    }

    /// The databases of the source whose names begin with the world's name: the world's own, and others that a script
    /// made.
    pub async fn databases(&self, mysql: &mut Conn) -> Result<Vec<String>> {
        let sql = "SELECT schema_name FROM information_schema.schemata WHERE LEFT(schema_name, ?) = ? ORDER BY 1";
        Ok(mysql.exec(sql, (self.name.chars().count(), &self.name)).await?)
    }

    /// A connection to the source, in the world's database.
    pub async fn connect_mysql(&self) -> Result<Conn> {
        let mut connection = self.servers.connect_mysql().await?;
        connection.query_drop(format!("USE `{}`", self.name)).await?;
        Ok(connection)
    }

    /// A connection to the world's database of the destination.
    pub async fn connect_postgres(&self) -> Result<Client> {
        let (client, connection) = tokio_postgres::connect(&self.destination_url(), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Runs a script in the source; `{database}` in it is the world's name.
    pub async fn run_in_source(&self, script: &str) -> Result<()> {
        let mut connection = self.connect_mysql().await?;
        let mut script = self.fill(script);
        let version: Option<String> = connection.query_first("SELECT VERSION()").await?;
        if version.unwrap_or_default().contains("MariaDB") {
            // The one word of the scripts that MariaDB has another for.
            script = script.replace("cte_max_recursion_depth", "max_recursive_iterations");
        }
        run_script(&mut connection, &script).await?;
        connection.disconnect().await?;
        Ok(())
    }

    /// Runs a script in the destination; `{database}` in it is the world's name.
    pub async fn run_in_destination(&self, script: &str) -> Result<()> {
        Ok(self.connect_postgres().await?.batch_execute(&self.fill(script)).await?)
    }

    /// Puts the world's name where a text has `{database}`.
    pub fn fill(&self, text: &str) -> String {
        text.replace("{database}", &self.name)
    }

    /// Makes an account in the source with these grants, such as `SELECT ON *.*`, and gives the URL to connect with.
    pub async fn create_account(&self, grants: &[String]) -> Result<String> {
        let account = self.account();
        let mut script = format!("CREATE USER '{account}'@'%' IDENTIFIED BY '{PASSWORD}';");
        for grant in grants {
            script.push_str(&format!("GRANT {grant} TO '{account}'@'%';"));
        }
        self.run_in_source(&script).await?;
        let (_, server) = self.servers.mysql.rsplit_once('@').context("MILLRACE_TEST_MYSQL names no user")?;
        Ok(format!("mysql://{account}:{PASSWORD_IN_URL}@{server}"))
    }

    /// The account that [`World::create_account`] makes. Names of accounts have at most 32 characters: the end of the name, where the process id is.
    pub fn account(&self) -> &str {
        &self.name[self.name.len().saturating_sub(32)..]
    }

    /// The URL of the world's database of the destination.
    pub fn destination_url(&self) -> String {
        let (server, _) = self.servers.postgres.rsplit_once('/').unwrap_or((&self.servers.postgres, ""));
        format!("{server}/{}", self.name)
    }

    /// The task file that moves the world's database, with small chunks and few partitions.
    pub fn task_file(&self) -> TaskFile {
        TaskFile::new(self)
    }

    /// Ensures that the destination has nothing but what it was made with.
    pub async fn ensure_destination_is_empty(&self) -> Result<()> {
        let sql = "SELECT nspname::text FROM pg_catalog.pg_namespace \
                   WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')";
        let found: Vec<String> =
            self.connect_postgres().await?.query(sql, &[]).await?.iter().map(|r| r.get(0)).collect();
        anyhow::ensure!(found.is_empty(), "the destination has schemas: {}", found.join(", "));
        Ok(())
    }
}
