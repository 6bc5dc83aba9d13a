//! The defaults that databases give their tables: character sets and collations.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_mysql::column_type::{Collations, charset_name, collation_name};
use millrace_mysql::ddl::{CreateDefaults, TimestampDefaults};
use millrace_mysql::{MysqlError, Session};

/// What holds where a statement names no character set.
pub(crate) struct Databases {
    /// Of the server.
    server: Arc<str>,
    charsets: HashMap<Arc<str>, Arc<str>>,
    /// Those of databases that came to be or changed since the start are not known.
    collations: HashMap<Arc<str>, Arc<str>>,
    /// Default collations of character sets.
    of_charset: Arc<HashMap<Arc<str>, Arc<str>>>,
}

impl Databases {
    /// Reads the defaults of all databases; `server` is the server's own character set.
    pub(crate) async fn read(session: &mut Session, server: &str) -> Result<Self, MysqlError> {
        let charsets = "SELECT schema_name, default_character_set_name FROM information_schema.schemata";
        let collations = "SELECT schema_name, default_collation_name FROM information_schema.schemata";
        let defaults = "SELECT character_set_name, default_collate_name FROM information_schema.character_sets";
        Ok(Self {
            server: charset_name(server),
            charsets: read_pairs(session, charsets)
                .await?
                .map(|(name, charset)| (name, charset_name(&charset)))
                .collect(),
            collations: read_pairs(session, collations)
                .await?
                .map(|(name, collation)| (name, collation_name(&collation)))
                .collect(),
            of_charset: read_pairs(session, defaults)
                .await?
                .map(|(charset, collation)| (charset_name(&charset), collation_name(&collation)))
                .collect::<HashMap<_, _>>()
                .into(),
        })
    }

    /// A database comes to be or changes; without a character set of its own it takes the server's.
    pub(crate) fn set(&mut self, database: Arc<str>, charset: Option<Arc<str>>) {
        self.collations.remove(&database);
        self.charsets.insert(database, charset.unwrap_or_else(|| self.server.clone()));
    }

    /// A database goes.
    pub(crate) fn remove(&mut self, database: &str) {
        self.collations.remove(database);
        self.charsets.remove(database);
    }

    /// What holds for statements about tables of a database.
    pub(crate) fn defaults(&self, database: &str) -> CreateDefaults {
        let default = self.collations.get(database).cloned().unwrap_or_else(|| "".into());
        CreateDefaults {
            charset: self.charsets.get(database).unwrap_or(&self.server).clone(),
            collations: Collations { default, of_charset: self.of_charset.clone() },
            timestamps: TimestampDefaults::Explicit,
        }
    }
}

async fn read_pairs(
    session: &mut Session,
    sql: &str,
) -> Result<impl Iterator<Item = (Arc<str>, Arc<str>)> + use<>, MysqlError> {
    let rows = session.query_texts("reading character sets and collations", sql).await?;
    Ok(rows.into_iter().filter_map(|row| {
        let mut cells = row.into_iter();
        Some((Arc::from(cells.next()??), Arc::from(cells.next()??)))
    }))
}
