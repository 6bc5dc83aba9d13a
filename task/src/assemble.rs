//! From the file's keys to a [`Task`]: every value is checked against its range, then against the others.

mod columns;
mod keys;
mod log;
mod objects;
mod servers;

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use toml::Spanned;

use crate::Task;
use crate::document::Document;
use crate::error::TaskError;
use crate::expansion::{Surroundings, Text};
use crate::file::{ErrorsTable, FullTable, HttpTable, RetryTable};
use crate::memory::Memory;
use crate::name::{Environment, TaskName};
use crate::phases::{Phase, Phases};
use crate::reader::{Number, Reader};
use crate::settings::{FullLoad, Http, OnBadRow, Retry, default_address};

pub(crate) fn task(document: &Document<'_>, surroundings: &Surroundings<'_>) -> Result<Task, TaskError> {
    let file = document.read()?;
    let reader = &Reader { document, surroundings };
    Ok(Task {
        file: document.file(),
        name: name(reader, file.name.as_ref())?,
        phases: phases(reader, file.phases.as_ref())?,
        environment: environment(reader, file.environment.as_ref())?,
        source: servers::source(reader, file.source.as_ref())?,
        destination: servers::destination(reader, file.destination.as_ref())?,
        log: log::log(reader, file.log.as_ref())?,
        selection: objects::selection(reader, &file)?,
        existing_tables: keys::schema(reader, file.schema.as_ref())?.existing_tables,
        foreign_keys: keys::foreign_keys(file.schema.as_ref()),
        check_constraints: keys::check_constraints(file.schema.as_ref()),
        retry: retry(reader, &file.retry.unwrap_or_default())?,
        on_bad_row: on_bad_row(reader, &file.errors.unwrap_or_default())?,
        full: full_load(reader, &file.full.unwrap_or_default())?,
        memory: memory(reader, file.memory.as_ref())?,
        http: http(reader, &file.http.unwrap_or_default())?,
    })
}

fn name(reader: &Reader<'_>, text: Option<&Text>) -> Result<TaskName, TaskError> {
    let text = text.ok_or_else(|| reader.missing(&(0..0), "name", "the name of the task", "name = \"shop\""))?;
    TaskName::parse(&reader.text("name", text)?).ok_or_else(|| {
        let message = "the name is not of 1 to 64 lower-case letters, digits, \"_\" and \"-\"";
        reader.value(text, "name", message, "it names topics: write for example \"shop-2\"")
    })
}

fn environment(reader: &Reader<'_>, text: Option<&Text>) -> Result<Option<Environment>, TaskError> {
    let Some(text) = text else { return Ok(None) };
    let environment = Environment::parse(&reader.text("environment", text)?);
    environment.map(Some).ok_or_else(|| {
        let message = "the tag is not of 1 to 64 characters without control characters";
        reader.value(text, "environment", message, "write for example \"production\", or leave the key out")
    })
}

fn phases(reader: &Reader<'_>, list: Option<&Spanned<Vec<Text>>>) -> Result<Phases, TaskError> {
    let Some(list) = list else { return Ok(Phases::SchemaFullIncremental) };
    let words = Phase::ALL.map(|phase| (phase.as_str(), phase));
    let phases =
        list.get_ref().iter().map(|text| reader.word("phases", text, &words)).collect::<Result<Vec<_>, _>>()?;
    Phases::of(&phases).ok_or_else(|| {
        let message = "the phases are empty, out of order or repeated";
        reader.contradiction(
            &list.span(),
            "phases",
            message,
            "write some of \"schema\", \"full\", \"incremental\" in this order",
        )
    })
}

fn retry(reader: &Reader<'_>, table: &RetryTable) -> Result<Retry, TaskError> {
    let (connection_key, other_key) = ("retry.connection_minutes", "retry.other_minutes");
    let connection = Number { range: 10..=1440, default: 720, unit: "minutes" };
    let connection = reader.number(connection_key, table.connection_minutes.as_ref(), connection)?;
    // The default gives way to a short window for connections, so that one key alone never contradicts itself.
    let other = Number { range: 1..=1440, default: 10.min(connection - 1), unit: "minutes" };
    let other = reader.number(other_key, table.other_minutes.as_ref(), other)?;
    if other >= connection {
        let span = table.other_minutes.as_ref().map_or(0..0, Spanned::span);
        let message = format!("{other} minutes is not less than the {connection} of \"{connection_key}\"");
        return Err(reader.contradiction(&span, other_key, message, format!("lower it below {connection}")));
    }
    let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes) * 60);
    Ok(Retry { connection: minutes(connection), other: minutes(other) })
}

fn on_bad_row(reader: &Reader<'_>, table: &ErrorsTable) -> Result<OnBadRow, TaskError> {
    let limit_key = "errors.quarantine_limit";
    let limit = Number { range: 1..=100_000, default: 1000, unit: "rows" };
    let limit = reader.number(limit_key, table.quarantine_limit.as_ref(), limit)?;
    let words = [("stop", OnBadRow::Stop), ("quarantine", OnBadRow::Quarantine { limit })];
    let chosen = table.on_bad_row.as_ref().map(|text| reader.word("errors.on_bad_row", text, &words)).transpose()?;
    if let (None | Some(OnBadRow::Stop), Some(number)) = (chosen, &table.quarantine_limit) {
        let message = "there is no quarantine without on_bad_row = \"quarantine\"";
        return Err(reader.contradiction(&number.span(), limit_key, message, "add it, or leave the limit out"));
    }
    Ok(chosen.unwrap_or(OnBadRow::Stop))
}

fn full_load(reader: &Reader<'_>, table: &FullTable) -> Result<FullLoad, TaskError> {
    let chunk_rows = Number { range: 100..=1_000_000, default: 20_000, unit: "rows" };
    let readers = Number { range: 1..=64, default: 2, unit: "connections" };
    Ok(FullLoad {
        chunk_rows: reader.number("full.chunk_rows", table.chunk_rows.as_ref(), chunk_rows)?,
        readers: reader.number("full.readers", table.readers.as_ref(), readers)?,
    })
}

fn memory(reader: &Reader<'_>, value: Option<&Spanned<i64>>) -> Result<Memory, TaskError> {
    let Some(value) = value else { return Ok(Memory::default()) };
    let number = Number { range: Memory::RANGE, default: 0, unit: "MiB" };
    Ok(Memory::of_mebibytes(reader.number("memory", Some(value), number)?))
}

fn http(reader: &Reader<'_>, table: &HttpTable) -> Result<Http, TaskError> {
    let keys = [
        ("http.capture", table.capture.as_ref()),
        ("http.transform", table.transform.as_ref()),
        ("http.apply", table.apply.as_ref()),
    ];
    let mut addresses = [default_address(0), default_address(1), default_address(2)];
    for (place, (key, text)) in keys.iter().enumerate() {
        let Some(text) = text else { continue };
        addresses[place] = address(reader, key, text)?;
        if addresses[place].port() != 0 && addresses[..place].contains(&addresses[place]) {
            let message = format!("two stages listen on \"{}\"", addresses[place]);
            return Err(reader.contradiction(&text.span(), key, message, "give each stage a port of its own, or 0"));
        }
    }
    let token = token(reader, table.token.as_ref())?;
    if let (None, Some(open)) = (&token, addresses.iter().position(|address| !address.ip().is_loopback())) {
        let (key, text) = keys[open];
        let message = "the stage listens beyond loopback, and there is no \"http.token\"";
        let span = text.map_or(0..0, |text| text.span());
        return Err(reader.contradiction(&span, key, message, "add token = \"${MILLRACE_TOKEN}\" to [http]"));
    }
    let [capture, transform, apply] = addresses;
    Ok(Http { capture, transform, apply, token })
}

/// A bearer token (RFC 6750, section 2.1), long enough not to be guessed.
fn token(reader: &Reader<'_>, text: Option<&Text>) -> Result<Option<SecretString>, TaskError> {
    let Some(text) = text else { return Ok(None) };
    let token = reader.text("http.token", text)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !(16..=256).contains(&token.len()) || !token.bytes().all(is_allowed) {
        let message = "the token is not of 16 to 256 letters, digits and \"-._~+/=\"";
        return Err(reader.value(text, "http.token", message, "make one: openssl rand -hex 32"));
    }
    Ok(Some(SecretString::from(token)))
}

fn address(reader: &Reader<'_>, key: &str, text: &Text) -> Result<SocketAddr, TaskError> {
    reader.text(key, text)?.parse().map_err(|_| {
        let message = "the address is not an ip address with a port";
        reader.value(text, key, message, "write for example \"127.0.0.1:9561\"; port 0 picks a free one")
    })
}
