//! Certificates made in a test: an authority of its own, and what it signs.

use std::fs;
use std::path::Path;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Now, and long before and after.
    Now,
    /// Until some years ago.
    Expired,
}

/// A certificate authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority of this name.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a certificate for a common name and host `names`, for servers and clients: the certificate and its key, PEM.
    pub fn sign(&self, name: &str, hosts: &[&str], validity: Validity) -> Result<(String, String)> {
        let mut params = CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = date_time_ymd(2015, 1, 1);
        params.not_after = match validity {
            Validity::Now => date_time_ymd(2999, 1, 1),
            Validity::Expired => date_time_ymd(2020, 1, 1),
        };
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }

    /// Signs like [`Authority::sign`] into a folder: `<file>.pem` and `<file>-key.pem`.
    pub fn sign_into(&self, folder: &Path, file: &str, name: &str, hosts: &[&str], validity: Validity) -> Result<()> {
        let (certificate, key) = self.sign(name, hosts, validity)?;
        fs::write(folder.join(format!("{file}.pem")), certificate)?;
        fs::write(folder.join(format!("{file}-key.pem")), key)?;
        Ok(())
    }
}
