//! Encrypted connections, in the words of libpq's sslmode (manual, 34.19 "SSL Support"); never a silent downgrade.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::AdbpgError;

/// How far the server is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsMode {
    /// No encryption.
    Disabled,
    /// Encrypted; whoever answers is trusted.
    Required,
    /// The certificate must come from an authority that is trusted, for whatever host.
    VerifyCa {
        /// PEM file of the authorities; the built-in public ones where there is none.
        ca: Option<PathBuf>,
    },
    /// The certificate must come from an authority that is trusted and name the host.
    VerifyFull {
        /// PEM file of the authorities; the built-in public ones where there is none.
        ca: Option<PathBuf>,
    },
}

/// The certificate by which the client shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM file of the certificate with its chain.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

/// The connector for `mode`; none where it is disabled.
pub(crate) fn connector(
    mode: &TlsMode,
    identity: Option<&ClientIdentity>,
) -> Result<Option<MakeRustlsConnect>, AdbpgError> {
    let provider = Arc::new(ring::default_provider());
    let chain = match mode {
        TlsMode::Disabled => return Ok(None),
        TlsMode::Required => None,
        TlsMode::VerifyCa { ca } | TlsMode::VerifyFull { ca } => Some(verifier(ca.as_deref(), &provider)?),
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| AdbpgError::Tls { server: "tls".to_owned(), reason: error.to_string() })?;
    let builder = match (mode, chain) {
        (TlsMode::VerifyFull { .. }, Some(chain)) => builder.with_webpki_verifier(chain),
        (_, chain) => builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyHost { chain, provider })),
    };
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let certificates = certificates(&identity.certificate)?;
            let key = PrivateKeyDer::from_pem_file(&identity.key).map_err(|error| unusable(&identity.key, &error))?;
            let config = builder.with_client_auth_cert(certificates, key);
            config.map_err(|error| unusable(&identity.certificate, &error))?
        }
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn verifier(ca: Option<&Path>, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, AdbpgError> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(ca) => {
            for certificate in certificates(ca)? {
                roots.add(certificate).map_err(|error| unusable(ca, &error))?;
            }
        }
    }
    let place = ca.unwrap_or(Path::new("the public authorities"));
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| unusable(place, &error))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, AdbpgError> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(file, &error))?;
    certificates.collect::<Result<_, _>>().map_err(|error| unusable(file, &error))
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> AdbpgError {
    AdbpgError::TlsFile { file: file.display().to_string(), reason: error.to_string() }
}

/// Checks the chain where there is one to check against, and the handshake's signatures always; not the host's name.
#[derive(Debug)]
struct AnyHost {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
