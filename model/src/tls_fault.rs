//! Why an encrypted connection was refused, told from the words of the TLS libraries: rustls for the databases, OpenSSL
//! within the Kafka client. Words that are not known stay what they are; nothing but a message and its hint depends on it.

/// What is wrong with a certificate or with the encryption of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// The server's certificate has expired.
    Expired,
    /// The server's certificate is not valid yet.
    NotYetValid,
    /// The server's certificate is for another host.
    OtherName,
    /// No trusted authority signed the server's certificate.
    UnknownAuthority,
    /// One of those above; the library does not say which.
    Unverified,
    /// The server has no encryption.
    NoEncryption,
    /// The server refused this side's certificate, or wants one.
    ClientCertificate,
    /// A certificate or key file cannot be used.
    File,
    /// None of these.
    Other,
}

/// The words of rustls and OpenSSL (crypto/x509/x509_txt.c), in lower case, and what they mean. The first that is found
/// counts.
const WORDS: [(&str, TlsFault); 20] = [
    ("certificate expired", TlsFault::Expired),
    ("certificate has expired", TlsFault::Expired),
    ("not valid yet", TlsFault::NotYetValid),
    ("not yet valid", TlsFault::NotYetValid),
    ("not valid for name", TlsFault::OtherName),
    ("hostname mismatch", TlsFault::OtherName),
    ("ip address mismatch", TlsFault::OtherName),
    ("unknownissuer", TlsFault::UnknownAuthority),
    ("issuer certificate", TlsFault::UnknownAuthority),
    ("self-signed certificate", TlsFault::UnknownAuthority),
    ("certificate signature failure", TlsFault::UnknownAuthority),
    ("badsignature", TlsFault::UnknownAuthority),
    ("certificate could not be verified", TlsFault::Unverified),
    ("does not support tls", TlsFault::NoEncryption),
    ("ssl support", TlsFault::NoEncryption),
    ("client_ssl", TlsFault::NoEncryption),
    ("fatal alert", TlsFault::ClientCertificate),
    ("alert certificate required", TlsFault::ClientCertificate),
    ("alert unknown ca", TlsFault::ClientCertificate),
    ("alert bad certificate", TlsFault::ClientCertificate),
];

impl TlsFault {
    /// What a library's message says.
    pub fn of(reason: &str) -> Self {
        let reason = reason.to_ascii_lowercase();
        WORDS.iter().find(|(words, _)| reason.contains(words)).map_or(Self::Other, |(_, fault)| *fault)
    }

    /// One sentence for a message; empty for [`TlsFault::Other`] and [`TlsFault::File`], where the library's words say
    /// it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Expired => "the server's certificate has expired",
            Self::NotYetValid => "the server's certificate is not valid yet",
            Self::OtherName => "the server's certificate is for another host",
            Self::UnknownAuthority => "the server's certificate is not signed by a trusted authority",
            Self::Unverified => {
                "the server's certificate is expired, for another host, or of an authority that is not trusted"
            }
            Self::NoEncryption => "the server offers no encryption",
            Self::ClientCertificate => "the server refuses this side's certificate, or asks for one",
            Self::File | Self::Other => "",
        }
    }

    /// A library's message with the sentence before it.
    pub fn explain(self, reason: &str) -> String {
        match self.sentence() {
            "" => reason.to_owned(),
            sentence => format!("{sentence} ({reason})"),
        }
    }

    /// How to mend it; `side` is the key of the task file above `tls` and `url`, such as `source`.
    pub fn hint(self, side: &str) -> String {
        match self {
            Self::Expired => "renew the server's certificate, and check this machine's clock".to_owned(),
            Self::NotYetValid => "check this machine's clock and the certificate's dates".to_owned(),
            Self::OtherName => format!(
                "use a host in {side}.url that the certificate names, or mode = \"verify-ca\" in {side}.tls to accept any"
            ),
            Self::UnknownAuthority => {
                format!("name the file of the authority that signed the server's certificate: ca in {side}.tls")
            }
            Self::NoEncryption => {
                format!("switch TLS on at the server; mode = \"disabled\" in {side}.tls connects in plain text")
            }
            Self::ClientCertificate => {
                format!("give a certificate that the server's authority signed: cert and key in {side}.tls")
            }
            Self::File => format!("check the files of {side}.tls: they must be readable PEM files"),
            Self::Unverified | Self::Other => format!("check {side}.tls: its mode and its files"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_faults_by_the_libraries_words() {
        for (reason, fault) in [
            ("invalid peer certificate: certificate expired: verification time 9 (UNIX)", TlsFault::Expired),
            ("invalid peer certificate: certificate not valid for name \"db\"", TlsFault::OtherName),
            ("invalid peer certificate: UnknownIssuer", TlsFault::UnknownAuthority),
            (
                "error:0A000086:certificate verify failed: unable to get local issuer certificate",
                TlsFault::UnknownAuthority,
            ),
            ("server does not support TLS", TlsFault::NoEncryption),
            ("received fatal alert: CertificateRequired", TlsFault::ClientCertificate),
            ("something else", TlsFault::Other),
        ] {
            assert_eq!(TlsFault::of(reason), fault, "{reason}");
        }
    }

    #[test]
    fn each_says_how_to_mend_it_at_its_side() {
        assert!(TlsFault::OtherName.hint("source").contains("source.url"));
        assert_eq!(TlsFault::Other.explain("words"), "words");
        assert_eq!(TlsFault::Expired.explain("words"), "the server's certificate has expired (words)");
    }
}
