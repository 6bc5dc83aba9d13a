//! `scheme://user:password@host:port/database`, taken apart (RFC 3986). Messages never quote any part of it: a URL that
//! is written wrongly may have its password anywhere.

use std::net::Ipv6Addr;

/// A URL's parts, percent-decoded.
#[derive(PartialEq, Eq)]
pub(crate) struct UrlParts {
    pub(crate) scheme: String,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// What follows the slash after the host; empty without it.
    pub(crate) database: String,
}

/// Takes a URL apart; the error says what is wrong with it and how to mend it, without any part of it.
pub(crate) fn parse(url: &str) -> Result<UrlParts, (&'static str, &'static str)> {
    const FORM: &str = "write SCHEME://USER:PASSWORD@HOST:PORT, the scheme being mysql or postgres";
    const ENCODE: &str = "percent-encode / ? # and @ in user and password, or take them from ${VARIABLE}";
    let (scheme, rest) = url.split_once("://").ok_or(("the url has no scheme", FORM))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((account, address)) = authority.rsplit_once('@') else {
        return Err(if path.contains('@') {
            ("the url's user or password holds a character that ends them", ENCODE)
        } else {
            ("the url has no user", FORM)
        });
    };
    if path.contains(['?', '#']) {
        const KEYS: &str = "encryption is set by the key \"tls\", everything else by other keys; a ? or # of the password is \
                            percent-encoded, or comes with it from ${VARIABLE}";
        return Err(("the url has parameters", KEYS));
    }
    let (user, password) = match account.split_once(':') {
        Some((user, password)) => (user, Some(decode(password)?)),
        None => (account, None),
    };
    if user.is_empty() {
        return Err(("the url has no user", FORM));
    }
    let (host, port) = split_address(address)?;
    let database = decode(path.strip_prefix('/').unwrap_or_default())?;
    Ok(UrlParts { scheme: scheme.to_owned(), user: decode(user)?, password, host, port, database })
}

fn split_address(address: &str) -> Result<(String, Option<u16>), (&'static str, &'static str)> {
    let bad_host = ("the url's host is not a host name or an ip address", "an ipv6 address stands in brackets: [::1]");
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(bad_host)?;
            host.parse::<Ipv6Addr>().map_err(|_| bad_host)?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or(bad_host)?) })
        }
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || ".-_:".contains(letter);
    if host.is_empty() || !host.chars().all(allowed) {
        return Err(bad_host);
    }
    let port = port.map(|text| text.parse::<u16>().ok().filter(|port| *port > 0)).map_or(Ok(None), |port| {
        port.map(Some).ok_or(("the url's port is not a number from 1 to 65535", "write HOST:PORT, or HOST alone"))
    })?;
    Ok((host.to_owned(), port))
}

fn decode(text: &str) -> Result<String, (&'static str, &'static str)> {
    let bad = ("the url has a percent sign that begins no percent-encoded character", "write %25 for a percent sign");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else { return Err(bad) };
        let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit(*high).ok_or(bad)? * 16 + digit(*low).ok_or(bad)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| bad)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn parts(url: &str) -> Result<String, &'static str> {
        parse(url).map_err(|(message, _)| message).map(|parts| {
            let port = parts.port.map(|port| port.to_string());
            let (scheme, user, host, database) = (parts.scheme, parts.user, parts.host, parts.database);
            format!("{scheme} {user} {:?} {host} {port:?} {database}", parts.password)
        })
    }

    #[test]
    fn parts_are_decoded() {
        for (url, expected) in [
            ("mysql://u:p@h:3306", r#"mysql u Some("p") h Some("3306") "#),
            ("mysql://u@h", "mysql u None h None "),
            ("mysql://u@h/", "mysql u None h None "),
            ("mysql://u:@h", r#"mysql u Some("") h None "#),
            ("postgres://a%40b:p%2F%25@[::1]:5/d%20b", r#"postgres a@b Some("p/%") ::1 Some("5") d b"#),
            ("mysql://u:a@b@h", r#"mysql u Some("a@b") h None "#),
            ("mysql://u:a:b@h", r#"mysql u Some("a:b") h None "#),
        ] {
            assert_eq!(parts(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn bad_urls_are_refused_without_their_secret() {
        for url in [
            "secret",
            "mysql://secret",
            "mysql://u:secret",
            "mysql://u:sec/ret@h",
            "mysql://:secret@h",
            "mysql://u:secret@",
            "mysql://u:secret@h:0",
            "mysql://u:secret@h:secret",
            "mysql://u:secret@::1",
            "mysql://u:secret@[x]",
            "mysql://u:secret@[::1]x",
            "mysql://u:secret%@h",
            "mysql://u:secret%zz@h",
            "mysql://u:secret%ff@h",
            "mysql://u:secret@h?tls=secret",
        ] {
            let message = parts(url).unwrap_err();
            assert!(!message.contains("sec"), "{url}: {message}");
        }
    }
}
