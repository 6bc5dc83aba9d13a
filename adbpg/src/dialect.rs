//! Which server this is, and what it can do. Read off the server at connect, never assumed from its name.

use std::collections::BTreeMap;
use std::fmt;

/// The settings that [`Dialect::detect`] looks at (`pg_settings` never fails on an unknown name).
pub(crate) const PROBED_SETTINGS: [&str; 10] = [
    "server_version_num",
    "server_version",
    "gp_server_version",
    "gp_enable_global_deadlock_detector",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "enable_nestloop",
    "adbpg_version",
    "optimizer",
    "optimizer_control",
];

/// Stands among the settings where the server has the access method `beam`.
pub(crate) const ACCESS_METHOD_BEAM: &str = "access_method_beam";

/// The first version of AnalyticDB for PostgreSQL whose tables are Beam tables by default.
const BEAM_BY_DEFAULT: [u32; 4] = [7, 0, 6, 6];

/// A server of the family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL itself.
    Postgres {
        /// `server_version_num`, such as 150004.
        version: u32,
    },
    /// Open-source Greenplum.
    Greenplum {
        /// What it says of itself.
        cluster: Cluster,
    },
    /// AnalyticDB for PostgreSQL.
    AnalyticDb {
        /// What it says of itself.
        cluster: Cluster,
    },
}

/// What the servers of the Greenplum family say of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Greenplum's version, such as `7.0.0`, or AnalyticDB's own, such as `7.0.6.6`, where it says it.
    pub version: String,
    /// `server_version_num` of the PostgreSQL in it, such as 120012.
    pub base: u32,
    /// Whether its global deadlock detector runs.
    pub deadlock_detector: DeadlockDetector,
    /// Whether it has Beam tables.
    pub beam: Beam,
}

/// The storage engine of AnalyticDB for PostgreSQL 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beam {
    /// Tables can be `USING beam`.
    Present,
    /// There is no such access method.
    Absent,
}

/// `gp_enable_global_deadlock_detector`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadlockDetector {
    /// UPDATE and DELETE lock rows.
    On,
    /// UPDATE and DELETE lock the whole table until the commit; dead-locks across segments are never found.
    Off,
}

/// What names one row physically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowIdentity {
    /// `ctid`.
    Ctid,
    /// `(gp_segment_id, ctid)`.
    SegmentAndCtid,
}

impl Dialect {
    /// Decides from `version()` and what `pg_settings` has of [`PROBED_SETTINGS`]. Every server of the Greenplum family
    /// has `gp_server_version`; AnalyticDB names itself in `version()` or in a setting of its own.
    pub(crate) fn detect(version: &str, settings: &BTreeMap<String, String>) -> Self {
        let number = |name: &str| settings.get(name).and_then(|value| value.parse().ok()).unwrap_or(0);
        let base = number("server_version_num");
        let Some(greenplum) = settings.get("gp_server_version") else { return Self::Postgres { version: base } };
        let deadlock_detector = match settings.get("gp_enable_global_deadlock_detector").map(String::as_str) {
            Some("on") => DeadlockDetector::On,
            _ => DeadlockDetector::Off,
        };
        let of_greenplum = greenplum.split_whitespace().next().unwrap_or_default().to_owned();
        let beam = if settings.contains_key(ACCESS_METHOD_BEAM) { Beam::Present } else { Beam::Absent };
        let lower = version.to_ascii_lowercase();
        let own = settings.get("adbpg_version");
        if !lower.contains("analyticdb") && !lower.contains("adbpg") && own.is_none() {
            return Self::Greenplum { cluster: Cluster { version: of_greenplum, base, deadlock_detector, beam } };
        }
        let own = own.and_then(|text| first_version(text)).or_else(|| first_version(lower.split("analyticdb").nth(1)?));
        let version = own.unwrap_or(of_greenplum);
        Self::AnalyticDb { cluster: Cluster { version, base, deadlock_detector, beam } }
    }

    /// The cluster, for the Greenplum family.
    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Postgres { .. } => None,
            Self::Greenplum { cluster } | Self::AnalyticDb { cluster } => Some(cluster),
        }
    }

    /// `server_version_num` of the PostgreSQL in it.
    pub fn base(&self) -> u32 {
        match self {
            Self::Postgres { version } => *version,
            Self::Greenplum { cluster } | Self::AnalyticDb { cluster } => cluster.base,
        }
    }

    /// Whether rows are spread over segments: tables have a distribution key, unique keys must contain it.
    pub fn is_distributed(&self) -> bool {
        self.cluster().is_some()
    }

    /// Whether several transactions can change rows of one table at once without waiting for each other's commit.
    pub fn has_parallel_writers(&self) -> bool {
        self.cluster().is_none_or(|cluster| cluster.deadlock_detector == DeadlockDetector::On)
    }

    /// Whether `CREATE INDEX IF NOT EXISTS` is understood (PostgreSQL 9.5).
    pub fn has_create_index_if_not_exists(&self) -> bool {
        self.base() >= 90_500
    }

    /// Whether a column can be `GENERATED BY DEFAULT AS IDENTITY` (PostgreSQL 10).
    pub fn has_identity_columns(&self) -> bool {
        self.base() >= 100_000
    }

    /// Whether tables for which the task file says nothing are Beam tables.
    pub fn prefers_beam(&self) -> bool {
        let Self::AnalyticDb { cluster } = self else { return false };
        let mut parts = cluster.version.split('.').map(|part| part.parse().unwrap_or(0));
        let version: [u32; 4] = std::array::from_fn(|_| parts.next().unwrap_or(0));
        cluster.beam == Beam::Present && version >= BEAM_BY_DEFAULT
    }

    /// What names one row physically.
    pub fn row_identity(&self) -> RowIdentity {
        if self.is_distributed() { RowIdentity::SegmentAndCtid } else { RowIdentity::Ctid }
    }

    /// Why this server is not supported: PostgreSQL before 12, the Greenplum family before 6.
    pub fn unsupported(&self) -> Option<&'static str> {
        match self {
            Self::Postgres { version } if *version < 120_000 => Some("PostgreSQL 12 or later is needed"),
            Self::Postgres { .. } => None,
            Self::Greenplum { cluster } | Self::AnalyticDb { cluster } => {
                let major: u32 = cluster.version.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
                (major < 6).then_some("version 6 or later of the Greenplum family is needed")
            }
        }
    }
}

/// The first number with points in a text, such as `7.0.6.6`.
fn first_version(text: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let word = text
        .split(|c: char| !is_part(c))
        .find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(word.trim_end_matches('.').to_owned())
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres { version } => write!(f, "PostgreSQL {}.{}", version / 10_000, version % 10_000),
            Self::Greenplum { cluster } => write!(f, "Greenplum {}", cluster.version),
            Self::AnalyticDb { cluster } => write!(f, "AnalyticDB for PostgreSQL {}", cluster.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn knows_the_family_apart() {
        let plain = Dialect::detect("PostgreSQL 15.4 on x86_64", &settings(&[("server_version_num", "150004")]));
        assert_eq!(plain, Dialect::Postgres { version: 150_004 });
        assert!(plain.has_parallel_writers() && !plain.is_distributed() && plain.unsupported().is_none());

        let seven = [("server_version_num", "120012"), ("gp_server_version", "7.0.0 build commit:0a7a35668")];
        let greenplum = Dialect::detect("PostgreSQL 12.12 (Greenplum Database 7.0.0 build)", &settings(&seven));
        assert_eq!(greenplum.to_string(), "Greenplum 7.0.0");
        assert!(!greenplum.has_parallel_writers() && greenplum.is_distributed());

        let analytic = Dialect::detect("PostgreSQL 12.12 (AnalyticDB PostgreSQL 7.0.6.6)", &settings(&seven));
        assert_eq!(analytic.to_string(), "AnalyticDB for PostgreSQL 7.0.6.6");
    }

    #[test]
    fn refuses_what_is_too_old() {
        let old = Dialect::detect("PostgreSQL 9.6", &settings(&[("server_version_num", "90624")]));
        assert!(old.unsupported().is_some());
        let five = [("server_version_num", "80323"), ("gp_server_version", "5.29.0")];
        assert!(Dialect::detect("Greenplum", &settings(&five)).unsupported().is_some());
    }
}
