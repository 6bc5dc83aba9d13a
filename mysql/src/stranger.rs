//! Which kind of server it is that takes connections and says nothing.
//!
//! A MySQL server speaks first. One that is slow (it looks up the client's name before it greets, or has no thread free)
//! is silent, too, so silence alone proves nothing and is waited for; but a server that answers in another protocol is no
//! MySQL server, however long one waits. It is asked on connections of its own, and only after the client has waited for a
//! greeting in vain, because a MySQL server counts connections that break off (`max_connect_errors`).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connect::SourceOptions;

/// How long a server may be silent before it is asked what it is.
pub(crate) const SILENCE: Duration = Duration::from_secs(3);

/// Longest time for an answer to a question: both answers fit into the time that a connection may take.
const ANSWER: Duration = Duration::from_secs(5);

/// PostgreSQL's SSLRequest: length and number (PostgreSQL, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Kafka's ApiVersions, version 0, of no client: length, kind, version, correlation id, client id (Kafka, "Protocol").
const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, b'm', b'i', b'l', b'l', 0xff, 0xff];

/// What listens there, if it is known and is not MySQL; comes after the silence, if it is one, and else never.
pub(crate) async fn recognize(options: &SourceOptions) -> &'static str {
    tokio::time::sleep(SILENCE).await;
    if is_postgres(&ask::<1>(options, &SSL_REQUEST).await) {
        return "a PostgreSQL server (or one of its family) answers there, not MySQL";
    }
    if is_kafka(&ask::<8>(options, &API_VERSIONS).await) {
        return "a Kafka broker answers there, not MySQL";
    }
    std::future::pending().await
}

/// Whether TLS is spoken; nobody else answers with one of these bytes alone.
fn is_postgres(answer: &Option<[u8; 1]>) -> bool {
    matches!(answer, Some([b'S' | b'N']))
}

/// A length, and the correlation id of the question.
fn is_kafka(answer: &Option<[u8; 8]>) -> bool {
    answer.is_some_and(|answer| answer[4..] == API_VERSIONS[8..12])
}

/// The beginning of the answer to a question; none where there is none in time.
async fn ask<const SIZE: usize>(options: &SourceOptions, question: &[u8]) -> Option<[u8; SIZE]> {
    let asked = async {
        let mut stream = TcpStream::connect((options.host.as_str(), options.port)).await?;
        stream.write_all(question).await?;
        let mut answer = [0; SIZE];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    tokio::time::timeout(ANSWER, asked).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;
    use crate::connect::TlsMode;

    /// A slow MySQL server is given the time that it needs.
    #[tokio::test(start_paused = true)]
    async fn silence_proves_nothing() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let options = SourceOptions {
            host: "127.0.0.1".into(),
            port: listener.local_addr().unwrap().port(),
            user: "u".into(),
            password: "".into(),
            tls: TlsMode::Disabled,
            client_identity: None,
        };
        let (sender, mut asked) = tokio::sync::mpsc::unbounded_channel();
        let silent = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                sender.send(stream).unwrap();
            }
        });
        assert!(tokio::time::timeout(Duration::from_secs(60), recognize(&options)).await.is_err());
        assert!(asked.recv().await.is_some() && asked.recv().await.is_some());
        silent.abort();
    }

    #[test]
    fn answers_are_told_apart() {
        assert!(is_postgres(&Some(*b"S")) && is_postgres(&Some(*b"N")));
        // A MySQL server's greeting begins with its length.
        assert!(!is_postgres(&Some([0x4a])) && !is_postgres(&None));
        assert!(is_kafka(&Some([0, 0, 1, 0, b'm', b'i', b'l', b'l'])));
        assert!(!is_kafka(&Some([0x4a, 0, 0, 0, 0x0a, b'8', b'.', b'0'])) && !is_kafka(&None));
    }
}
