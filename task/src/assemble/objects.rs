//! `[[objects]]`.

use millrace_model::TableName;
use millrace_model::plain_name::{is_plain_name, plain_name_like};
use toml::Spanned;

use super::{columns, keys};
use crate::condition::{Condition, ConditionProblem};
use crate::error::TaskError;
use crate::expansion::Text;
use crate::file::{ObjectTable, TaskFile};
use crate::glob::{PatternProblem, TablePattern};
use crate::object::{NameQuotes, ObjectRule, ObjectSettings, Rename};
use crate::operations::{Operation, Operations};
use crate::overlap::tables_overlap;
use crate::reader::Reader;
use crate::selection::{Selection, Tie, is_system_database};

const EXAMPLE: &str = "[[objects]] with table = \"shop.*\"";

type Objects = Vec<Spanned<ObjectTable>>;

pub(super) fn selection(reader: &Reader<'_>, file: &TaskFile) -> Result<Selection, TaskError> {
    let schema = keys::schema(reader, file.schema.as_ref())?;
    let usual = operations(reader, "operations", file.operations.as_ref())?.unwrap_or_default();
    let none = |at: usize| reader.missing(&(at..at), "objects", "what moves", EXAMPLE);
    let objects = file.objects.as_ref().ok_or_else(|| none(0))?;
    if objects.get_ref().is_empty() {
        return Err(none(objects.span().start));
    }
    let mut rules = Vec::new();
    let mut exclusions = Vec::new();
    for object in objects.get_ref() {
        let rule = rule(reader, object, usual, &mut exclusions)?.with_schema(schema);
        if schema.quote == NameQuotes::Never {
            ensure_new_names_need_no_quotes(reader, object.get_ref())?;
        }
        rules.push(rule);
    }
    let helpers = keys::helper_tables(reader, file.schema.as_ref())?;
    Selection::new(rules, exclusions, helpers).map_err(|tie| ambiguous(reader, objects.get_ref(), &tie))
}

fn rule(
    reader: &Reader<'_>,
    object: &Spanned<ObjectTable>,
    usual: Operations,
    exclusions: &mut Vec<TablePattern>,
) -> Result<ObjectRule, TaskError> {
    let object_table = object.get_ref();
    let table = object_table.table.as_ref();
    let table =
        table.ok_or_else(|| reader.missing(&object.span(), "objects.table", "the tables of this rule", EXAMPLE))?;
    let pattern = table_pattern(reader, "objects.table", table)?;
    for text in object_table.exclude.iter().flatten() {
        exclusions.push(exclusion(reader, text, &pattern)?);
    }
    let mut settings = match &object_table.columns {
        Some(columns) => columns::settings(reader, columns)?,
        None => ObjectSettings::default(),
    };
    if let Some(text) = &object_table.rename {
        settings.rename = rename(reader, text, &pattern)?;
    }
    let own = operations(reader, "objects.operations", object_table.operations.as_ref())?;
    settings.operations = own.unwrap_or(usual);
    keys::settings(reader, object_table, &mut settings)?;
    if let Some(text) = &object_table.r#where {
        let condition = Condition::parse(&reader.text("objects.where", text)?);
        let refused =
            |problem: ConditionProblem| reader.value(text, "objects.where", problem.to_string(), problem.hint);
        settings.condition = Some(condition.map_err(refused)?);
    }
    Ok(ObjectRule::new(pattern, settings))
}

fn operations(
    reader: &Reader<'_>,
    key: &str,
    list: Option<&Spanned<Vec<Text>>>,
) -> Result<Option<Operations>, TaskError> {
    let Some(list) = list else { return Ok(None) };
    let words = Operation::ALL.map(|operation| (operation.as_str(), operation));
    let named = list.get_ref().iter().map(|text| reader.word(key, text, &words)).collect::<Result<Vec<_>, _>>()?;
    Operations::of(&named).map(Some).ok_or_else(|| {
        let hint = "name each operation once; to replicate none, leave \"incremental\" out of the phases";
        reader.contradiction(&list.span(), key, "the operations are empty or repeated", hint)
    })
}

/// `database.*` for any rule, `database.table` for a rule of one table.
fn rename(reader: &Reader<'_>, text: &Text, pattern: &TablePattern) -> Result<Rename, TaskError> {
    let key = "objects.rename";
    let name =
        TablePattern::parse(&reader.text(key, text)?).map_err(|problem| bad_pattern(reader, key, text, problem))?;
    let is_glob = pattern.database.literal().is_none() || pattern.table.literal().is_none();
    match (name.database.literal(), name.table.literal()) {
        (Some(database), Some(_)) if is_glob => {
            let message = format!("\"{pattern}\" can match several tables, which cannot all be called \"{name}\"");
            let hint = format!("write \"{database}.*\" to keep their names, or give each table a rule of its own");
            Err(reader.contradiction(&text.span(), key, message, hint))
        }
        (Some(database), Some(table)) => {
            ensure_name_fits(reader, key, text, database)?;
            ensure_name_fits(reader, key, text, table)?;
            Ok(Rename::Table(TableName::new(database, table)))
        }
        (Some(database), None) if name.table.to_string() == "*" => {
            ensure_name_fits(reader, key, text, database)?;
            Ok(Rename::Database(database.to_owned()))
        }
        _ => {
            let message = "the new name is neither database.table nor database.*";
            let hint = "write for example \"sales.orders\" for one table, or \"sales.*\" for all of the rule";
            Err(reader.value(text, key, message, hint))
        }
    }
}

/// The new names of a rule where names are not quoted.
fn ensure_new_names_need_no_quotes(reader: &Reader<'_>, object: &ObjectTable) -> Result<(), TaskError> {
    if let Some(text) = &object.rename {
        let key = "objects.rename";
        let name =
            TablePattern::parse(&reader.text(key, text)?).map_err(|problem| bad_pattern(reader, key, text, problem))?;
        for name in [name.database.literal(), name.table.literal()].into_iter().flatten() {
            ensure_name_needs_no_quotes(reader, key, text, name)?;
        }
    }
    for text in object.columns.iter().flat_map(|columns| columns.rename.iter().flatten()).map(|(_, text)| text) {
        let key = "objects.columns.rename";
        ensure_name_needs_no_quotes(reader, key, text, &reader.text(key, text)?)?;
    }
    Ok(())
}

fn ensure_name_needs_no_quotes(reader: &Reader<'_>, key: &str, text: &Text, name: &str) -> Result<(), TaskError> {
    if is_plain_name(name) {
        return Ok(());
    }
    let message = format!("the new name \"{name}\" has to be quoted, and \"schema.quote\" is \"never\"");
    let hint = format!("write for example \"{}\"", plain_name_like(name));
    Err(reader.contradiction(&text.span(), key, message, hint))
}

/// Longest name in the destination, in bytes (PostgreSQL manual, 4.1.1).
const NAME_BYTES: usize = 63;

/// PostgreSQL would cut a longer name, which can make two names one.
pub(super) fn ensure_name_fits(reader: &Reader<'_>, key: &str, text: &Text, name: &str) -> Result<(), TaskError> {
    let problem = match name {
        "" => "is empty",
        _ if name.contains('\0') => "holds a NUL character",
        _ if name.len() > NAME_BYTES => "is longer than 63 bytes",
        _ => return Ok(()),
    };
    Err(reader.value(text, key, format!("the new name {problem}"), "write a name of 1 to 63 bytes"))
}

fn exclusion(reader: &Reader<'_>, text: &Text, rule: &TablePattern) -> Result<TablePattern, TaskError> {
    let key = "objects.exclude";
    let excluded = table_pattern(reader, key, text)?;
    if !tables_overlap(&excluded, rule) {
        let message = format!("\"{excluded}\" excludes nothing of \"{rule}\"");
        return Err(reader.contradiction(&text.span(), key, message, "exclude some of the rule's own tables"));
    }
    if excluded.specificity() < rule.specificity() || excluded == *rule {
        let message = format!("\"{excluded}\" is not more specific than \"{rule}\", from which it excludes");
        return Err(reader.contradiction(&text.span(), key, message, "the most specific pattern wins: name less"));
    }
    Ok(excluded)
}

fn table_pattern(reader: &Reader<'_>, key: &str, text: &Text) -> Result<TablePattern, TaskError> {
    let pattern =
        TablePattern::parse(&reader.text(key, text)?).map_err(|problem| bad_pattern(reader, key, text, problem))?;
    match pattern.database.literal() {
        Some(database) if is_system_database(database) => {
            let message = format!("\"{database}\" is the server's own database and never moves");
            Err(reader.value(
                text,
                key,
                message,
                "name other databases; globs leave the server's own out by themselves",
            ))
        }
        _ => Ok(pattern),
    }
}

pub(super) fn bad_pattern(reader: &Reader<'_>, key: &str, text: &Text, problem: PatternProblem) -> TaskError {
    let hint = match problem {
        PatternProblem::NotTwoNames => {
            "write for example \"shop.orders\" or \"shop.*\"; a dot within a name stands in backquotes"
        }
        PatternProblem::EmptyName => "write * for every name",
        PatternProblem::OpenQuote => "write two backquotes for one within backquotes",
        PatternProblem::Backslash | PatternProblem::WhiteSpace => {
            "put the name in backquotes: there every character stands for itself"
        }
    };
    reader.value(text, key, problem.to_string(), hint)
}

fn ambiguous(reader: &Reader<'_>, objects: &Objects, tie: &Tie) -> TaskError {
    let pattern = |place: usize| objects[place].get_ref().table.as_ref();
    let shown =
        |place: usize| pattern(place).and_then(|text| reader.text("objects.table", text).ok()).unwrap_or_default();
    let span = pattern(tie.later).map_or(0..0, Text::span);
    let (earlier, later) = (shown(tie.earlier), shown(tie.later));
    let (message, hint) = if earlier == later {
        (format!("\"{later}\" has two rules"), "make one of them")
    } else {
        let message = format!("\"{earlier}\" and \"{later}\" are equally specific and can match the same table");
        (message, "make one of them more specific, or give them the same settings")
    };
    reader.contradiction(&span, "objects.table", message, hint)
}
