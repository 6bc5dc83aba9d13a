//! A database of its own for each test, removed afterwards.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use millrace_adbpg::{Connection, DestinationOptions, TlsMode};
use millrace_model::schema::{Nullability, Route};
use millrace_model::{Cell, Column, PgType, Row, TableName, TableSchema};
use tokio_postgres::{Client, Config, NoTls};

const VARIABLE: &str = "MILLRACE_TEST_POSTGRES";

fn config() -> Config {
    let url = std::env::var(VARIABLE).unwrap_or_else(|_| panic!("{VARIABLE} is not set: run make test"));
    url.parse().unwrap()
}

/// A test's database.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) options: DestinationOptions,
}

impl Server {
    pub(crate) async fn connect(&self) -> Connection {
        Connection::connect(&self.options).await.unwrap()
    }

    /// A session that is not ours, for looking and for interfering.
    pub(crate) async fn outsider(&self) -> Client {
        open(config().dbname(&self.options.database)).await
    }

    /// The rows of a query as text, columns joined with `|`, NULL as `<null>`.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let messages = self.outsider().await.simple_query(sql).await.unwrap();
        let row = |message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                let cells: Vec<&str> = (0..row.len()).map(|i| row.get(i).unwrap_or("<null>")).collect();
                Some(cells.join("|"))
            }
            _ => None,
        };
        messages.into_iter().filter_map(row).collect()
    }

    /// Asks again until the query has rows, or has none.
    pub(crate) async fn wait_for(&self, rows: Rows, sql: &str) {
        let start = Instant::now();
        let mut poll = tokio::time::interval(Duration::from_millis(10));
        while self.rows(sql).await.is_empty() == (rows == Rows::Some) {
            assert!(start.elapsed() < Duration::from_secs(20), "waited for {rows:?} of: {sql}");
            poll.tick().await;
        }
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.outsider().await.batch_execute(sql).await.unwrap();
    }
}

/// What a query is to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    Some,
    None,
}

async fn open(config: &Config) -> Client {
    let (client, driver) = config.connect(NoTls).await.unwrap();
    tokio::spawn(driver);
    client
}

/// Runs a test with a database of its own, and drops it whatever became of the test.
pub(crate) async fn with_database<F, T>(name: &str, test: F)
where
    F: FnOnce(Server) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    // Two tests of one name do not meet.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let config = config();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let database = format!("millrace_adbpg_{}_{number}_{name}", std::process::id());
    let admin = open(&config).await;
    admin.batch_execute(&format!("CREATE DATABASE \"{database}\" TEMPLATE template0 ENCODING 'UTF8'")).await.unwrap();
    let tokio_postgres::config::Host::Tcp(host) = config.get_hosts()[0].clone() else { panic!("{VARIABLE}: no host") };
    let options = DestinationOptions {
        host,
        port: config.get_ports().first().copied().unwrap_or(5432),
        user: config.get_user().unwrap().to_owned(),
        password: config.get_password().map(|p| String::from_utf8_lossy(p).into_owned()).unwrap_or_default().into(),
        database: database.clone(),
        tls: TlsMode::Disabled,
        client_identity: None,
    };
    let result = tokio::spawn(test(Server { options })).await;
    admin.batch_execute(&format!("DROP DATABASE \"{database}\" WITH (FORCE)")).await.unwrap();
    result.unwrap();
}

/// A table of `public` with these columns; the first `key_columns` of them are its primary key.
pub(crate) fn table(name: &str, columns: &[(&str, PgType)], key_columns: usize) -> TableSchema<PgType> {
    let column = |(place, (name, ty)): (usize, &(&str, PgType))| Column {
        name: (*name).into(),
        ty: ty.clone(),
        nullability: if place < key_columns { Nullability::NotNull } else { Nullability::Nullable },
        default: None,
        comment: String::new(),
        collation: "".into(),
    };
    TableSchema {
        table_id: 1,
        name: TableName::new("public", name),
        columns: columns.iter().enumerate().map(column).collect(),
        primary_key: (0..key_columns).collect(),
        key: (0..key_columns).collect(),
        indexes: vec![],
        comment: String::new(),
        route: Route::Key,
        placement: Default::default(),
    }
}

pub(crate) fn row<'a>(cells: impl IntoIterator<Item = Cell<'a>>) -> Row {
    cells.into_iter().collect()
}

/// Makes the table as the crate renders it.
pub(crate) async fn create(connection: &Connection, schema: &TableSchema<PgType>) {
    let existing = millrace_adbpg::ExistingTable::Refuse;
    let rendered = millrace_adbpg::ddl::render_create_table(connection.dialect(), schema, existing).unwrap();
    connection.execute("create the table", &rendered.statements).await.unwrap();
}
