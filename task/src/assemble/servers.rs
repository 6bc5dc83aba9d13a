//! `[source]`, `[destination]` and their `tls`.

use toml::Spanned;

use crate::connection::{Destination, Server, Source};
use crate::error::TaskError;
use crate::expansion::Text;
use crate::file::{ServerTable, TlsTable};
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
    what: &'static str,
    example: &'static str,
}

const SOURCE: Side = Side {
    table: "source",
    url_key: "source.url",
    tls_key: "source.tls",
    schemes: &["mysql"],
    what: "the MySQL server that is read",
    example: "[source] with url = \"mysql://USER:${SOURCE_PASSWORD}@HOST:3306\"",
};

const DESTINATION: Side = Side {
    table: "destination",
    url_key: "destination.url",
    tls_key: "destination.tls",
    schemes: &["postgres", "postgresql"],
    what: "the database that is written",
    example: "[destination] with url = \"postgres://USER:${DESTINATION_PASSWORD}@HOST:5432/DATABASE\"",
};

pub(super) fn source(reader: &Reader<'_>, table: Option<&Spanned<ServerTable>>) -> Result<Source, TaskError> {
    let (table, url, parts) = server(reader, &SOURCE, table)?;
    if !parts.database.is_empty() {
        let hint = "leave out what follows the port: [[objects]] says which databases move";
        return Err(reader.value(url, SOURCE.url_key, "the url names a database", hint));
    }
    let server = Server::of(parts, MYSQL_PORT);
    let tls = tls(reader, &SOURCE, table.tls.as_ref(), &server)?;
    Ok(Source { server, tls })
}

pub(super) fn destination(reader: &Reader<'_>, table: Option<&Spanned<ServerTable>>) -> Result<Destination, TaskError> {
    let (table, url, mut parts) = server(reader, &DESTINATION, table)?;
    let database = std::mem::take(&mut parts.database);
    if database.is_empty() {
        let hint = "write postgres://USER:PASSWORD@HOST:PORT/DATABASE";
        return Err(reader.value(url, DESTINATION.url_key, "the url names no database", hint));
    }
    let server = Server::of(parts, POSTGRES_PORT);
    let tls = tls(reader, &DESTINATION, table.tls.as_ref(), &server)?;
    Ok(Destination { server, database, tls })
}

fn server<'a>(
    reader: &Reader<'_>,
    side: &Side,
    table: Option<&'a Spanned<ServerTable>>,
) -> Result<(&'a ServerTable, &'a Text, UrlParts), TaskError> {
    let table = table.ok_or_else(|| reader.missing(&(0..0), side.table, side.what, side.example))?;
    let url = table.get_ref().url.as_ref();
    let url = url.ok_or_else(|| reader.missing(&table.span(), side.url_key, side.what, side.example))?;
    let parts = parse(&reader.url(side.url_key, url)?)
        .map_err(|(message, hint)| reader.value(url, side.url_key, message, hint))?;
    if !side.schemes.contains(&parts.scheme.as_str()) {
        let scheme = side.schemes[0];
        let message = format!("the url does not begin with {scheme}://");
        return Err(reader.value(url, side.url_key, message, format!("write {scheme}://USER:PASSWORD@HOST:PORT")));
    }
    Ok((table.get_ref(), url, parts))
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
