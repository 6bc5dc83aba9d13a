//! `[[objects]]`.

use toml::Spanned;

use crate::error::TaskError;
use crate::expansion::Text;
use crate::file::ObjectTable;
use crate::glob::{Glob, PatternProblem, TablePattern};
use crate::overlap::tables_overlap;
use crate::reader::Reader;
use crate::selection::{ObjectRule, Selection, Tie, is_system_database};

const EXAMPLE: &str = "[[objects]] with table = \"shop.*\"";

type Objects = Vec<Spanned<ObjectTable>>;

pub(super) fn selection(reader: &Reader<'_>, objects: Option<&Spanned<Objects>>) -> Result<Selection, TaskError> {
    let none = |at: usize| reader.missing(&(at..at), "objects", "what moves", EXAMPLE);
    let objects = objects.ok_or_else(|| none(0))?;
    if objects.get_ref().is_empty() {
        return Err(none(objects.span().start));
    }
    let mut rules = Vec::new();
    let mut exclusions = Vec::new();
    for object in objects.get_ref() {
        rules.push(rule(reader, object, &mut exclusions)?);
    }
    Selection::new(rules, exclusions).map_err(|tie| ambiguous(reader, objects.get_ref(), &tie))
}

fn rule(
    reader: &Reader<'_>,
    object: &Spanned<ObjectTable>,
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
    let columns = object_table.columns.as_ref().and_then(|columns| columns.exclude.as_ref());
    let columns = columns.into_iter().flatten().map(|text| column(reader, text)).collect::<Result<_, _>>()?;
    Ok(ObjectRule::new(pattern, columns))
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

fn column(reader: &Reader<'_>, text: &Text) -> Result<Glob, TaskError> {
    let key = "objects.columns.exclude";
    Glob::parse(&reader.text(key, text)?).map_err(|problem| bad_pattern(reader, key, text, problem))
}

fn bad_pattern(reader: &Reader<'_>, key: &str, text: &Text, problem: PatternProblem) -> TaskError {
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
        (message, "make one of them more specific, or give them the same columns")
    };
    reader.contradiction(&span, "objects.table", message, hint)
}
