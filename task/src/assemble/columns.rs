//! `columns` of an object.

use std::collections::BTreeMap;

use millrace_model::PgType;
use toml::Spanned;

use super::objects::{bad_pattern, ensure_name_fits};
use crate::error::TaskError;
use crate::expansion::Text;
use crate::file::ColumnsTable;
use crate::glob::Glob;
use crate::object::ObjectSettings;
use crate::reader::Reader;

const TYPES: &str = "boolean, smallint, integer, bigint, numeric(p,s), real, double precision, bit(n), date, timestamp(f), \
                     timestamptz(f), time(f), interval(f), varchar(n), char(n), text, bytea, json, jsonb, real[], uuid, inet";

pub(super) fn settings(reader: &Reader<'_>, columns: &ColumnsTable) -> Result<ObjectSettings, TaskError> {
    let excluded = columns.exclude.iter().flatten().map(|text| pattern(reader, text)).collect::<Result<Vec<_>, _>>()?;
    let mut settings = ObjectSettings { excluded_columns: excluded, ..ObjectSettings::default() };
    for (column, text) in in_file_order(columns.rename.as_ref()) {
        let key = "objects.columns.rename";
        let name = reader.text(key, text)?;
        ensure_name_fits(reader, key, text, &name)?;
        if let Some((other, _)) = settings.column_names.iter().find(|(_, other)| **other == name) {
            let message = format!("columns \"{other}\" and \"{}\" would both be called \"{name}\"", column.get_ref());
            return Err(reader.contradiction(&text.span(), key, message, "give each column a name of its own"));
        }
        let column = source_column(reader, key, column, &settings.excluded_columns)?;
        insert_once(reader, key, column, name, &mut settings.column_names)?;
    }
    types(reader, columns, &mut settings)?;
    Ok(settings)
}

type ByColumn = BTreeMap<Spanned<String>, Text>;

fn in_file_order(written: Option<&ByColumn>) -> Vec<(&Spanned<String>, &Text)> {
    let mut written: Vec<_> = written.into_iter().flatten().collect();
    written.sort_by_key(|(column, _)| column.span().start);
    written
}

fn types(reader: &Reader<'_>, columns: &ColumnsTable, settings: &mut ObjectSettings) -> Result<(), TaskError> {
    let key = "objects.columns.type";
    for (column, text) in in_file_order(columns.r#type.as_ref()) {
        let word = reader.text(key, text)?;
        let ty: PgType = word.parse().map_err(|_| {
            let message = format!("\"{word}\" is not a type of the destination");
            reader.value(text, key, message, format!("write one of {TYPES}"))
        })?;
        let column = source_column(reader, key, column, &settings.excluded_columns)?;
        insert_once(reader, key, column, ty, &mut settings.column_types)?;
    }
    Ok(())
}

fn pattern(reader: &Reader<'_>, text: &Text) -> Result<Glob, TaskError> {
    let key = "objects.columns.exclude";
    Glob::parse(&reader.text(key, text)?).map_err(|problem| bad_pattern(reader, key, text, problem))
}

/// A column's name in lower case, with its place.
type SourceColumn<'c> = (String, &'c Spanned<String>);

fn source_column<'c>(
    reader: &Reader<'_>,
    key: &str,
    column: &'c Spanned<String>,
    excluded: &[Glob],
) -> Result<SourceColumn<'c>, TaskError> {
    let name = column.get_ref().to_lowercase();
    if excluded.iter().any(|glob| glob.to_lowercase().matches(&name)) {
        let message = format!("column \"{}\" does not move: \"columns.exclude\" names it", column.get_ref());
        return Err(reader.contradiction(&column.span(), key, message, "name it in one of the two"));
    }
    Ok((name, column))
}

/// Puts a column's value in. TOML has told equal keys apart already, but not those that differ in case alone.
fn insert_once<V>(
    reader: &Reader<'_>,
    key: &str,
    (name, column): SourceColumn<'_>,
    value: V,
    into: &mut BTreeMap<String, V>,
) -> Result<(), TaskError> {
    if into.insert(name, value).is_none() {
        return Ok(());
    }
    let message =
        format!("column \"{}\" is named twice: the case of a column's name does not matter", column.get_ref());
    Err(reader.contradiction(&column.span(), key, message, "name it once"))
}
