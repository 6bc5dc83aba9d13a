//! What a check found, from whatever crate.

use millrace_model::{ErrorClass, Failure};
use millrace_service::write_failure;
use millrace_task::HiddenCascades;

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// The task file.
    TaskFile,
    /// The MySQL server.
    Source,
    /// What lies between the stages.
    Log,
    /// The server that receives.
    Destination,
}

impl Area {
    pub(crate) const ALL: [Self; 4] = [Self::TaskFile, Self::Source, Self::Log, Self::Destination];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::TaskFile => "task file",
            Self::Source => "source",
            Self::Log => "log",
            Self::Destination => "destination",
        }
    }
}

/// What a finding means for the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// As it should be.
    Good,
    /// The task can start; somebody should know.
    Warning,
    /// A warning that somebody knows.
    Accepted,
    /// The task cannot start.
    Blocks,
}

impl Meaning {
    /// Its word in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Accepted => "accepted",
            Self::Blocks => "blocks",
        }
    }
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) area: Area,
    /// One of [`NAMES`].
    pub(crate) name: &'static str,
    pub(crate) meaning: Meaning,
    /// What is there.
    pub(crate) found: String,
    /// How to mend it; empty where there is nothing to mend.
    pub(crate) mend: String,
    /// Of what kind what blocks is: whether it may pass by itself.
    pub(crate) class: ErrorClass,
}

/// The names of all checks, by area.
pub(crate) const NAMES: [&str; 40] = [
    "task_file",
    "source_connection",
    "source_version",
    "binlog_enabled",
    "row_binlog_format",
    "full_row_image",
    "gtid_mode",
    "replication_privileges",
    "full_row_metadata",
    "replicated_changes_logged",
    "binlog_filters",
    "binlog_retention",
    "select_privilege",
    "no_open_xa",
    "selected_tables",
    "excluded_columns",
    "table_mapping",
    "known_charsets",
    "tables_without_key",
    "key_meaning",
    "foreign_key_cascades",
    "snapshot_locks",
    "log_transport",
    "log_connection",
    "log_topics",
    "log_replication",
    "log_min_insync",
    "log_message_limit",
    "log_retention",
    "destination_connection",
    "destination_version",
    "destination_deadlock_detector",
    "destination_encoding",
    "destination_privileges",
    "destination_names",
    "destination_existing_tables",
    "destination_tables",
    "destination_task",
    "source_reading",
    "destination_reading",
];

impl Finding {
    pub(crate) fn good(area: Area, name: &'static str, found: impl Into<String>) -> Self {
        Self { area, name, meaning: Meaning::Good, found: found.into(), mend: String::new(), class: ErrorClass::Fatal }
    }

    pub(crate) fn warning(area: Area, name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { area, name, meaning: Meaning::Warning, found: found.into(), mend: mend.into(), class: ErrorClass::Fatal }
    }

    /// A failure is a finding that blocks.
    pub(crate) fn blocks(area: Area, name: &'static str, failure: impl Into<Failure>) -> Self {
        let failure = failure.into();
        let (found, class) = (one_line(&failure), failure.class);
        Self { area, name, meaning: Meaning::Blocks, found, mend: failure.hint, class }
    }

    /// Somebody knows: a warning is accepted, everything else stays what it is.
    pub(crate) fn accept(&mut self) {
        if self.meaning == Meaning::Warning {
            self.meaning = Meaning::Accepted;
        }
    }

    /// What blocks is accepted where the task file says so, which the stages go by, too.
    pub(crate) fn unless_accepted(self, chosen: HiddenCascades) -> Self {
        match (self.meaning, chosen) {
            (Meaning::Blocks, HiddenCascades::Accept) => Self { meaning: Meaning::Accepted, ..self },
            _ => self,
        }
    }
}

/// The message of a failure, in one line as the stages print it.
fn one_line(failure: &Failure) -> String {
    let mut line = Vec::new();
    let only_message = Failure { hint: String::new(), ..failure.clone() };
    // A vector takes every byte.
    let _ = write_failure(&mut line, &only_message);
    let line = String::from_utf8_lossy(&line);
    line.trim_end().trim_start_matches("error: ").to_owned()
}

impl From<millrace_mysql::Finding> for Finding {
    fn from(finding: millrace_mysql::Finding) -> Self {
        let meaning = match finding.verdict {
            millrace_mysql::Verdict::Good => Meaning::Good,
            millrace_mysql::Verdict::Warning => Meaning::Warning,
            millrace_mysql::Verdict::Blocks => Meaning::Blocks,
        };
        Self {
            area: Area::Source,
            name: finding.name,
            meaning,
            found: finding.found,
            mend: finding.mend,
            class: ErrorClass::Fatal,
        }
    }
}

impl From<millrace_adbpg::Finding> for Finding {
    fn from(finding: millrace_adbpg::Finding) -> Self {
        let meaning = match finding.verdict {
            millrace_adbpg::Verdict::Good => Meaning::Good,
            millrace_adbpg::Verdict::Warning => Meaning::Warning,
            millrace_adbpg::Verdict::Blocks => Meaning::Blocks,
        };
        Self {
            area: Area::Destination,
            name: finding.name,
            meaning,
            found: finding.found,
            mend: finding.mend,
            class: ErrorClass::Fatal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_documented_and_every_documented_check_exists() {
        let chapter = include_str!("../../../docs/commands.md").split("\n## ").find(|text| text.starts_with("`check`"));
        let lines = chapter.unwrap_or_default().lines();
        let documented: Vec<&str> = lines.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(documented, NAMES);
    }

    #[test]
    fn only_warnings_can_be_accepted() {
        let mut warning = Finding::warning(Area::Log, "log_replication", "1 broker", "more");
        warning.accept();
        assert_eq!(warning.meaning, Meaning::Accepted);
        let mut blocks = Finding::blocks(Area::Log, "log_connection", Failure::fatal("a\n b", "c"));
        blocks.accept();
        assert_eq!((blocks.meaning, blocks.found.as_str()), (Meaning::Blocks, "a b"));
        let cascades = || Finding::blocks(Area::Source, "foreign_key_cascades", Failure::fatal("a", "b"));
        assert_eq!(cascades().unless_accepted(HiddenCascades::Refuse).meaning, Meaning::Blocks);
        assert_eq!(cascades().unless_accepted(HiddenCascades::Accept).meaning, Meaning::Accepted);
        let mut good = Finding::good(Area::Log, "log_topics", "x");
        good.accept();
        assert_eq!(good.meaning, Meaning::Good);
    }
}
