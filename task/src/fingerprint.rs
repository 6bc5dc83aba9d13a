//! The fingerprint of what decides content and route. The canonical form is a list of fields, each with its length
//! before it, so that no two tasks share one by running fields together; rules and exclusions are in the order that
//! [`Selection`](crate::Selection) sorts them into. A key added later joins the form only where it differs from its default, so that
//! a new version of Millrace keeps the fingerprints of running tasks.

use millrace_model::schema::Storage;
use xxhash_rust::xxh3::xxh3_128;

use crate::Task;
use crate::object::{
    DistributedBy, ExistingTables, Extra, NameCase, NameQuotes, ObjectSettings, OnTypeChange, Rename, RouteChoice,
};
use crate::operations::Operations;
use crate::policy::{TypeProfile, ValuePolicies};

/// Names the form.
const VERSION: &str = "millrace task fingerprint 1";

pub(crate) fn of(task: &Task) -> [u8; 16] {
    xxh3_128(&canonical(task)).to_be_bytes()
}

fn canonical(task: &Task) -> Vec<u8> {
    let mut form = Vec::new();
    let mut put = |field: &str| {
        form.extend_from_slice(&(field.len() as u64).to_be_bytes());
        form.extend_from_slice(field.as_bytes());
    };
    put(VERSION);
    put(task.name.as_str());
    put(&task.phases.list().iter().map(|phase| phase.as_str()).collect::<Vec<_>>().join(","));
    put(&task.log.partitions.to_string());
    for rule in task.selection.rules() {
        put("rule");
        put(&rule.pattern().to_string());
        put_settings(&mut put, rule.settings());
    }
    for exclusion in task.selection.exclusions() {
        put("exclude");
        put(&exclusion.to_string());
    }
    if let Some(helpers) = task.selection.other_helpers() {
        put("helpers");
        put(&helpers.len().to_string());
        helpers.iter().for_each(|helper| put(&helper.to_string()));
    }
    form
}

fn put_settings(mut put: &mut impl FnMut(&str), settings: &ObjectSettings) {
    for column in &settings.excluded_columns {
        put("exclude column");
        put(&column.to_string());
    }
    match &settings.rename {
        Rename::Keep => {}
        Rename::Database(database) => ["rename database", database].into_iter().for_each(&mut put),
        Rename::Table(name) => ["rename table", &name.database, &name.table].into_iter().for_each(&mut put),
    }
    for (column, name) in &settings.column_names {
        ["rename column", column, name].into_iter().for_each(&mut put);
    }
    for (column, ty) in &settings.column_types {
        ["type of column", column, &ty.to_string()].into_iter().for_each(&mut put);
    }
    if settings.operations != Operations::ALL {
        ["operations", &settings.operations.to_string()].into_iter().for_each(&mut put);
    }
    for column in settings.primary_key.iter().flatten() {
        ["primary key", column].into_iter().for_each(&mut *put);
    }
    match &settings.distributed_by {
        DistributedBy::Key => {}
        DistributedBy::Replicated => put("distributed replicated"),
        DistributedBy::Randomly => put("distributed randomly"),
        DistributedBy::Columns(columns) => {
            put("distributed by");
            columns.iter().for_each(|column| put(column));
        }
    }
    match settings.storage {
        Storage::Usual => {}
        Storage::Heap => put("storage heap"),
        Storage::Beam => put("storage beam"),
    }
    if settings.route == RouteChoice::Table {
        put("route table");
    }
    let schema = &settings.schema;
    for (is_set, field) in [
        (schema.existing_tables == ExistingTables::Ignore, "existing tables ignored"),
        (schema.names == NameCase::Lower, "names lower"),
        (schema.quote == NameQuotes::Needed, "names quoted where needed"),
        (schema.quote == NameQuotes::Never, "names never quoted"),
        (schema.indexes == Extra::LeftOut, "without indexes"),
        (schema.comments == Extra::LeftOut, "without comments"),
        (schema.on_type_change == OnTypeChange::Stop, "stops on a change of type"),
        (schema.types == TypeProfile::Dts, "types of dts"),
    ] {
        if is_set {
            put(field);
        }
    }
    put_policies(&mut put, schema.values);
    if let Some(condition) = &settings.condition {
        ["where", condition.text()].into_iter().for_each(put);
    }
}

fn put_policies(put: &mut impl FnMut(&str), values: ValuePolicies) {
    let usual = ValuePolicies::default();
    let fields = [
        ("zero dates", values.zero_dates.as_str(), usual.zero_dates.as_str()),
        ("invalid dates", values.invalid_dates.as_str(), usual.invalid_dates.as_str()),
        ("nul characters", values.nul_characters.as_str(), usual.nul_characters.as_str()),
        ("invalid text", values.invalid_text.as_str(), usual.invalid_text.as_str()),
    ];
    for (name, word, _) in fields.into_iter().filter(|(_, word, usual)| word != usual) {
        [name, word].into_iter().for_each(&mut *put);
    }
}
