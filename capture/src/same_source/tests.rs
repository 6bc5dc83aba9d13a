#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

fn gtids(intervals: &str) -> GtidSet {
    if intervals.is_empty() { GtidSet::new() } else { format!("{UUID}:{intervals}").parse().unwrap() }
}

fn mark(delivered: Reading) -> SourceMark {
    SourceMark {
        server: "a".into(),
        place: BinlogPlace::new("binlog.000007", 500),
        file_created: 1000,
        delivered,
        last_gtid: String::new(),
        committed_at: 0,
        prepared: Vec::new(),
    }
}

fn by_place() -> SourceMark {
    mark(Reading::Place(BinlogPlace::new("binlog.000007", 500)))
}

fn present(executed: Reading, files: &[(&str, u64)], created: Option<u32>) -> Present {
    let files = files.iter().map(|&(name, size)| BinlogFile { name: name.into(), size }).collect();
    Present { executed, purged: GtidSet::new(), files, created }
}

fn places(files: &[(&str, u64)], created: Option<u32>) -> Present {
    present(Reading::Place(BinlogPlace::new("binlog.000009", 4)), files, created)
}

fn message(mark: &SourceMark, present: &Present) -> String {
    judge(mark, present).unwrap_err().message
}

#[test]
fn the_same_file_is_fine_however_much_longer() {
    for size in [500, 501, 5 << 32] {
        judge(&by_place(), &places(&[("binlog.000007", size), ("binlog.000008", 4)], Some(1000))).unwrap();
    }
    let unknown = SourceMark { file_created: 0, ..by_place() };
    judge(&unknown, &places(&[("binlog.000007", 500)], Some(77))).unwrap();
}

#[test]
fn another_file_of_the_same_name_stops() {
    let found = message(&by_place(), &places(&[("binlog.000007", 9000)], Some(1060)));
    assert!(found.contains("is not the one that the task read: it was made 60 s later"), "{found}");
    let found = message(&by_place(), &places(&[("binlog.000007", 499)], Some(1000)));
    assert!(found.contains("ends at 499, but the task has read it up to 500"), "{found}");
}

#[test]
fn a_file_that_is_gone_was_purged_or_the_server_was_reset() {
    let found = message(&by_place(), &places(&[("binlog.000008", 4)], None));
    assert!(found.contains("has purged binlog binlog.000007") && found.contains("oldest is binlog.000008"), "{found}");
    let found = message(&by_place(), &places(&[("binlog.000001", 4), ("binlog.000002", 4)], None));
    assert!(found.contains("no longer has binlog binlog.000007"), "{found}");
    assert!(found.contains("binlog.000001 to binlog.000002"), "{found}");
    // Numbers are compared as numbers.
    let found = message(&by_place(), &places(&[("binlog.1000000", 4)], None));
    assert!(found.contains("has purged"), "{found}");
}

#[test]
fn gtids_say_exactly_what_is_missing() {
    let mark = mark(Reading::Gtids(gtids("1-50")));
    let files = [("binlog.000007", 9000)];
    let found = message(&mark, &present(Reading::Gtids(gtids("1-47")), &files, Some(1000)));
    assert!(found.contains(&format!("{UUID}:48-50")), "{found}");
    let purged = Present { purged: gtids("1-60"), ..present(Reading::Gtids(gtids("1-90")), &files, Some(1000)) };
    let found = message(&mark, &purged);
    assert!(found.contains(&format!("{UUID}:51-60")), "{found}");
    // GTIDs given out again after a crash: nothing is missing by name, but it is another file.
    let found = message(&mark, &present(Reading::Gtids(gtids("1-90")), &files, Some(1001)));
    assert!(found.contains("is not the one"), "{found}");
    let found = message(&mark, &places(&files, Some(1000)));
    assert!(found.contains("no GTIDs any more"), "{found}");
}

#[test]
fn a_purged_file_is_no_loss_where_the_gtids_say_so() {
    let mark = mark(Reading::Gtids(gtids("1-50")));
    let purged =
        Present { purged: gtids("1-50"), ..present(Reading::Gtids(gtids("1-90")), &[("binlog.000008", 9000)], None) };
    judge(&mark, &purged).unwrap();
}
