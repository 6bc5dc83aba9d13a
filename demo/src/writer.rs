//! The shop's life: several connections that order, pay, return and change, at a steady pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use millrace_testkit::Servers;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;

use crate::random::Random;
use crate::shop::NAME;

/// Connections that write at once.
pub(crate) const CONNECTIONS: u64 = 4;

/// Between two transactions of a connection.
const PAUSE: Duration = Duration::from_millis(25);

/// MySQL's numbers of what writers bring upon each other: a duplicate key, a lock time-out, a deadlock, rows that refer
/// to what another has just deleted.
const EXPECTED: [u16; 5] = [1062, 1205, 1213, 1451, 1452];

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    transactions: AtomicU64,
    rows: AtomicU64,
    /// The newest order.
    order: AtomicU64,
}

/// Connections that write until they are stopped.
pub(crate) struct Writers {
    shared: Arc<Shared>,
    connections: Vec<JoinHandle<Result<()>>>,
}

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// Transactions that were committed.
    pub(crate) transactions: u64,
    /// Rows that these inserted, changed or deleted.
    pub(crate) rows: u64,
}

impl Writers {
    /// Begins to write.
    pub(crate) async fn start(servers: &Servers) -> Result<Self> {
        let shared = Arc::new(Shared { order: AtomicU64::new(220_000), ..Shared::default() });
        let mut connections = Vec::new();
        for seed in 1..=CONNECTIONS {
            let mut connection = servers.connect_mysql().await?;
            connection.query_drop(format!("USE {NAME}")).await?;
            connections.push(tokio::spawn(write(connection, Random::new(seed), shared.clone())));
        }
        Ok(Self { shared, connections })
    }

    /// What was written until now.
    pub(crate) fn written(&self) -> Written {
        Written {
            transactions: self.shared.transactions.load(Ordering::Relaxed),
            rows: self.shared.rows.load(Ordering::Relaxed),
        }
    }

    /// Stops; gives what was written in all.
    pub(crate) async fn stop(mut self) -> Result<Written> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for connection in std::mem::take(&mut self.connections) {
            connection.await.context("a connection that writes panicked")??;
        }
        Ok(self.written())
    }
}

async fn write(mut connection: Conn, mut random: Random, shared: Arc<Shared>) -> Result<()> {
    let mut pace = tokio::time::interval(PAUSE);
    while !shared.stop.load(Ordering::Relaxed) {
        pace.tick().await;
        match transaction(&mut connection, &mut random, &shared).await {
            Ok(rows) => {
                shared.transactions.fetch_add(1, Ordering::Relaxed);
                shared.rows.fetch_add(rows, Ordering::Relaxed);
            }
            Err(mysql_async::Error::Server(error)) if EXPECTED.contains(&error.code) => {
                connection.query_drop("ROLLBACK").await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    connection.disconnect().await?;
    Ok(())
}

/// One transaction; gives the rows that it changed.
async fn transaction(connection: &mut Conn, random: &mut Random, shared: &Shared) -> mysql_async::Result<u64> {
    connection.query_drop("BEGIN").await?;
    let mut rows = 0;
    let order = 1 + random.below(shared.order.load(Ordering::Relaxed));
    let statements = match random.below(10) {
        0..=3 => {
            connection.query_drop(new_order(random)).await?;
            rows += connection.affected_rows();
            let order = connection.last_insert_id().unwrap_or(order);
            shared.order.fetch_max(order, Ordering::Relaxed);
            items_of(order, random)
        }
        4 | 5 => pay(order, random),
        6 => vec![format!(
            "UPDATE products SET price = price * 1.01, rating = {} / 7, flags = flags ^ b'10', tags = {}, \
             attributes = JSON_SET(COALESCE(attributes, '{{}}'), '$.seen', {}) WHERE id = {}",
            random.below(36),
            random.below(32),
            random.below(1_000_000),
            random.zipf(20_000)
        )],
        7 => cancel(order),
        8 => vec![
            format!("UPDATE order_items SET line = line + 3 WHERE order_id = {order} AND line = 1"),
            format!("UPDATE orders SET status = 'sent', note = 'sent in parts 📦' WHERE id = {order}"),
        ],
        _ => vec![
            format!("DELETE FROM events WHERE id = {}", 1 + random.below(60_000)),
            format!(
                "UPDATE addresses SET city = 'Tromsø', latitude = 69.65 WHERE customer_id = {}",
                random.zipf(60_000)
            ),
        ],
    };
    for statement in statements {
        connection.query_drop(statement).await?;
        rows += connection.affected_rows();
    }
    connection.query_drop("COMMIT").await?;
    Ok(rows)
}

fn new_order(random: &mut Random) -> String {
    let (customer, cents, gift) = (random.zipf(60_000), random.below(900_000), random.below(2));
    format!(
        "INSERT INTO orders (customer_id, total, gift, note, ordered_at) \
         VALUES ({customer}, {cents} / 100, {gift}, NULLIF('live {cents}', 'live 0'), NOW(6))"
    )
}

/// What else a new order writes.
fn items_of(order: u64, random: &mut Random) -> Vec<String> {
    let (product, customer, cents) = (random.zipf(20_000), random.zipf(60_000), random.below(90_000));
    vec![
        format!(
            "INSERT INTO order_items VALUES ({order}, 1, {product}, 2, {cents} / 100, NULL), \
             ({order}, 2, {product}, 1, 0.99, {cents} / 90000)"
        ),
        format!(
            "INSERT INTO events (customer_id, kind, payload, at) \
             VALUES ({customer}, 'order', JSON_OBJECT('order', {order}, 'total', {cents} / 100), NOW(6))"
        ),
        format!(
            "UPDATE customers SET seen_at = NOW(), credit = credit + 0.10, status = 'active' WHERE id = {customer}"
        ),
    ]
}

fn pay(order: u64, random: &mut Random) -> Vec<String> {
    let cents = random.below(900_000);
    vec![
        format!(
            "INSERT INTO payments (order_id, method, amount, token, took, paid_at) \
             SELECT id, 'card', {cents} / 100, RANDOM_BYTES(16), SEC_TO_TIME({cents} / 1000), NOW(6) FROM orders WHERE id = {order}"
        ),
        format!("UPDATE orders SET status = 'paid' WHERE id = {order}"),
    ]
}

fn cancel(order: u64) -> Vec<String> {
    ["payments WHERE order_id", "order_items WHERE order_id", "orders WHERE id"]
        .map(|rows| format!("DELETE FROM {rows} = {order}"))
        .to_vec()
}
