//! The binlogs that the source has. Pure.

use std::time::Duration;

use millrace_model::BinlogPlace;
use millrace_mysql::server::BinlogFile;

/// The source's binlogs.
#[derive(Debug, Clone)]
pub(super) struct Binlogs {
    /// Those that are there, oldest first.
    pub(super) files: Vec<BinlogFile>,
    /// For how long they are kept; none for ever.
    pub(super) kept: Option<Duration>,
}

impl Binlogs {
    /// Where the last one ends.
    pub(super) fn end(&self) -> Option<BinlogPlace> {
        self.files.last().map(|last| BinlogPlace::new(last.name.as_str(), last.size))
    }

    /// Bytes of binlog after a place; none where its file is not there any more.
    pub(super) fn bytes_behind(&self, place: &BinlogPlace) -> Option<u64> {
        let number = |file: &BinlogFile| BinlogPlace::new(file.name.as_str(), 0).file_number();
        let own = self.files.iter().find(|file| number(file) == place.file_number())?;
        let later: u64 =
            self.files.iter().filter(|file| number(file) > place.file_number()).map(|file| file.size).sum();
        Some(own.size.saturating_sub(place.offset) + later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, size: u64) -> BinlogFile {
        BinlogFile { name: name.into(), size }
    }

    #[test]
    fn what_is_behind_spans_files() {
        let files = vec![file("binlog.000009", 100), file("binlog.000010", 200), file("binlog.000011", 50)];
        let binlogs = Binlogs { files, kept: None };
        for (place, expected) in [
            (BinlogPlace::new("binlog.000009", 90), Some(260)),
            (BinlogPlace::new("binlog.000011", 50), Some(0)),
            (BinlogPlace::new("binlog.000011", 60), Some(0)),
            (BinlogPlace::new("binlog.000001", 4), None),
        ] {
            assert_eq!(binlogs.bytes_behind(&place), expected, "{place}");
        }
    }
}
