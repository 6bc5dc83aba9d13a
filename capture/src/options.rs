//! The source of the task file as the source crate wants it.

use millrace_mysql::{ClientIdentity, SourceOptions, TlsMode};
use millrace_task::{Server, Source, Task, Tls, Verification};
use secrecy::SecretString;

/// The options of the task's source.
pub fn source_options(source: &Source) -> SourceOptions {
    options_of(&source.server, &source.tls)
}

/// The options of the task's source and of the servers to go on from, in order.
pub(crate) fn candidates(source: &Source) -> Vec<SourceOptions> {
    std::iter::once(&source.server).chain(&source.failover).map(|server| options_of(server, &source.tls)).collect()
}

fn options_of(server: &Server, tls: &Tls) -> SourceOptions {
    let (tls, client) = match tls {
        Tls::Disabled => (TlsMode::Disabled, None),
        Tls::Encrypted { verification, client } => {
            let mode = match verification {
                Verification::Unchecked => TlsMode::Required,
                Verification::Authority { ca } => TlsMode::VerifyCa { ca: ca.clone() },
                Verification::Full { ca } => TlsMode::VerifyFull { ca: ca.clone() },
            };
            (mode, client.as_ref())
        }
    };
    SourceOptions {
        host: server.host.clone(),
        port: server.port,
        user: server.user.clone(),
        password: server.password.clone().unwrap_or_else(|| SecretString::from("")),
        tls,
        client_identity: client
            .map(|client| ClientIdentity { certificate: client.cert.clone(), key: client.key.clone() }),
    }
}

/// The id by which the source knows the task's binlog reader. Stable for the task: the server ends the stream of a former
/// capture that still reads.
pub(crate) fn reader_id(task: &Task) -> u32 {
    let [a, b, c, d, ..] = task.fingerprint();
    u32::from_le_bytes([a, b, c, d]) | 1 << 31
}
