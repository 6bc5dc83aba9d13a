//! A database, a task file for it, and the program run on it.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use millrace_testkit::{Servers, delete_topics, run_script, unique_name};
use serde_json::Value;

/// Servers, a source database and a task of the same name; `remove` takes all of it away.
pub(crate) struct World {
    pub(crate) servers: Servers,
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

/// What a run of the program printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the program.
pub(crate) fn millrace(arguments: &[&str]) -> Result<Ended> {
    let output = Command::new(env!("CARGO_BIN_EXE_millrace")).args(arguments).output()?;
    Ok(Ended {
        code: output.status.code().context("it was killed")?,
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

const TABLES: &str = "
CREATE TABLE customers (
    id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(80) NOT NULL,
    born DATE NOT NULL,
    card_number CHAR(16),
    notes TEXT,
    KEY by_notes (notes(10))
);
CREATE TABLE orders (
    id INT PRIMARY KEY,
    customer_id BIGINT UNSIGNED NOT NULL,
    total DECIMAL(12, 2) NOT NULL DEFAULT 1.50,
    status ENUM('new', 'paid') NOT NULL DEFAULT 'new',
    KEY by_customer (customer_id),
    CONSTRAINT to_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
);
CREATE TABLE lines_without_key (line VARCHAR(200));
CREATE VIEW dear AS SELECT * FROM orders WHERE total > 100;
CREATE TRIGGER before_order BEFORE INSERT ON orders FOR EACH ROW SET NEW.total = NEW.total;
INSERT INTO customers (name, born) VALUES ('a', '2000-01-01'), ('b', '2000-01-02');
INSERT INTO orders (id, customer_id) VALUES (1, 1), (2, 2), (3, 2);
INSERT INTO lines_without_key VALUES ('x');
";

impl World {
    /// A database with three tables, a view and a trigger.
    pub(crate) async fn new(test: &str) -> Result<Self> {
        Self::on(Servers::from_environment()?, test).await
    }

    /// The same on other servers.
    pub(crate) async fn on(servers: Servers, test: &str) -> Result<Self> {
        let name = unique_name(&format!("ctl_{test}"));
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir_all(&folder)?;
        let world = Self { servers, name, folder };
        let database = &world.name;
        world.mysql(&format!("CREATE DATABASE {database}; USE {database}; {TABLES}")).await?;
        Ok(world)
    }

    /// Runs statements in MySQL.
    pub(crate) async fn mysql(&self, script: &str) -> Result<()> {
        let mut connection = self.servers.connect_mysql().await?;
        run_script(&mut connection, script).await
    }

    /// Runs statements in PostgreSQL.
    pub(crate) async fn postgres(&self, script: &str) -> Result<()> {
        Ok(self.servers.connect_postgres().await?.batch_execute(script).await?)
    }

    /// Writes a task file, with further lines before the tables of the file, and gives its path.
    pub(crate) fn task(&self, source: &str, more: &str) -> Result<String> {
        let Self { servers, name, folder } = self;
        let ports = [free_port()?, free_port()?, free_port()?];
        let text = format!(
            "name = \"{name}\"\nenvironment = \"test\"\n{more}\n\
             [source]\nurl = \"{source}\"\n[destination]\nurl = \"{}\"\n\
             [log]\nkafka = \"{}\"\npartitions = 2\n\
             [http]\ncapture = \"127.0.0.1:{}\"\ntransform = \"127.0.0.1:{}\"\napply = \"127.0.0.1:{}\"\n",
            servers.postgres, servers.kafka, ports[0], ports[1], ports[2]
        );
        let path = folder.join("task.toml");
        fs::write(&path, text)?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// A task file for all tables of the database.
    pub(crate) fn whole_task(&self) -> Result<String> {
        let name = &self.name;
        let objects = format!("objects = [{{ table = \"{name}.*\", columns = {{ exclude = [\"card_number\"] }} }}]");
        self.task(&self.servers.mysql, &objects)
    }

    /// The same, where a zero date stops the task.
    pub(crate) fn task_that_stops_at_zero_dates(&self) -> Result<String> {
        let objects = format!("objects = [{{ table = \"{}.*\" }}]\n[schema]\nzero_dates = \"stop\"", self.name);
        self.task(&self.servers.mysql, &objects)
    }

    /// The same task without Kafka, for `millrace run`.
    pub(crate) fn embedded_task(&self, phases: &str) -> Result<String> {
        let path =
            self.task(&self.servers.mysql, &format!("{phases}\nobjects = [{{ table = \"{}.*\" }}]", self.name))?;
        let text = fs::read_to_string(&path)?;
        let start = text.find("[log]").context("no log")?;
        let end = text.find("[http]").context("no http")?;
        fs::write(&path, format!("{}{}", &text[..start], &text[end..]))?;
        Ok(path)
    }

    /// Removes database, schema, topics, progress and folder.
    pub(crate) async fn remove(self) -> Result<()> {
        self.servers.drop_mysql_database(&self.name).await?;
        self.servers.drop_postgres_schema(&self.name).await?;
        delete_topics(&self.servers.kafka, &self.name).await?;
        let client = self.servers.connect_postgres().await?;
        let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'millrace'";
        for row in client.query(tables, &[]).await? {
            let table: String = row.get(0);
            let sql = format!("DELETE FROM millrace.{table} WHERE task_id LIKE '{}-%'", self.name);
            client.batch_execute(&sql).await?;
        }
        fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}

/// A port on which nobody listens. Each is given once in a process, and none is of those that the system gives to
/// outgoing connections: one picked by the system could be given again before the stage listens on it.
fn free_port() -> Result<u16> {
    const FIRST: u32 = 12_000;
    const ALL: u32 = 8_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let next = || (FIRST + (std::process::id() + GIVEN.fetch_add(1, Ordering::Relaxed)) % ALL) as u16;
    (0..ALL).map(|_| next()).find(is_free).context("no port is free")
}
