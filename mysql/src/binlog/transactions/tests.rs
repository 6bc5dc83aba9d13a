#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use bytes::Bytes;
use proptest::prelude::*;

const HEADER: usize = 19;

/// A source that writes events one after the other, as a server would.
struct Source {
    end: u64,
    transactions: Transactions,
}

impl Source {
    fn new() -> Self {
        Self::at(4, Gaps::Forbidden)
    }

    fn at(offset: u64, gaps: Gaps) -> Self {
        Self { end: offset, transactions: Transactions::new(BinlogPlace::new("binlog.000001", offset), gaps) }
    }

    fn event(&mut self, kind: u8, data: &[u8]) -> RawEvent {
        let size = (HEADER + data.len()) as u32;
        self.end += u64::from(size);
        RawEvent {
            kind,
            timestamp: 7,
            size,
            log_pos: self.end as u32,
            flags: 0,
            data: Bytes::copy_from_slice(data),
            level: Level::Outer,
            gtid: None,
        }
    }

    fn send(&mut self, kind: u8, data: &[u8]) -> Result<Vec<SourceEvent>, BinlogError> {
        let event = self.event(kind, data);
        self.give(&event)
    }

    fn give(&mut self, event: &RawEvent) -> Result<Vec<SourceEvent>, BinlogError> {
        self.transactions.accept(event)?;
        Ok(std::iter::from_fn(|| self.transactions.take()).collect())
    }

    fn gtid(&mut self, number: u64) -> Result<Vec<SourceEvent>, BinlogError> {
        let mut event = self.event(kind::GTID, &[0; 42]);
        event.gtid = Some(GtidFields { uuid: [0x3e; 16], tag: String::new(), number, committed_at: 99 });
        self.give(&event)
    }

    fn query(&mut self, text: &str) -> Result<Vec<SourceEvent>, BinlogError> {
        self.send(kind::QUERY, &query(text))
    }

    fn begin(&mut self) {
        self.gtid(1).unwrap();
        self.query("BEGIN").unwrap();
    }

    fn place(&self) -> BinlogPlace {
        BinlogPlace::new("binlog.000001", self.end)
    }
}

fn query(text: &str) -> Vec<u8> {
    [&[0; 13][..], &[0], text.as_bytes()].concat()
}

/// A table of one INT column.
fn map(id: u8) -> Vec<u8> {
    vec![id, 0, 0, 0, 0, 0, 1, 0, 1, b'd', 0, 1, b't', 0, 1, 3, 0, 0]
}

fn insert(id: u8) -> Vec<u8> {
    vec![id, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 0xff, 0, 5, 0, 0, 0]
}

fn message(result: Result<Vec<SourceEvent>, BinlogError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn gives_a_transaction() {
    let mut source = Source::new();
    let begun = source.gtid(5).unwrap();
    let [SourceEvent::Begin(transaction)] = &begun[..] else { panic!("{begun:?}") };
    assert_eq!(transaction.place.offset, 4);
    assert_eq!(transaction.gtid.as_ref().unwrap().to_string(), "3e3e3e3e-3e3e-3e3e-3e3e-3e3e3e3e3e3e:5");
    assert_eq!(transaction.committed_at, 99);
    assert_eq!(source.query("BEGIN").unwrap(), []);
    assert_eq!(source.send(kind::TABLE_MAP, &map(7)).unwrap(), []);
    let place = source.place();
    let rows = source.send(kind::WRITE_ROWS, &insert(7)).unwrap();
    let [SourceEvent::Rows(batch)] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((batch.kind, &batch.place, &batch.data[..]), (RowsKind::Insert, &place, &[0xff, 0, 5, 0, 0, 0][..]));
    let commit = source.send(kind::XID, &[0; 8]).unwrap();
    assert_eq!(commit, [SourceEvent::Commit { end: source.place() }]);
}

#[test]
fn equal_table_maps_are_one() {
    let mut source = Source::new();
    let mut maps = Vec::new();
    for id in [7, 7, 8] {
        source.begin();
        source.send(kind::TABLE_MAP, &map(id)).unwrap();
        let rows = source.send(kind::WRITE_ROWS, &insert(id)).unwrap();
        let [SourceEvent::Rows(batch)] = &rows[..] else { panic!("{rows:?}") };
        maps.push(batch.map.clone());
        source.send(kind::XID, &[0; 8]).unwrap();
    }
    assert!(Arc::ptr_eq(&maps[0], &maps[1]));
    assert!(!Arc::ptr_eq(&maps[1], &maps[2]));
}

#[test]
fn rows_need_a_table_map_of_their_own_transaction() {
    let mut source = Source::new();
    source.begin();
    source.send(kind::TABLE_MAP, &map(7)).unwrap();
    source.send(kind::XID, &[0; 8]).unwrap();
    source.begin();
    assert!(message(source.send(kind::WRITE_ROWS, &insert(7))).contains("does not describe its table"));
}

#[test]
fn a_statement_alone_is_a_transaction() {
    let mut source = Source::new();
    source.gtid(1).unwrap();
    let events = source.query("DROP TABLE t").unwrap();
    let [SourceEvent::Statement(statement), SourceEvent::Commit { end }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((statement.sql.as_str(), end), ("DROP TABLE t", &source.place()));
    let events = source.query("ALTER TABLE t").unwrap();
    assert!(matches!(&events[..], [SourceEvent::Begin(_), SourceEvent::Statement(_), SourceEvent::Commit { .. }]));
}

#[test]
fn a_statement_may_come_with_rows() {
    let mut source = Source::new();
    source.begin();
    let events = source.query("CREATE TABLE t (a int) START TRANSACTION").unwrap();
    assert!(matches!(&events[..], [SourceEvent::Statement(_)]));
    source.send(kind::TABLE_MAP, &map(7)).unwrap();
    source.send(kind::WRITE_ROWS, &insert(7)).unwrap();
    assert!(matches!(&source.send(kind::XID, &[0; 8]).unwrap()[..], [SourceEvent::Commit { .. }]));
}

#[test]
fn refuses_what_could_lose_data() {
    for (kind, data, message) in [
        (kind::QUERY, query("insert into t values (1)"), "logged as text"),
        (kind::QUERY, query("XA START X'61'"), "another distributed transaction"),
        (0x11, vec![0; 9], "BEGIN_LOAD_QUERY_EVENT"),
        (kind::PARTIAL_UPDATE_ROWS, vec![], "PARTIAL_UPDATE_ROWS_EVENT"),
        (kind::INCIDENT, vec![], "INCIDENT_EVENT"),
        (kind::XA_PREPARE, vec![], "XA_PREPARE_LOG_EVENT"),
        (0x2b, vec![], "0x2b"),
        (kind::GTID, vec![], "GTID_LOG_EVENT"),
        (kind::ROTATE, vec![0; 9], "inside of a transaction"),
        (kind::FORMAT_DESCRIPTION, vec![], "inside of a transaction"),
        (kind::TRANSACTION_PAYLOAD, vec![], "outside of a transaction"),
    ] {
        let mut source = Source::new();
        source.begin();
        let error = source.send(kind, &data).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.class(), millrace_model::ErrorClass::Fatal);
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn an_unknown_event_that_may_be_ignored_is() {
    let mut source = Source::new();
    let mut event = source.event(0x60, &[]);
    event.flags = IGNORABLE;
    assert_eq!(source.give(&event).unwrap(), []);
}

#[test]
fn a_rollback_is_harmless_only_before_rows() {
    for (text, is_commit) in [("ROLLBACK", true), ("ROLLBACK TO `s`", false)] {
        let mut source = Source::new();
        source.begin();
        assert_eq!(source.query(text).unwrap().len(), usize::from(is_commit));
        let mut source = Source::new();
        source.begin();
        source.send(kind::TABLE_MAP, &map(7)).unwrap();
        source.send(kind::WRITE_ROWS, &insert(7)).unwrap();
        assert!(message(source.query(text)).contains("rolled back"));
    }
}

#[test]
fn a_missing_event_is_seen() {
    let mut source = Source::at(4, Gaps::Allowed);
    source.end += 100;
    source.begin();
    source.end += 100;
    assert!(message(source.send(kind::TABLE_MAP, &map(7))).contains("does not begin where"));
    let mut source = Source::new();
    source.end += 100;
    assert!(source.gtid(1).is_err());
}

#[test]
fn places_go_beyond_four_gib() {
    let mut source = Source::at((1 << 32) - 70, Gaps::Forbidden);
    source.begin();
    let commit = source.send(kind::XID, &[0; 8]).unwrap();
    assert!(source.end > 1 << 32);
    assert_eq!(commit, [SourceEvent::Commit { end: source.place() }]);
}

fn payload(size: u64) -> Vec<u8> {
    let mut data = vec![2, 1, 0, 3, 9, 0xfe];
    data.extend(size.to_le_bytes());
    data.extend([1, 1, 0, 0]);
    data
}

fn inner(kind: u8, data: &[u8]) -> RawEvent {
    let mut event = Source::new().event(kind, data);
    event.level = Level::Inner;
    event
}

#[test]
fn a_compressed_transaction_must_come_whole() {
    let events = [
        inner(kind::QUERY, &query("BEGIN")),
        inner(kind::TABLE_MAP, &map(7)),
        inner(kind::WRITE_ROWS, &insert(7)),
        inner(kind::XID, &[0; 8]),
    ];
    let size: u64 = events.iter().map(|event| u64::from(event.size)).sum();

    let mut source = Source::new();
    source.gtid(1).unwrap();
    let outer = source.place();
    source.send(kind::TRANSACTION_PAYLOAD, &payload(size)).unwrap();
    let given: Vec<_> = events.iter().flat_map(|event| source.give(event).unwrap()).collect();
    let [SourceEvent::Rows(batch), SourceEvent::Commit { end }] = &given[..] else { panic!("{given:?}") };
    assert_eq!((&batch.place, end), (&outer, &source.place()));
    source.gtid(2).unwrap();

    for promised in [size + 1, size - 1] {
        let mut source = Source::new();
        source.gtid(1).unwrap();
        source.send(kind::TRANSACTION_PAYLOAD, &payload(promised)).unwrap();
        assert!(events.iter().any(|event| source.give(event).is_err()), "{promised}");
    }
    let mut source = Source::new();
    source.gtid(1).unwrap();
    source.send(kind::TRANSACTION_PAYLOAD, &payload(size)).unwrap();
    assert!(message(source.gtid(2)).contains("did not come whole"));
}

#[test]
fn a_rotation_is_told_once() {
    let mut source = Source::new();
    let rotate = [&4u64.to_le_bytes()[..], b"binlog.000002"].concat();
    let to = BinlogPlace::new("binlog.000002", 4);
    assert_eq!(source.send(kind::ROTATE, &rotate).unwrap(), [SourceEvent::Rotated { to }]);
    let mut again = source.event(kind::ROTATE, &rotate);
    (again.flags, again.log_pos) = (ARTIFICIAL, 0);
    assert_eq!(source.give(&again).unwrap(), []);
}

#[test]
fn numbering_of_files_only_goes_up() {
    let mut source = Source::new();
    let rotate = |file: &str| [&4u64.to_le_bytes()[..], file.as_bytes()].concat();
    source.send(kind::ROTATE, &rotate("binlog.999999")).unwrap();
    source.end = 4;
    let to = BinlogPlace::new("binlog.1000000", 4);
    assert_eq!(source.send(kind::ROTATE, &rotate("binlog.1000000")).unwrap(), [SourceEvent::Rotated { to }]);
    source.end = 4;
    let reset = message(source.send(kind::ROTATE, &rotate("binlog.000001")));
    assert!(reset.contains("was reset"), "{reset}");
}

#[test]
fn a_transaction_can_end_beyond_four_gib() {
    let mut source = Source::at((1 << 32) - 100, Gaps::Forbidden);
    source.begin();
    source.send(kind::TABLE_MAP, &map(7)).unwrap();
    let rows = source.send(kind::WRITE_ROWS, &insert(7)).unwrap();
    let [SourceEvent::Rows(batch)] = &rows[..] else { panic!("{rows:?}") };
    assert!(batch.place.offset > 1 << 32, "{}", batch.place);
    let commit = source.send(kind::XID, &[0; 8]).unwrap();
    assert_eq!(commit, [SourceEvent::Commit { end: source.place() }]);
    assert!(source.place().offset > 1 << 32);
}

#[test]
fn a_table_id_is_given_to_another_table() {
    let mut source = Source::new();
    let mut other = map(7);
    other[12] = b'u';
    let mut names = Vec::new();
    for map in [map(7), other, map(7)] {
        source.begin();
        source.send(kind::TABLE_MAP, &map).unwrap();
        let rows = source.send(kind::WRITE_ROWS, &insert(7)).unwrap();
        let [SourceEvent::Rows(batch)] = &rows[..] else { panic!("{rows:?}") };
        names.push(batch.map.name.table.to_string());
        source.send(kind::XID, &[0; 8]).unwrap();
    }
    assert_eq!(names, ["t", "u", "t"]);
}

#[test]
fn heartbeats_give_the_last_boundary() {
    let mut source = Source::at(4, Gaps::Allowed);
    source.begin();
    let mut beat = source.event(kind::HEARTBEAT, b"binlog.000001");
    source.end -= u64::from(beat.size);
    let boundary = BinlogPlace::new("binlog.000001", 4);
    assert_eq!(source.give(&beat).unwrap(), [SourceEvent::Heartbeat { place: boundary }]);
    source.send(kind::XID, &[0; 8]).unwrap();
    beat.log_pos = 5000;
    let skipped = BinlogPlace::new("binlog.000001", 5000);
    assert_eq!(source.give(&beat).unwrap(), [SourceEvent::Heartbeat { place: skipped }]);
}

proptest! {
    #[test]
    fn never_panics(events: Vec<(u8, Vec<u8>)>, open: bool) {
        let mut source = Source::new();
        if open {
            source.begin();
            source.send(kind::TABLE_MAP, &map(7)).unwrap();
        }
        for (kind, data) in events {
            // MySQL's own, and MariaDB's from 0xa0 on.
            let kind = if kind < 0x80 { kind % 0x2c } else { 0xa0 + kind % 12 };
            if source.send(kind, &data).is_err() {
                break;
            }
        }
    }
}
