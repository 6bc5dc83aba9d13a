//! Distributed (XA) transactions: prepared, and committed or rolled back some transactions later. Their rows are in the
//! binlog with the PREPARE and take effect at the XA COMMIT; a capture that starts again reads them again.

use std::collections::BTreeSet;

use millrace_model::TableName;
use millrace_model::position::Reading;
use millrace_protocol::ProtocolError;
use millrace_protocol::capture::Capture;

use crate::faults::Settings;
use crate::random::Random;
use crate::source::{Distributed, Event, Source};
use crate::tables::{Kind, kind};
use crate::workload::{keyed, random_key};
use crate::world::Shared;

/// Open ones at most.
const MOST: usize = 3;

/// Prepares one more, or ends one.
pub(crate) fn act(source: &mut Source, settings: &Settings, random: &mut Random) {
    let is_full = source.prepared.len() >= MOST;
    match !source.prepared.is_empty() && (is_full || random.chance(500)) {
        true => end(source, random),
        false => prepare(source, settings, random),
    }
}

/// Ends all that are open.
pub(crate) fn end_all(source: &mut Source, random: &mut Random) {
    while !source.prepared.is_empty() {
        end(source, random);
    }
}

fn prepare(source: &mut Source, settings: &Settings, random: &mut Random) {
    let (locked, mut keys) = source.locks();
    let is_simple = |name: &&TableName| matches!(kind(name), Kind::Single | Kind::Composite);
    let names = source.committed.keys().filter(is_simple).filter(|name| !locked.contains(*name));
    let names: Vec<TableName> = names.cloned().collect();
    let mut events = Vec::new();
    for _ in 0..random.between(1, 3) {
        let Some(table) = names.get(random.below(names.len())) else { return };
        let [key, other] = [(); 2].map(|()| random_key(kind(table), random));
        let both = [(table.clone(), key), (table.clone(), other)];
        if both.iter().any(|key| keys.contains(key)) {
            continue;
        }
        // Each row is locked: what comes later finds the others as they are now.
        keys.extend(both);
        if let Some(change) = keyed(source, settings, random, table, key, other) {
            events.push(Event::Rows { table: table.clone(), changes: vec![change] });
        }
    }
    let number = source.binlog.len() as u64;
    source.prepared.push((number, events));
    source.log(Vec::new(), Distributed::Prepares(number));
}

fn end(source: &mut Source, random: &mut Random) {
    let (number, rows) = source.prepared.remove(random.below(source.prepared.len()));
    let mut events = Vec::new();
    if random.chance(750) {
        rows.into_iter().for_each(|event| source.change(&mut events, event));
    }
    source.log(events, Distributed::Ends(number));
}

/// What a capture that goes on collects first: the rows of what is prepared and not ended. Gives their numbers.
pub(crate) fn collect(machine: &mut Capture, shared: &mut Shared) -> Result<BTreeSet<u64>, ProtocolError> {
    let mut known = BTreeSet::new();
    let Some(mark) = machine.source().cloned() else { return Ok(known) };
    let resume = mark.resume();
    for number in 0..shared.source.binlog.len() {
        let is_again =
            !shared.source.is_delivered(&resume, number) && shared.source.is_delivered(&mark.delivered, number);
        let transaction = shared.source.binlog[number].clone();
        match transaction.distributed {
            Distributed::Prepares(xid) if is_again => {
                shared.coverage.saw("prepared transaction read again");
                known.insert(xid);
                // Without GTIDs the reader collects by itself.
                if matches!(resume, Reading::Gtids(_)) {
                    machine.begin(transaction.transaction.clone())?;
                    machine.prepared(&xid.to_string(), transaction.end.clone());
                }
            }
            Distributed::Ends(xid) if is_again => drop(known.remove(&xid)),
            _ => {}
        }
    }
    Ok(known)
}
