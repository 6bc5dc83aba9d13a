//! The destination of the task file as the destination crate wants it.

use millrace_adbpg::{DestinationOptions, TlsMode};
use millrace_model::Failure;
use millrace_task::{Destination, Tls, Verification};
use secrecy::SecretString;

/// The options of the task's destination.
pub fn destination_options(destination: &Destination) -> Result<DestinationOptions, Failure> {
    Ok(DestinationOptions {
        host: destination.server.host.clone(),
        port: destination.server.port,
        user: destination.server.user.clone(),
        password: destination.server.password.clone().unwrap_or_else(|| SecretString::from("")),
        database: destination.database.clone(),
        tls: tls_mode(&destination.tls)?,
    })
}

fn tls_mode(tls: &Tls) -> Result<TlsMode, Failure> {
    let no_authority = || {
        Failure::fatal(
            "destination.tls verifies the server's certificate, but names no authority",
            "add ca = \"ca.pem\" to destination.tls",
        )
    };
    match tls {
        Tls::Disabled => Ok(TlsMode::Disabled),
        Tls::Encrypted { client: Some(_), .. } => Err(Failure::fatal(
            "destination.tls names a client certificate, which is not supported yet",
            "authenticate with a password",
        )),
        Tls::Encrypted { verification, client: None } => match verification {
            Verification::Unchecked => Ok(TlsMode::Required),
            Verification::Authority { ca } => Ok(TlsMode::VerifyCa { ca: ca.clone().ok_or_else(no_authority)? }),
            Verification::Full { ca } => Ok(TlsMode::VerifyFull { ca: ca.clone().ok_or_else(no_authority)? }),
        },
    }
}
