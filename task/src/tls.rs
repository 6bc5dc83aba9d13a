//! Encryption of a connection to a database. There is no mode that falls back to plain text.

use std::path::PathBuf;

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Not at all; the default on loopback only.
    Disabled,
    /// Encrypted, or no connection.
    Encrypted {
        /// What is checked of the server's certificate.
        verification: Verification,
        /// The certificate that this side shows, if any.
        client: Option<ClientIdentity>,
    },
}

/// What is checked of a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// Nothing (mode `required`): safe against listening, not against an impostor.
    Unchecked,
    /// Signed by a trusted authority, for whatever host (mode `verify-ca`).
    Authority {
        /// PEM file of the trusted authorities; none: the public ones.
        ca: Option<PathBuf>,
    },
    /// Signed by a trusted authority for this host (mode `verify-full`, the default).
    Full {
        /// PEM file of the trusted authorities; none: the public ones.
        ca: Option<PathBuf>,
    },
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM file of the certificate chain.
    pub cert: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

/// The words of `tls.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Disabled,
    Required,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Disabled, Self::Required, Self::VerifyCa, Self::VerifyFull];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Required => "required",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}
