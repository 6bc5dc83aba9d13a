//! Whether TLS is spoken at an address to which this side speaks plain text.
//!
//! librdkafka does not tell: such a broker closes the connection or says nothing that it understands. So where no broker
//! gives a first answer, each is sent the beginning of a TLS handshake. What answers with a record of TLS speaks it: as the
//! length of a message of Kafka, with which an answer in plain text begins, the same bytes would be 352 MiB or more.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::options::LogOptions;

/// How long a connection and an answer may take, each.
const LIMIT: Duration = Duration::from_secs(1);

/// Brokers that are asked; the others are no different.
const ASKED: usize = 3;

/// A record with a ClientHello of TLS 1.2 (RFC 5246, section 7.4.1.2; extensions: RFC 8422, section 5.1, and RFC 5246,
/// section 7.4.1.4.1), which every server of TLS answers: with its hello or with an alert.
#[rustfmt::skip]
const CLIENT_HELLO: &[u8] = &[
    0x16, 0x03, 0x01, 0x00, 75, // record: handshake, 75 bytes
    0x01, 0x00, 0x00, 71, // ClientHello, 71 bytes
    0x03, 0x03, // TLS 1.2
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    0, // no session
    0, 8, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, // ECDHE with ECDSA or RSA, AES-GCM
    1, 0, // no compression
    0, 22, // extensions, 22 bytes
    0, 10, 0, 8, 0, 6, 0, 0x1d, 0, 0x17, 0, 0x18, // groups: x25519, secp256r1, secp384r1
    0, 13, 0, 6, 0, 4, 0x04, 0x03, 0x04, 0x01, // signatures: ECDSA or RSA, with SHA-256
];

/// The first of the brokers that speaks TLS, if this side does not.
pub(crate) fn find_encrypted(options: &LogOptions) -> Option<String> {
    let protocol = options.options.iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("security.protocol"));
    if protocol.is_some_and(|(_, protocol)| protocol.to_ascii_uppercase().contains("SSL")) {
        return None;
    }
    let addresses = options.brokers.split(',').map(str::trim).take(ASKED);
    addresses.into_iter().find(|address| speaks_tls(address)).map(str::to_owned)
}

fn speaks_tls(address: &str) -> bool {
    let answer = || -> std::io::Result<[u8; 2]> {
        let first = address.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect_timeout(&first, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.write_all(CLIENT_HELLO)?;
        let mut answer = [0; 2];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    // A record of a handshake, or of an alert; then the version, 3.x.
    answer().is_ok_and(|[kind, version]| matches!(kind, 0x15 | 0x16) && version == 3)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::net::TcpListener;

    use super::*;

    /// What is found at a server that answers the first bytes with these; nothing: it closes the connection.
    fn found(answer: &'static [u8], protocol: Option<&str>) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let options = protocol.map(|protocol| ("security.protocol".to_owned(), protocol.to_owned()));
        let options = LogOptions {
            brokers: format!("127.0.0.1:1, {address}"),
            options: options.into_iter().collect(),
            ..LogOptions::default()
        };
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut hello = [0; CLIENT_HELLO.len()];
            // Who only looks whether the thread ends sends nothing.
            let _ = stream.read_exact(&mut hello).and_then(|()| stream.write_all(answer));
        });
        let found = find_encrypted(&options);
        let _ = TcpStream::connect(&address);
        server.join().unwrap();
        assert!(found.is_none() || found == Some(address));
        found.is_some()
    }

    #[test]
    fn what_answers_with_a_record_of_tls_speaks_it() {
        for record in [&[0x15, 3, 3, 0, 2, 2, 40][..], &[0x16, 3, 3, 0, 90]] {
            for protocol in [None, Some("plaintext"), Some("SASL_PLAINTEXT")] {
                assert!(found(record, protocol), "{protocol:?}");
            }
            for protocol in ["SSL", "sasl_ssl"] {
                assert!(!found(record, Some(protocol)), "{protocol}");
            }
        }
        for other in [&[][..], &[0x15], &[0, 0, 0, 9, 1], b"HTTP/1.1 400 Bad Request"] {
            assert!(!found(other, None), "{other:?}");
        }
    }

    #[test]
    fn the_lengths_of_the_hello_are_right() {
        let (record, hello) = (usize::from(CLIENT_HELLO[4]), usize::from(CLIENT_HELLO[8]));
        assert_eq!((record + 5, hello + 9), (CLIENT_HELLO.len(), CLIENT_HELLO.len()));
    }
}
