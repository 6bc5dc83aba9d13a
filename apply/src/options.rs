//! The destination of the task file as the destination crate wants it.

use millrace_adbpg::{ClientIdentity, DestinationOptions, TlsMode};
use millrace_task::{Destination, Tls, Verification};
use secrecy::SecretString;

/// The options of the task's destination.
pub fn destination_options(destination: &Destination) -> DestinationOptions {
    let (tls, client) = match &destination.tls {
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
    DestinationOptions {
        host: destination.server.host.clone(),
        port: destination.server.port,
        user: destination.server.user.clone(),
        password: destination.server.password.clone().unwrap_or_else(|| SecretString::from("")),
        database: destination.database.clone(),
        tls,
        client_identity: client
            .map(|client| ClientIdentity { certificate: client.cert.clone(), key: client.key.clone() }),
    }
}
