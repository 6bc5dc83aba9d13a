//! `[source]` and `[destination]`: one server each.

use std::net::IpAddr;

use secrecy::SecretString;

use crate::tls::Tls;
use crate::url::UrlParts;

/// The MySQL server that is read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Source {
    /// Address and account.
    pub server: Server,
    /// Servers to go on from when it is lost, in order.
    pub failover: Vec<Server>,
    /// What is done where changes of selected tables are not in its binlog.
    pub hidden_cascades: HiddenCascades,
    /// Encryption.
    pub tls: Tls,
}

/// `hidden_cascades`: what is done where foreign keys change rows of selected tables that the binlog does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HiddenCascades {
    /// The task stops and names them.
    #[default]
    Refuse,
    /// Somebody sees to it that no such change happens, or knows that it does not arrive.
    Accept,
}

/// The database that is written.
#[derive(Debug)]
#[non_exhaustive]
pub struct Destination {
    /// Address and account.
    pub server: Server,
    /// Database to connect to.
    pub database: String,
    /// Encryption.
    pub tls: Tls,
}

/// Address and account of a server.
#[derive(Debug)]
#[non_exhaustive]
pub struct Server {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Account.
    pub user: String,
    /// Its password, if one is given.
    pub password: Option<SecretString>,
}

impl Server {
    pub(crate) fn of(parts: UrlParts, default_port: u16) -> Self {
        Self {
            host: parts.host,
            port: parts.port.unwrap_or(default_port),
            user: parts.user,
            password: parts.password.map(SecretString::from),
        }
    }

    /// Whether the address is this machine's own: `localhost`, 127.0.0.0/8 or ::1.
    pub fn is_loopback(&self) -> bool {
        let ip = self.host.parse::<IpAddr>();
        self.host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|address| address.is_loopback())
    }

    /// `host:port` for messages, with brackets round an IPv6 address.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }
}
