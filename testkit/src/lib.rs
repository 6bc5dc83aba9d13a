//! What tests share: real servers, SQL scripts, waiting by polling, staged processes, and the comparison of a source
//! table with a destination table.
//!
//! Nothing here calls the product's own code, so that a mistake there cannot hide here: the comparison reads both
//! databases in a text form of its own, and tests in this crate plant differences that it must find.

mod broker_use;
mod certificates;
mod compare;
mod damage;
mod kafka;
mod mutate;
mod own_brokers;
mod own_server;
mod own_servers;
mod poll;
mod proxy;
mod random;
pub mod random_table;
mod script;
mod servers;
mod socket;
mod stage;

pub use broker_use::use_broker;
pub use certificates::{Authority, Validity};
pub use compare::{Comparison, Difference, TablePair, compare_table};
pub use damage::{Damage, Direction, Spot};
pub use kafka::{
    Safety, append, create_topic, delete_messages, delete_topics, keep_messages_for, read_at_pace, read_topic,
    set_partitions, topic_safety, topics_with_prefix,
};
pub use mutate::{Mutations, peak_address_space};
pub use own_brokers::{BROKERS, OwnBrokers};
pub use own_server::OwnServer;
pub use own_servers::{OwnServers, Server};
pub use poll::{pace, poll_until};
pub use proxy::{Moment, Proxy, Trap};
pub use random::Random;
pub use script::{load_dump, run_script, split_script};
pub use servers::{Servers, unique_name};
pub use socket::process_has_port;
pub use stage::{Stage, StageCommand, built_binary};
