//! What the application does to the source: random transactions over few keys, so that they collide often.

use std::collections::BTreeSet;

use millrace_model::TableName;
use millrace_model::batch::RowChange;

use crate::distributed;
use crate::faults::Settings;
use crate::random::Random;
use crate::source::{Event, Naming, Source};
use crate::tables::{KINDS, Key, Kind, Value, kind, name, row};

const KEYS: i64 = 12;

/// The tables and rows that are there before the task begins.
pub(crate) fn prepare(source: &mut Source, settings: &Settings, random: &mut Random) {
    for number in 0..settings.tables {
        let kind = settings.kinds[random.below(settings.kinds.len())];
        let mut events = Vec::new();
        source.change(&mut events, Event::Create(name(kind, number)));
        source.commit(events);
    }
    for _ in 0..settings.initial_transactions {
        transaction(source, settings, random, 3);
    }
    for number in source.invisible() {
        source.show(number);
    }
}

/// One more transaction of any kind.
pub(crate) fn commit(source: &mut Source, settings: &Settings, random: &mut Random) {
    if settings.ddl && random.chance(60) {
        return change_schema(source, random);
    }
    if random.chance(settings.distributed) {
        return distributed::act(source, settings, random);
    }
    let operations = match random.below(100) {
        0..6 => 0,
        6..12 => random.between(10, settings.huge.max(10)),
        _ => random.between(1, 4),
    };
    transaction(source, settings, random, operations);
}

/// A transaction that was committed becomes visible.
pub(crate) fn show(source: &mut Source, settings: &Settings, random: &mut Random) -> bool {
    let invisible = source.invisible();
    let number = match source.naming == Naming::Gtids && settings.shown_out_of_order {
        true => random.pick(&invisible),
        false => invisible.first().copied(),
    };
    if let Some(number) = number {
        source.show(number);
    }
    number.is_some()
}

fn transaction(source: &mut Source, settings: &Settings, random: &mut Random, operations: usize) {
    let (locked, keys) = source.locks();
    let names: Vec<TableName> = source.committed.keys().filter(|name| !locked.contains(*name)).cloned().collect();
    let mut events = Vec::new();
    if !names.is_empty() {
        let mut table = &names[random.below(names.len())];
        for _ in 0..operations {
            if random.chance(300) {
                table = &names[random.below(names.len())];
            }
            operation(source, settings, random, table, &keys, &mut events);
        }
    }
    source.commit(events);
}

fn operation(
    source: &mut Source,
    settings: &Settings,
    random: &mut Random,
    table: &TableName,
    locked: &BTreeSet<(TableName, Key)>,
    events: &mut Vec<Event>,
) {
    let kind = kind(table);
    let change = match kind {
        Kind::Keyless => keyless(source, random, table),
        _ => {
            let key = random_key(kind, random);
            let other = random_key(kind, random);
            let is_locked = |key: Key| locked.contains(&(table.clone(), key));
            if is_locked(key) || is_locked(other) {
                return;
            }
            keyed(source, settings, random, table, key, other)
        }
    };
    if let Some(change) = change {
        source.change(events, Event::Rows { table: table.clone(), changes: vec![change] });
    }
}

pub(crate) fn random_key(kind: Kind, random: &mut Random) -> Key {
    match kind {
        Kind::Composite => [random.below(4) as i64, random.below(3) as i64],
        _ => [random.below(KEYS as usize) as i64, 0],
    }
}

pub(crate) fn keyed(
    source: &mut Source,
    settings: &Settings,
    random: &mut Random,
    table: &TableName,
    key: Key,
    other: Key,
) -> Option<RowChange> {
    let kind = kind(table);
    let rows = &source.committed[table];
    let taken: BTreeSet<i64> = rows.values().map(|value| value.unique).collect();
    let free: Vec<i64> = (1..KEYS + 3).filter(|code| !taken.contains(code)).collect();
    let unique = if kind == Kind::SecondUnique { random.pick(&free)? } else { 0 };
    let present = rows.get(&key).copied();
    let is_free = !rows.contains_key(&other);
    source.version += 1;
    let new = Value { unique, version: source.version, count: 1 };
    Some(match present {
        None => RowChange::Insert(row(kind, key, new)),
        Some(old) if random.chance(250) => RowChange::Delete(row(kind, key, old)),
        Some(old) if settings.key_changes && is_free && random.chance(250) => {
            RowChange::Update { before: row(kind, key, old), after: row(kind, other, new) }
        }
        Some(old) => RowChange::Update { before: row(kind, key, old), after: row(kind, key, new) },
    })
}

fn keyless(source: &Source, random: &mut Random, table: &TableName) -> Option<RowChange> {
    let nothing = Value { unique: 0, version: 0, count: 1 };
    let any = |random: &mut Random| [random.below(4) as i64, random.below(3) as i64];
    let keys: Vec<Key> = source.committed[table].keys().copied().collect();
    let image = |key| row(Kind::Keyless, key, nothing);
    Some(match (random.pick(&keys), random.below(3)) {
        (Some(key), 0) => RowChange::Delete(image(key)),
        // The first column stays: a filter looks at it.
        (Some(key), 1) => RowChange::Update { before: image(key), after: image([key[0], any(random)[1]]) },
        _ => RowChange::Insert(image(any(random))),
    })
}

fn change_schema(source: &mut Source, random: &mut Random) {
    let (locked, keys) = source.locks();
    let is_locked = |name: &TableName| locked.contains(name) || keys.iter().any(|(table, _)| table == name);
    let free: Vec<TableName> = source.committed.keys().filter(|name| !is_locked(name)).cloned().collect();
    let mut events = Vec::new();
    match (random.below(5), free.get(random.below(free.len()))) {
        (0, Some(table)) => source.change(&mut events, Event::Truncate(table.clone())),
        (1, Some(table)) if source.committed.len() > 2 => source.change(&mut events, Event::Drop(table.clone())),
        (2 | 3, Some(table)) if source.shapes[table] < 4 => source.change(&mut events, Event::Alter(table.clone())),
        _ => {
            let table = name(KINDS[random.below(4)], random.below(6));
            if source.committed.contains_key(&table) || is_locked(&table) || source.committed.len() >= 7 {
                return;
            }
            source.change(&mut events, Event::Create(table.clone()));
            // CREATE TABLE ... SELECT: the rows are in the transaction that creates the table.
            if random.chance(400) {
                let rows = random.between(1, 12) as i64;
                for i in 0..rows {
                    source.version += 1;
                    let kind = kind(&table);
                    let version = if kind == Kind::Keyless { 0 } else { source.version };
                    let unique = if kind == Kind::SecondUnique { i + 1 } else { 0 };
                    let key = if kind == Kind::Composite || kind == Kind::Keyless { [i / 3, i % 3] } else { [i, 0] };
                    let image = row(kind, key, Value { unique, version, count: 1 });
                    source.change(
                        &mut events,
                        Event::Rows { table: table.clone(), changes: vec![RowChange::Insert(image)] },
                    );
                }
            }
        }
    }
    source.commit(events);
}
