//! What an object says of keys, placement and routes, and what `[schema]` says for all.

use millrace_model::schema::Storage;
use toml::Spanned;

use crate::error::TaskError;
use crate::expansion::Text;
use crate::file::{DistributedBy as Written, ObjectTable, SchemaTable};
use crate::glob::Glob;
use crate::object::{
    CheckConstraints, DistributedBy, ExistingTables, Extra, ForeignKeys, NameCase, NameQuotes, ObjectSettings,
    OnTypeChange, RouteChoice, SchemaSettings,
};
use crate::policy::{InsteadOfDate, InvalidText, NulCharacters, TypeProfile};
use crate::reader::Reader;
use crate::selection::usual_helpers;

pub(super) fn settings(
    reader: &Reader<'_>,
    object: &ObjectTable,
    settings: &mut ObjectSettings,
) -> Result<(), TaskError> {
    if let Some(list) = &object.primary_key {
        settings.primary_key = Some(primary_key(reader, list, settings)?);
    }
    if let Some(written) = &object.distributed_by {
        settings.distributed_by = distributed_by(reader, written, settings.primary_key.as_deref())?;
    }
    if let Some(text) = &object.storage {
        let words = [("heap", Storage::Heap), ("beam", Storage::Beam)];
        settings.storage = reader.word("objects.storage", text, &words)?;
    }
    if let Some(text) = &object.route {
        let words = [("auto", RouteChoice::Auto), ("table", RouteChoice::Table)];
        settings.route = reader.word("objects.route", text, &words)?;
    }
    Ok(())
}

/// `[schema]`.
pub(super) fn schema(reader: &Reader<'_>, table: Option<&SchemaTable>) -> Result<SchemaSettings, TaskError> {
    let Some(table) = table else { return Ok(SchemaSettings::default()) };
    let mut settings = SchemaSettings::default();
    if let Some(text) = &table.existing_tables {
        let words = [("report", ExistingTables::Report), ("ignore", ExistingTables::Ignore)];
        settings.existing_tables = reader.word("schema.existing_tables", text, &words)?;
    }
    if let Some(text) = &table.names {
        settings.names = reader.word("schema.names", text, &[("keep", NameCase::Keep), ("lower", NameCase::Lower)])?;
    }
    if let Some(text) = &table.quote {
        let words = [("always", NameQuotes::Always), ("needed", NameQuotes::Needed), ("never", NameQuotes::Never)];
        settings.quote = reader.word("schema.quote", text, &words)?;
    }
    if let Some(text) = &table.on_type_change {
        let words = [("migrate", OnTypeChange::Migrate), ("stop", OnTypeChange::Stop)];
        settings.on_type_change = reader.word("schema.on_type_change", text, &words)?;
    }
    if let Some(text) = &table.types {
        let words = [("lossless", TypeProfile::Lossless), ("dts", TypeProfile::Dts)];
        settings.types = reader.word("schema.types", text, &words)?;
    }
    if let Some(text) = &table.zero_dates {
        settings.values.zero_dates = reader.word("schema.zero_dates", text, &InsteadOfDate::WORDS)?;
    }
    if let Some(text) = &table.invalid_dates {
        settings.values.invalid_dates = reader.word("schema.invalid_dates", text, &InsteadOfDate::WORDS)?;
    }
    if let Some(text) = &table.nul_characters {
        settings.values.nul_characters = reader.word("schema.nul_characters", text, &NulCharacters::WORDS)?;
    }
    if let Some(text) = &table.invalid_text {
        settings.values.invalid_text = reader.word("schema.invalid_text", text, &InvalidText::WORDS)?;
    }
    let extra = |made: Option<bool>| if made == Some(false) { Extra::LeftOut } else { Extra::Made };
    (settings.indexes, settings.comments) = (extra(table.indexes), extra(table.comments));
    Ok(settings)
}

/// `schema.foreign_keys`.
pub(super) fn foreign_keys(table: Option<&SchemaTable>) -> ForeignKeys {
    match table.and_then(|table| table.foreign_keys) {
        Some(true) => ForeignKeys::AtCutOver,
        Some(false) | None => ForeignKeys::LeftOut,
    }
}

/// `schema.check_constraints`.
pub(super) fn check_constraints(table: Option<&SchemaTable>) -> CheckConstraints {
    match table.and_then(|table| table.check_constraints) {
        Some(true) | None => CheckConstraints::AtCutOver,
        Some(false) => CheckConstraints::LeftOut,
    }
}

/// `schema.helper_tables`; what gh-ost and pt-online-schema-change make without it.
pub(super) fn helper_tables(reader: &Reader<'_>, table: Option<&SchemaTable>) -> Result<Vec<Glob>, TaskError> {
    let Some(list) = table.and_then(|table| table.helper_tables.as_ref()) else {
        return Ok(usual_helpers());
    };
    let key = "schema.helper_tables";
    let pattern = |text: &Text| {
        Glob::parse(&reader.text(key, text)?).map_err(|_| {
            let message = "the pattern of a table's name is not understood";
            reader.value(text, key, message, "write for example \"_*_gho\", without a database")
        })
    };
    list.iter().map(pattern).collect()
}

fn primary_key(
    reader: &Reader<'_>,
    list: &Spanned<Vec<Text>>,
    settings: &ObjectSettings,
) -> Result<Vec<String>, TaskError> {
    let key = "objects.primary_key";
    let mut columns: Vec<String> = Vec::new();
    for text in list.get_ref() {
        let column = reader.text(key, text)?.to_lowercase();
        if settings.excluded_columns.iter().any(|glob| glob.to_lowercase().matches(&column)) {
            let message = format!("column \"{column}\" does not move: \"columns.exclude\" names it");
            return Err(reader.value(text, key, message, "name it in one of the two"));
        }
        if columns.contains(&column) {
            return Err(reader.value(text, key, format!("column \"{column}\" is named twice"), "name it once"));
        }
        columns.push(column);
    }
    match columns.is_empty() {
        false => Ok(columns),
        true => {
            let hint = "name the columns of the key, or leave the key out for the source's";
            Err(reader.contradiction(&list.span(), key, "the primary key has no columns", hint))
        }
    }
}

fn distributed_by(
    reader: &Reader<'_>,
    written: &Spanned<Written>,
    primary_key: Option<&[String]>,
) -> Result<DistributedBy, TaskError> {
    let key = "objects.distributed_by";
    let refused = |message: String, hint: &str| Err(reader.contradiction(&written.span(), key, message, hint));
    match written.get_ref() {
        Written::Word(word) if word == "replicated" => Ok(DistributedBy::Replicated),
        Written::Word(word) if word == "randomly" && primary_key.is_none() => Ok(DistributedBy::Randomly),
        Written::Word(word) if word == "randomly" => refused(
            "a table with \"primary_key\" cannot be distributed randomly".to_owned(),
            "leave one of the two out: no segment could see whether another has a row of the same key",
        ),
        Written::Word(_) => refused(
            "unknown word, expected an array of columns, \"replicated\" or \"randomly\"".to_owned(),
            "write columns of the primary key, \"replicated\", or \"randomly\" for tables without a key",
        ),
        Written::Columns(columns) if columns.is_empty() => {
            refused("the distribution key has no columns".to_owned(), "leave the key out: then it is the primary key")
        }
        Written::Columns(columns) => {
            let columns: Vec<String> = columns.iter().map(|column| column.to_lowercase()).collect();
            match columns.iter().find(|column| primary_key.is_some_and(|key| !key.contains(column))) {
                Some(other) => refused(
                    format!("column \"{other}\" is not one of \"primary_key\""),
                    "distribute by columns of the primary key: others could not keep it unique",
                ),
                None => Ok(DistributedBy::Columns(columns)),
            }
        }
    }
}
