//! Whole task files: what is made of good ones, and where and how bad ones are refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use millrace_model::{ErrorClass, Failure};
use millrace_task::{Phases, Surroundings, Task, TaskError, Tls, Transport, Verification, parse};
use secrecy::ExposeSecret;

const SECRET: &str = "hunter2@/%";

fn variable(name: &str) -> Option<String> {
    (name == "SECRET").then(|| SECRET.to_owned())
}

fn read(text: &str) -> Result<Task, TaskError> {
    let surroundings = Surroundings { variable: &variable, read_file: &|_| Ok(format!("{SECRET}\n")) };
    parse(text, Path::new("/etc/millrace/shop.toml"), &surroundings)
}

/// A good file with one part replaced.
fn with(part: &str, replacement: &str) -> String {
    let good = "name = \"shop\"\n\
        [source]\nurl = \"mysql://u:p@127.0.0.1\"\n\
        [destination]\nurl = \"postgres://u:p@db/w\"\n\
        [log]\nkafka = \"127.0.0.1:9092\"\n\
        [[objects]]\ntable = \"shop.*\"\n";
    assert!(good.contains(part), "{part}");
    good.replacen(part, replacement, 1)
}

#[test]
fn defaults_are_sensible() {
    let task = read(&with("", "")).unwrap();
    assert_eq!(task.phases, Phases::SchemaFullIncremental);
    assert!(!task.phases.complete_by_themselves() && task.environment.is_none());
    assert_eq!((task.source.server.port, task.destination.server.port), (3306, 5432));
    assert_eq!((task.source.server.address().as_str(), task.destination.database.as_str()), ("127.0.0.1:3306", "w"));
    assert_eq!(task.source.tls, Tls::Disabled);
    let full = Tls::Encrypted { verification: Verification::Full { ca: None }, client: None };
    assert_eq!(task.destination.tls, full);
    assert!(matches!(&task.log.transport, Transport::Kafka(kafka) if kafka.brokers == "127.0.0.1:9092"));
    assert_eq!(task.log.partitions, 8);
    assert_eq!(task.retry.connection, Duration::from_secs(720 * 60));
    assert_eq!(task.retry.other, Duration::from_secs(600));
    assert!(task.http.capture.ip().is_loopback());
    let without_log = read(&with("[log]\nkafka = \"127.0.0.1:9092\"\n", "")).unwrap();
    assert!(matches!(without_log.log.transport, Transport::InProcess));
}

#[test]
fn tls_modes() {
    let tls = |side: &str, table: &str| {
        let (part, replacement) = match side {
            "loopback" => ("127.0.0.1\"", format!("127.0.0.1\"\ntls = {table}")),
            _ => ("db/w\"", format!("db/w\"\ntls = {table}")),
        };
        let task = read(&with(part, &replacement)).unwrap();
        if side == "loopback" { task.source.tls } else { task.destination.tls }
    };
    let ca = || Some(PathBuf::from("/etc/millrace/ca.pem"));
    let encrypted = |verification| Tls::Encrypted { verification, client: None };
    assert_eq!(tls("loopback", "{}"), Tls::Disabled);
    assert_eq!(tls("loopback", "{ ca = 'ca.pem' }"), encrypted(Verification::Full { ca: ca() }));
    assert_eq!(tls("remote", "{ mode = 'disabled' }"), Tls::Disabled);
    assert_eq!(tls("remote", "{ mode = 'required' }"), encrypted(Verification::Unchecked));
    assert_eq!(tls("remote", "{ mode = 'verify-ca', ca = 'ca.pem' }"), encrypted(Verification::Authority { ca: ca() }));
    let with_client = tls("remote", "{ cert = '/c.pem', key = '/k.pem' }");
    assert!(matches!(with_client, Tls::Encrypted { client: Some(client), .. } if client.cert == Path::new("/c.pem")));
}

#[test]
fn secrets_are_never_printed() {
    let text = with("u:p@127", "u:${SECRET}@127")
        .replace("u:p@db", "u:${file:secret}@db")
        .replace("9092\"", "9092\"\noptions = { 'sasl.password' = '${SECRET}', 'linger.ms' = 5, 'debug' = false }");
    let task = read(&text).unwrap();
    assert_eq!(task.source.server.password.as_ref().unwrap().expose_secret(), SECRET);
    assert_eq!(task.destination.server.password.as_ref().unwrap().expose_secret(), SECRET);
    let Transport::Kafka(kafka) = &task.log.transport else { panic!("no kafka") };
    let options: Vec<_> = kafka.options.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    assert_eq!(options, [("debug", "false"), ("linger.ms", "5"), ("sasl.password", SECRET)]);
    assert!(!format!("{task:?}").contains("hunter2"), "{task:?}");
    for part in ["name = \"", "[source]\nurl = \"", "kafka = \"", "postgres://u:p@", "127.0.0.1\""] {
        for secret in ["${SECRET}", "hunter2?"] {
            let error = read(&with(part, &format!("{part}{secret}"))).unwrap_err();
            let failure = Failure::from(error.clone());
            assert!(!format!("{failure:?}{error:?}").contains("hunter2"), "{error}");
        }
    }
    let error = read(&with("[log]", "[retry]\nother_minutes = \"hunter2\"\n[log]")).unwrap_err();
    assert_eq!(error.problem.to_string(), "expected a whole number, found a string");
}

/// A part of the good file, its replacement; line:column, key, part of the message, part of the hint.
type Refusal = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

fn are_refused(refusals: &[Refusal]) {
    for (part, replacement, place, key, message, hint) in refusals {
        let error = read(&with(part, replacement)).unwrap_err();
        let shown = error.to_string();
        let failure = Failure::from(error.clone());
        assert_eq!(failure.class, ErrorClass::Fatal);
        assert!(!failure.message.contains('\n') && !failure.hint.is_empty() && !failure.hint.contains('\n'), "{shown}");
        let prefix = format!("/etc/millrace/shop.toml:{place}: ");
        assert!(shown.starts_with(&prefix), "{replacement}: expected {place}, got {shown}");
        assert_eq!(error.key, *key, "{shown}");
        assert!(shown.contains(message), "{replacement}: expected {message}, got {shown}");
        assert!(failure.hint.contains(hint), "{replacement}: expected {hint}, got {}", failure.hint);
    }
}

#[test]
fn bad_files_are_refused_with_place_key_and_hint() {
    are_refused(&[
        ("name", "nam", "1:1", "nam", "unknown key", "did you mean \"name\"?"),
        ("name = \"shop\"", "", "1:1", "name", "missing", "name = \"shop\""),
        ("shop", "Shop", "1:8", "name", "1 to 64", "topics"),
        ("name = \"shop\"", "name = 5", "1:8", "name", "expected a string, found an integer", "docs"),
        ("shop", "${MISSING}", "1:8", "name", "\"MISSING\" is not set", "MISSING"),
        ("[source]", "phases = ['ful']\n[source]", "2:11", "phases", "expected one of schema", "\"full\"?"),
        ("[source]", "phases = ['full', 'schema']\n[source]", "2:10", "phases", "out of order", "order"),
        ("[source]", "phases = []\n[source]", "2:10", "phases", "empty", "order"),
        ("[source]", "environment = ''\n[source]", "2:15", "environment", "1 to 64", "production"),
        ("url", "ulr", "3:1", "source.ulr", "unknown key", "url"),
        ("url = \"mysql", "#", "2:1", "source.url", "missing", "mysql://"),
        ("mysql:", "postgres:", "3:7", "source.url", "mysql://", "mysql://"),
        ("127.0.0.1\"", "127.0.0.1/shop\"", "3:7", "source.url", "names a database", "[[objects]]"),
        ("db/w", "db", "5:7", "destination.url", "no database", "/DATABASE"),
        ("db/w\"", "db/w\"\ntls = { mode = 'verify' }", "6:16", "destination.tls.mode", "unknown word", "verify-ca"),
        ("db/w\"", "db/w\"\ntls = { mode = 'required', ca = 'x' }", "6:7", "destination.tls", "no effect", "leave"),
        (
            "db/w\"",
            "db/w\"\ntls = { mode = 'disabled', cert = 'x', key = 'y' }",
            "6:7",
            "destination.tls",
            "no effect",
            "",
        ),
        ("db/w\"", "db/w\"\ntls = { cert = 'x' }", "6:7", "destination.tls", "without the other", "both"),
        ("db/w\"", "db/w\"\ntls = true", "6:7", "destination.tls", "expected a table, found a boolean", ""),
        ("127.0.0.1:9092", "localhost", "7:9", "log.kafka", "host:port", "9092"),
        ("kafka", "partitions = 0\nkafka", "7:14", "log.partitions", "0 is out of range, expected 1 to 1024", ""),
        ("kafka", "partitions = -1\nkafka", "7:14", "log.partitions", "-1 is out of range", ""),
        ("kafka", "partitions = 1.5\nkafka", "7:14", "log.partitions", "expected a whole number, found a float", ""),
        ("9092\"", "9092\"\noptions = { 'acks' = 1 }", "8:13", "log.options.acks", "millrace itself", "leave it out"),
        ("kafka = \"127.0.0.1:9092\"", "options = { a = 'b' }", "7:13", "log.options", "without", "kafka ="),
        ("[[objects]]\ntable = \"shop.*\"\n", "", "1:1", "objects", "missing", "[[objects]]"),
        ("[[objects]]\ntable = \"shop.*\"\n", "[[objects]]\n", "8:1", "objects.table", "missing", "shop.*"),
        ("shop.*", "shop", "9:9", "objects.table", "database.table", "shop.orders"),
        ("shop.*", "mysql.user", "9:9", "objects.table", "server's own", "other databases"),
        ("shop.*\"", "shop.*\"\nexclude = ['crm.x']", "10:12", "objects.exclude", "nothing of", "own"),
        ("shop.*\"", "shop.*\"\nexclude = ['*.x']", "10:12", "objects.exclude", "not more specific", "less"),
        (
            "shop.*\"",
            "shop.*\"\ncolumns = { exclude = ['a', 'b`'] }",
            "10:29",
            "objects.columns.exclude",
            "backquote",
            "",
        ),
        ("shop.*\"", "shop.*\"\ncolumns = { exclude = 'a' }", "10:23", "objects.columns.exclude", "an array", ""),
        ("shop.*\"", "shop.*\"\nrename = 'sales.x'", "10:10", "objects.rename", "several tables", "sales.*"),
        ("shop.*\"", "shop.*\"\nrename = 'sales'", "10:10", "objects.rename", "database.table", "shop.orders"),
        ("shop.*\"", "shop.*\"\nrename = '*.x'", "10:10", "objects.rename", "neither", "sales.*"),
        ("shop.*\"", "shop.*\"\ncolumns = { rename = { a = '' } }", "10:28", "objects.columns.rename", "empty", "63"),
        (
            "shop.*\"",
            "shop.*\"\ncolumns = { rename = { a = 'x', A = 'y' } }",
            "10:33",
            "objects.columns.rename",
            "named twice",
            "once",
        ),
        (
            "shop.*\"",
            "shop.*\"\ncolumns = { rename = { a = 'x', b = 'x' } }",
            "10:37",
            "objects.columns.rename",
            "both be called \"x\"",
            "own",
        ),
        (
            "shop.*\"",
            "shop.*\"\ncolumns = { exclude = ['a*'], rename = { Ab = 'x' } }",
            "10:42",
            "objects.columns.rename",
            "does not move",
            "one of the two",
        ),
        (
            "shop.*\"",
            "shop.*\"\ncolumns = { type = { a = 'tinyint' } }",
            "10:26",
            "objects.columns.type",
            "\"tinyint\" is not a type",
            "smallint",
        ),
    ]);
}

#[test]
fn bad_tls_is_refused_with_place_key_and_hint() {
    for (side, part) in [("source", "127.0.0.1\""), ("destination", "db/w\"")] {
        for (tls, key, message) in [
            ("{ mode = 'verify' }", "tls.mode", "unknown word"),
            ("{ mode = 'required', ca = 'x' }", "tls", "\"ca\" has no effect"),
            ("{ mode = 'disabled', cert = 'x', key = 'y' }", "tls", "no effect"),
            ("{ cert = 'x' }", "tls", "without the other"),
            ("{ key = 'x' }", "tls", "without the other"),
            ("{ ca = 5 }", "tls.ca", "expected a string"),
            ("{ cert = 5, key = 'x' }", "tls.cert", "expected a string"),
            ("{ cert = 'x', key = 5 }", "tls.key", "expected a string"),
        ] {
            let error = read(&with(part, &format!("{part}\ntls = {tls}"))).unwrap_err();
            assert_eq!(error.key, format!("{side}.{key}"), "{tls}: {error}");
            assert!(error.to_string().contains(message), "{tls}: {error}");
        }
    }
}

#[test]
fn bad_operations_and_rules_are_refused_with_place_key_and_hint() {
    are_refused(&[
        (
            "[source]",
            "operations = ['insert', 'upsert']\n[source]",
            "2:25",
            "operations",
            "expected one of insert",
            "insert",
        ),
        ("[source]", "operations = []\n[source]", "2:14", "operations", "empty", "phases"),
        ("shop.*\"", "shop.*\"\noperations = ['drop', 'drop']", "10:14", "objects.operations", "repeated", "once"),
        ("shop.*\"", "shop.*\"\nprimary_key = []", "10:15", "objects.primary_key", "no columns", "source's"),
        ("shop.*\"", "shop.*\"\nprimary_key = ['a', 'A']", "10:21", "objects.primary_key", "twice", "once"),
        (
            "shop.*\"",
            "shop.*\"\nprimary_key = ['a']\ncolumns = { exclude = ['*'] }",
            "10:16",
            "objects.primary_key",
            "does not move",
            "one of the two",
        ),
        (
            "shop.*\"",
            "shop.*\"\nprimary_key = ['a']\ndistributed_by = ['b']",
            "11:18",
            "objects.distributed_by",
            "\"b\" is not one",
            "unique",
        ),
        (
            "shop.*\"",
            "shop.*\"\ndistributed_by = 'anyhow'",
            "10:18",
            "objects.distributed_by",
            "\"replicated\" or \"randomly\"",
            "without a key",
        ),
        (
            "shop.*\"",
            "shop.*\"\nprimary_key = ['a']\ndistributed_by = 'randomly'",
            "11:18",
            "objects.distributed_by",
            "cannot be distributed randomly",
            "one of the two",
        ),
        ("shop.*\"", "shop.*\"\ndistributed_by = 5", "10:18", "objects.distributed_by", "an array of columns", ""),
        ("shop.*\"", "shop.*\"\nstorage = 'column'", "10:11", "objects.storage", "expected one of heap, beam", ""),
        ("shop.*\"", "shop.*\"\nroute = 'key'", "10:9", "objects.route", "expected one of auto, table", ""),
        (
            "[log]",
            "[schema]\nexisting_tables = 'drop'\n[log]",
            "7:19",
            "schema.existing_tables",
            "expected one of report, ignore",
            "",
        ),
        ("[log]", "[schema]\nnames = 'upper'\n[log]", "7:9", "schema.names", "expected one of keep, lower", ""),
        ("[log]", "[schema]\nquote = 'no'\n[log]", "7:9", "schema.quote", "expected one of always, needed, never", ""),
        (
            "[log]",
            "[schema]\non_type_change = 'go on'\n[log]",
            "7:18",
            "schema.on_type_change",
            "expected one of migrate, stop",
            "",
        ),
        ("[log]", "[schema]\nindexes = 'no'\n[log]", "7:11", "schema.indexes", "found a string", ""),
        ("[log]", "[schema]\nhelper_tables = ['']\n[log]", "7:18", "schema.helper_tables", "not understood", "_*_gho"),
        ("[log]", "[schema]\ncomments = 1\n[log]", "7:12", "schema.comments", "found an integer", ""),
        ("[log]", "[schema]\ncheck_constraints = 1\n[log]", "7:21", "schema.check_constraints", "found an integer", ""),
        ("[log]", "[schema]\nforeign_keys = 'yes'\n[log]", "7:16", "schema.foreign_keys", "found a string", ""),
        ("shop.*\"", "shop.*\"\nwhere = 'a = '", "10:9", "objects.where", "at column 5 of the condition", "conditions"),
        ("shop.*\"", "shop.*\"\nwhere = 'now() > a'", "10:9", "objects.where", "function \"now\"", "functions"),
        ("shop.*\"", "shop.*\"\n[[objects]]\ntable = 'shop.*'", "11:9", "objects.table", "two rules", "one"),
    ]);
}

#[test]
fn bad_retries_bounds_and_addresses_are_refused_with_place_key_and_hint() {
    are_refused(&[
        (
            "[log]",
            "[retry]\nconnection_minutes = 9\n[log]",
            "7:22",
            "retry.connection_minutes",
            "9 is out",
            "10 to 1440",
        ),
        (
            "[log]",
            "[retry]\nconnection_minutes = 20\nother_minutes = 20\n[log]",
            "8:17",
            "retry.other_minutes",
            "less",
            "20",
        ),
        ("[log]", "[errors]\non_bad_row = 'skip'\n[log]", "7:14", "errors.on_bad_row", "unknown word", "quarantine"),
        (
            "[log]",
            "[errors]\nquarantine_limit = 9\n[log]",
            "7:20",
            "errors.quarantine_limit",
            "without on_bad_row",
            "leave the limit out",
        ),
        (
            "[log]",
            "[errors]\non_bad_row = 'quarantine'\nquarantine_limit = 0\n[log]",
            "8:20",
            "errors.quarantine_limit",
            "0 is out of range",
            "1 to 100000",
        ),
        ("[source]", "memory = 63\n[source]", "2:10", "memory", "63 is out of range", "64 to 65536"),
        ("[log]", "[full]\nchunk_rows = 99\n[log]", "7:14", "full.chunk_rows", "99 is out of range", "100 to 1000000"),
        ("[log]", "[full]\nreaders = 65\n[log]", "7:11", "full.readers", "65 is out of range", "1 to 64"),
        ("[log]", "[http]\ncapture = '127.0.0.1'\n[log]", "7:11", "http.capture", "ip address", "127.0.0.1"),
        ("[log]", "[http]\ntransform = ':9562'\n[log]", "7:13", "http.transform", "ip address", "127.0.0.1"),
        ("[log]", "[http]\napply = 'localhost'\n[log]", "7:9", "http.apply", "ip address", "127.0.0.1"),
        ("[log]", "[http]\napply = '0.0.0.0:9563'\n[log]", "7:9", "http.apply", "beyond loopback", "token ="),
        ("[log]", "[http]\ntoken = 'too-short'\n[log]", "7:9", "http.token", "16 to 256", "openssl rand"),
        ("[log]", "[http]\ntoken = 'with a space in it'\n[log]", "7:9", "http.token", "16 to 256", "openssl rand"),
        ("[log]", "[http]\napply = '127.0.0.1:9561'\n[log]", "7:9", "http.apply", "two stages", "of its own"),
        ("[log]", "[throttle]\n[log]", "6:2", "throttle", "unknown key", "keys here"),
        ("name = ", "name = = ", "1:8", "", "not valid toml", "docs"),
        ("[source]", "name = 'b'\n[source]", "2:1", "", "not valid toml: duplicate key", ""),
    ]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = millrace_task::load(Path::new("/nowhere/shop.toml")).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/shop.toml: cannot read the task file"), "{error}");
}

#[test]
fn the_fingerprint_changes_with_content_and_route_only() {
    let base = read(&with("", "")).unwrap().fingerprint();
    for (part, replacement) in [
        ("name", "# comment\nname"),
        ("[source]", "environment = 'x'\n[source]"),
        ("[source]", "phases = ['schema', 'full', 'incremental']\n[source]"),
        (
            "[log]",
            "[schema]\ntypes = 'lossless'\nzero_dates = 'null'\ninvalid_dates = 'stop'\nnul_characters = 'stop'\ninvalid_text = 'stop'\n[log]",
        ),
        ("u:p@127.0.0.1", "v:q@other:3307"),
        ("u:p@db", "v:q@other"),
        ("kafka", "partitions = 8\nkafka"),
        ("127.0.0.1:9092", "other:9092"),
        ("[log]\nkafka = \"127.0.0.1:9092\"\n", ""),
        (
            "[log]",
            "[errors]\non_bad_row = 'quarantine'\n[retry]\nother_minutes = 3\n[full]\nreaders = 3\n[http]\napply = '127.0.0.1:0'\n[log]",
        ),
        ("shop.*\"", "`shop`.**\""),
    ] {
        assert_eq!(read(&with(part, replacement)).unwrap().fingerprint(), base, "{replacement}");
    }
    let mut seen = vec![base];
    for (part, replacement) in [
        ("name = \"shop\"", "name = \"shop2\""),
        ("[source]", "phases = ['full', 'incremental']\n[source]"),
        ("kafka", "partitions = 9\nkafka"),
        ("shop.*", "shop.?*"),
        ("shop.*\"", "shop.*\"\nexclude = ['shop.a']"),
        ("shop.*\"", "shop.*\"\ncolumns = { exclude = ['a'] }"),
        ("shop.*\"", "shop.*\"\n[[objects]]\ntable = 'shop.a'"),
        ("shop.*\"", "shop.*\"\nrename = 'sales.*'"),
        ("shop.*\"", "shop.*\"\nwhere = 'a = 1'"),
        ("[log]", "[schema]\nexisting_tables = 'ignore'\n[log]"),
        ("[log]", "[schema]\nnames = 'lower'\n[log]"),
        ("[log]", "[schema]\nquote = 'needed'\n[log]"),
        ("[log]", "[schema]\nquote = 'never'\n[log]"),
        ("[log]", "[schema]\non_type_change = 'stop'\n[log]"),
        ("[log]", "[schema]\ntypes = 'dts'\n[log]"),
        ("[log]", "[schema]\nzero_dates = 'stop'\n[log]"),
        ("[log]", "[schema]\nzero_dates = '0001-01-01'\n[log]"),
        ("[log]", "[schema]\ninvalid_dates = 'null'\n[log]"),
        ("[log]", "[schema]\ninvalid_dates = '0001-01-01'\n[log]"),
        ("[log]", "[schema]\nnul_characters = 'remove'\n[log]"),
        ("[log]", "[schema]\nnul_characters = 'replace'\n[log]"),
        ("[log]", "[schema]\ninvalid_text = 'replace'\n[log]"),
        ("[log]", "[schema]\nindexes = false\n[log]"),
        ("[log]", "[schema]\ncomments = false\n[log]"),
        ("shop.*\"", "shop.*\"\nprimary_key = ['a', 'b']"),
        ("shop.*\"", "shop.*\"\nprimary_key = ['b', 'a']"),
        ("shop.*\"", "shop.*\"\ndistributed_by = ['a']"),
        ("shop.*\"", "shop.*\"\ndistributed_by = 'replicated'"),
        ("shop.*\"", "shop.*\"\ndistributed_by = 'randomly'"),
        ("shop.*\"", "shop.*\"\nstorage = 'heap'"),
        ("shop.*\"", "shop.*\"\nroute = 'table'"),
        ("[source]", "operations = ['insert']\n[source]"),
        ("shop.*\"", "shop.*\"\noperations = ['insert', 'update']"),
        ("shop.*\"", "shop.*\"\ncolumns = { rename = { a = 'b' } }"),
        ("shop.*\"", "shop.*\"\ncolumns = { type = { a = 'text' } }"),
    ] {
        let fingerprint = read(&with(part, replacement)).unwrap().fingerprint();
        assert!(!seen.contains(&fingerprint), "{replacement}");
        seen.push(fingerprint);
    }
    let twice = |first: &str, second: &str| {
        let tables = format!("table = '{first}'\n[[objects]]\ntable = '{second}'");
        read(&with("table = \"shop.*\"", &tables)).unwrap().fingerprint()
    };
    assert_eq!(twice("a.*", "b.*"), twice("b.*", "a.*"));
}

/// A golden value: a new version of Millrace must not refuse the tasks of the version before.
#[test]
fn the_fingerprint_is_stable_across_versions() {
    let fingerprint = read(&with("", "")).unwrap().fingerprint();
    assert_eq!(u128::from_be_bytes(fingerprint), 123_189_266_080_079_459_491_509_937_766_209_626_225);
}

#[test]
fn failover_servers_are_checked_like_the_source() {
    let key = "source.failover";
    let place = "127.0.0.1\"";
    are_refused(&[
        (place, "127.0.0.1\"\nfailover = ['postgres://u@127.0.0.1']", "4:13", key, "mysql://", "mysql://"),
        (place, "127.0.0.1\"\nfailover = ['mysql://u@127.0.0.1/shop']", "4:13", key, "names a database", "objects"),
        (place, "127.0.0.1\"\nfailover = ['mysql://u@replica']", "4:13", key, "on this machine", "by its name"),
        (place, "127.0.0.1\"\nfailover = 'mysql://u@replica'", "4:12", key, "expected", ""),
    ]);
}
