//! The task file of a test: the common part, with what the test says otherwise.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::world::World;

/// A task file that is being made.
#[derive(Debug, Clone)]
pub struct TaskFile {
    folder: PathBuf,
    name: String,
    content: Table,
}

impl TaskFile {
    pub(crate) fn new(world: &World) -> Self {
        let text = format!(
            "name = \"{name}\"\n\
             source.url = \"{source}\"\n\
             destination.url = \"{destination}\"\n\
             log = {{ kafka = \"{kafka}\", partitions = 3 }}\n\
             objects = [{{ table = \"`{name}`.*\" }}]\n\
             full.chunk_rows = 100\n\
             http = {{ capture = \"127.0.0.1:0\", transform = \"127.0.0.1:0\", apply = \"127.0.0.1:0\" }}\n",
            name = world.name,
            source = world.servers.mysql,
            destination = world.destination_url(),
            kafka = world.servers.kafka,
        );
        let content = text.parse().unwrap_or_default();
        Self { folder: world.folder.clone(), name: world.name.clone(), content }
    }

    /// With these keys; tables are merged, anything else is replaced. `{database}` is the world's name.
    pub fn with(mut self, text: &str) -> Result<Self> {
        let text = text.replace("{database}", &self.name);
        let additions: Table = text.parse().with_context(|| format!("not TOML: {text}"))?;
        merge(&mut self.content, additions);
        Ok(self)
    }

    /// With this source.
    pub fn with_source(self, url: &str) -> Result<Self> {
        self.with(&format!("source.url = \"{url}\""))
    }

    /// Without Kafka, for `millrace run`.
    pub fn without_kafka(mut self) -> Self {
        self.content.remove("log");
        self
    }

    /// Writes it into the world's folder and gives its path.
    pub fn write(&self) -> Result<PathBuf> {
        let path = self.folder.join("task.toml");
        fs::write(&path, toml::to_string(&self.content)?)?;
        Ok(path)
    }
}

fn merge(into: &mut Table, additions: Table) {
    for (key, value) in additions {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(table)), Value::Table(more)) => merge(table, more),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
