//! The one cryptography provider of rustls in the process. Without it the first connection panics where the tree holds
//! two of them (<https://docs.rs/rustls/0.23/rustls/crypto/struct.CryptoProvider.html>).

/// Makes `ring` the provider of the process; nothing happens where one is installed already.
pub fn install_crypto_provider() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a cryptography provider is installed already");
    }
}
