//! `[source]`, `[destination]` and their `tls`.

use std::ops::Range;

use toml::Spanned;

use crate::connection::{Destination, HiddenCascades, Server, Source};
use crate::error::TaskError;
use crate::expansion::Text;
use crate::file::{ServerTable, SourceTable, TlsTable};
use crate::reader::Reader;
use crate::tls::{ClientIdentity, Mode, Tls, Verification};
use crate::url::{UrlParts, parse};

const MYSQL_PORT: u16 = 3306;
const POSTGRES_PORT: u16 = 5432;

/// What differs between the two tables.
struct Side {
    table: &'static str,
    url_key: &'static str,
    tls_key: &'static str,
    schemes: &'static [&'static str],
    /// What follows the port.
    path: &'static str,
    what: &'static str,
    example: &'static str,
}

const SOURCE: Side = Side {
    table: "source",
    url_key: "source.url",
    tls_key: "source.tls",
    schemes: &["mysql"],
    path: "",
    what: "the MySQL server that is read",
    example: "[source] with url = \"mysql://USER:${SOURCE_PASSWORD}@HOST:3306\"",
};

const DESTINATION: Side = Side {
    table: "destination",
    url_key: "destination.url",
    tls_key: "destination.tls",
    schemes: &["postgres", "postgresql"],
    path: "/DATABASE",
    what: "the database that is written",
    example: "[destination] with url = \"postgres://USER:${DESTINATION_PASSWORD}@HOST:5432/DATABASE\"",
};

pub(super) fn source(reader: &Reader<'_>, table: Option<&Spanned<SourceTable>>) -> Result<Source, TaskError> {
    let url = table.map(|table| (table.span(), table.get_ref().url.as_ref()));
    let (url, parts) = server(reader, &SOURCE, url)?;
    let server = source_server(reader, SOURCE.url_key, url, parts)?;
    let table = table.map(Spanned::get_ref);
    let tls = tls(reader, &SOURCE, table.and_then(|table| table.tls.as_ref()), &server)?;
    let failover = table.and_then(|table| table.failover.as_ref()).map_or(&[][..], |list| list.get_ref());
    let failover = failover.iter().map(|url| failover_server(reader, url, &server)).collect::<Result<_, _>>()?;
    let words = [("refuse", HiddenCascades::Refuse), ("accept", HiddenCascades::Accept)];
    let chosen = table.and_then(|table| table.hidden_cascades.as_ref());
    let chosen = chosen.map(|text| reader.word("source.hidden_cascades", text, &words)).transpose()?;
    Ok(Source { server, failover, hidden_cascades: chosen.unwrap_or_default(), tls })
}

fn source_server(reader: &Reader<'_>, key: &str, url: &Text, parts: UrlParts) -> Result<Server, TaskError> {
    if !parts.database.is_empty() {
        let hint = "leave out what follows the port: [[objects]] says which databases move";
        return Err(reader.value(url, key, "the url names a database", hint));
    }
    Ok(Server::of(parts, MYSQL_PORT))
}

/// A server to go on from has the tls of the source, so it may not be less protected than that by being elsewhere.
fn failover_server(reader: &Reader<'_>, url: &Text, first: &Server) -> Result<Server, TaskError> {
    let key = "source.failover";
    let parts = parts_of(reader, &SOURCE, key, url)?;
    let server = source_server(reader, key, url, parts)?;
    if first.is_loopback() && !server.is_loopback() {
        let hint = "write the source by its name or address as others reach it, too";
        return Err(reader.value(url, key, "the source is on this machine, but this server is not", hint));
    }
    Ok(server)
}

pub(super) fn destination(reader: &Reader<'_>, table: Option<&Spanned<ServerTable>>) -> Result<Destination, TaskError> {
    let url = table.map(|table| (table.span(), table.get_ref().url.as_ref()));
    let (url, mut parts) = server(reader, &DESTINATION, url)?;
    let database = std::mem::take(&mut parts.database);
    if database.is_empty() {
        let hint = "write postgres://USER:PASSWORD@HOST:PORT/DATABASE";
        return Err(reader.value(url, DESTINATION.url_key, "the url names no database", hint));
    }
    let server = Server::of(parts, POSTGRES_PORT);
    let tls = tls(reader, &DESTINATION, table.and_then(|table| table.get_ref().tls.as_ref()), &server)?;
    Ok(Destination { server, database, tls })
}

/// The url of a table, of which its place in the file and its url are given.
fn server<'a>(
    reader: &Reader<'_>,
    side: &Side,
    table: Option<(Range<usize>, Option<&'a Text>)>,
) -> Result<(&'a Text, UrlParts), TaskError> {
    let (span, url) = table.ok_or_else(|| reader.missing(&(0..0), side.table, side.what, side.example))?;
    let url = url.ok_or_else(|| reader.missing(&span, side.url_key, side.what, side.example))?;
    Ok((url, parts_of(reader, side, side.url_key, url)?))
}

fn parts_of(reader: &Reader<'_>, side: &Side, key: &str, url: &Text) -> Result<UrlParts, TaskError> {
    let parts = parse(&reader.url(key, url)?).map_err(|(message, hint)| reader.value(url, key, message, hint))?;
    if !side.schemes.contains(&parts.scheme.as_str()) {
        let scheme = side.schemes[0];
        let message = format!("the url does not begin with {scheme}://");
        return Err(reader.value(url, key, message, format!("write {scheme}://USER:PASSWORD@HOST:PORT{}", side.path)));
    }
    Ok(parts)
}

fn tls(reader: &Reader<'_>, side: &Side, table: Option<&Spanned<TlsTable>>, server: &Server) -> Result<Tls, TaskError> {
    let Some(spanned) = table else { return Ok(default_tls(server)) };
    let table = spanned.get_ref();
    let key = |name: &str| format!("{}.{name}", side.tls_key);
    let ca = reader.path(&key("ca"), table.ca.as_ref())?;
    let cert = reader.path(&key("cert"), table.cert.as_ref())?;
    let private_key = reader.path(&key("key"), table.key.as_ref())?;
    let names_files = ca.is_some() || cert.is_some() || private_key.is_some();
    let mode = match &table.mode {
        Some(word) => reader.word(&key("mode"), word, &Mode::ALL.map(|mode| (mode.as_str(), mode)))?,
        None if server.is_loopback() && !names_files => Mode::Disabled,
        None => Mode::VerifyFull,
    };
    let client = match (cert, private_key) {
        (Some(cert), Some(key)) => Some(ClientIdentity { cert, key }),
        (None, None) => None,
        _ => {
            let message = "\"cert\" and \"key\" are given one without the other";
            return Err(reader.contradiction(&spanned.span(), side.tls_key, message, "give both, or neither"));
        }
    };
    let useless = |what: &str| {
        let message = format!("{what} has no effect with mode \"{}\"", mode.as_str());
        reader.contradiction(&spanned.span(), side.tls_key, message, "leave it out, or write mode = \"verify-full\"")
    };
    match mode {
        Mode::Disabled if names_files => Err(useless("a certificate")),
        Mode::Disabled => Ok(Tls::Disabled),
        Mode::Required if ca.is_some() => Err(useless("\"ca\"")),
        Mode::Required => Ok(Tls::Encrypted { verification: Verification::Unchecked, client }),
        Mode::VerifyCa => Ok(Tls::Encrypted { verification: Verification::Authority { ca }, client }),
        Mode::VerifyFull => Ok(Tls::Encrypted { verification: Verification::Full { ca }, client }),
    }
}

fn default_tls(server: &Server) -> Tls {
    if server.is_loopback() {
        return Tls::Disabled;
    }
    Tls::Encrypted { verification: Verification::Full { ca: None }, client: None }
}
