//! Every code of every character set that the server lists becomes what the server's own conversion makes of it, or is
//! marked where the server has no character for it.

use millrace_model::mysql_type::Sign::Signed;
use millrace_model::{Cell, MysqlType, Row};
use millrace_mysql::Session;
use millrace_mysql::binlog::{BinlogStart, RowDecoder, RowImage};
use millrace_mysql::charset::{Charset, Charsets};
use millrace_mysql::schema::read_tables;
use millrace_mysql::snapshot::{ChunkLimits, ChunkReader};
use mysql_async::prelude::Queryable;

use crate::lab::{ColumnCase, Lab, decode_with, inserted};
use crate::source;

#[tokio::test]
async fn names_and_numbers_are_the_servers() {
    let mut lab = Lab::new("charset_names").await;
    let sql = "SELECT id, character_set_name FROM information_schema.collations WHERE character_set_name <> 'binary'";
    let collations: Vec<(u64, String)> = lab.session.query(sql).await.unwrap();
    assert!(collations.len() > 250);
    for (id, name) in collations {
        let charset = Charset::of_collation(id).unwrap_or_else(|| panic!("{id} {name}"));
        assert_eq!((charset.name(), Charset::of_name(&name)), (&*name, Some(charset)), "{id}");
    }
    let sql = "SELECT character_set_name, maxlen FROM information_schema.character_sets \
               WHERE character_set_name <> 'binary'";
    let charsets: Vec<(String, u32)> = lab.session.query(sql).await.unwrap();
    for (name, longest) in charsets {
        assert_eq!(Charset::of_name(&name).unwrap().max_bytes(), longest, "{name}");
    }
    lab.finish().await;
}

fn columns(charset: &str) -> [ColumnCase; 2] {
    let text = MysqlType::Text { length_bytes: 3, charset: charset.into() };
    [("id".into(), String::new(), MysqlType::Int(Signed)), ("v".into(), String::new(), text)]
}

/// Two texts in each set: of every character there is that the set has; and of every code of two bytes or less that is a
/// character, of which several can be the same one.
#[tokio::test]
async fn every_character_of_every_set() {
    let mut lab = Lab::new("charset_codes").await;
    let mut reader = source::connect().await;
    let mut charsets = Charsets::default();
    let sql = "SELECT character_set_name FROM information_schema.character_sets WHERE character_set_name <> 'binary'";
    let names: Vec<String> = lab.session.query(sql).await.unwrap();
    fill(&mut lab).await;
    for name in names {
        let (start, _) = lab.now().await;
        lab.run(&format!("CREATE TABLE {name} (id int primary key, v mediumtext) CHARACTER SET {name}")).await;
        // What the set does not have becomes a question mark.
        let characters =
            format!("SELECT 1, REPLACE(CONVERT(v USING {name}), _utf8mb4 '?', _utf8mb4 '') FROM everything");
        lab.run(&format!("INSERT INTO {name} {characters}")).await;
        let code = format!("CONVERT(UNHEX(LPAD(HEX(n), IF(n < 256, 2, 4), '0')) USING {name})");
        let codes = format!("SELECT {code} AS c, n FROM numbers WHERE n < 256 OR n >= 32768");
        // Halves of surrogate pairs are codes of ucs2 without a character.
        let halves = if name == "ucs2" { "AND n NOT BETWEEN 55296 AND 57343" } else { "" };
        let is_one = format!("CHAR_LENGTH(c) = 1 AND HEX(CONVERT(c USING utf8mb4)) <> '3F' {halves}");
        let codes = format!("SELECT 2, GROUP_CONCAT(c ORDER BY n SEPARATOR '') FROM ({codes}) AS codes WHERE {is_one}");
        lab.run(&format!("INSERT INTO {name} {codes}")).await;
        let schema = lab.schema(&name, &columns(&name));
        charsets.complete(&mut reader, &schema).await.unwrap();
        let images = decode_with(&lab.batches(BinlogStart::Place(start)).await, &schema, &charsets);
        let said: Vec<String> = lab.session.query(format!("SELECT v FROM {name} ORDER BY id")).await.unwrap();
        for (read, said) in inserted(&images).iter().zip(&said) {
            let read = read[1].as_deref().unwrap();
            let first = read.chars().zip(said.chars()).find(|(read, said)| read != said);
            assert_eq!(first, None, "{name}");
            assert_eq!(read.len(), said.len(), "{name}");
        }
        assert_eq!((images.len(), said.len()), (2, 2));
        assert!(said.iter().all(|text| text.chars().count() >= 100) || name.starts_with("utf"), "{name}");
        lab.run(&format!("DROP TABLE {name}")).await;
    }
    lab.finish().await;
}

/// The table `everything` with a text of all characters but `?` up to the supplementary ideographs, and `numbers`.
async fn fill(lab: &mut Lab) {
    lab.run("CREATE TABLE everything (v longtext) CHARACTER SET utf8mb4").await;
    let everything: String = ('\u{1}'..='\u{20fff}').filter(|&character| character != '?').collect();
    lab.session.exec_drop("INSERT INTO everything VALUES (?)", (everything,)).await.unwrap();
    lab.run("SET cte_max_recursion_depth = 100000, group_concat_max_len = 10000000").await;
    lab.run("CREATE TABLE numbers (n int primary key)").await;
    let numbers = "WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 65535) SELECT n FROM s";
    lab.run(&format!("INSERT INTO numbers {numbers}")).await;
}

/// Bytes that the set has no character for are stored by the server and shown as `?`: they come in UTF-8 with 0xff for each code that is no character, by both ways the same; a key is never one of them.
#[tokio::test]
async fn codes_without_a_character_are_marked_and_refused_in_keys() {
    let mut lab = Lab::new("charset_gaps").await;
    let mut reader = source::connect().await;
    for (name, stored, marked) in [
        ("gbk", "61AAA162", &b"a\xffb"[..]),
        ("cp1250", "81618181", b"\xffa\xff\xff"),
        ("ucs2", "0061D8000062", b"a\xffb"),
        ("sjis", "8540", b"\xff"),
        ("greek", "FFE1", "\u{1}α".as_bytes()),
    ] {
        let marked: Vec<u8> = marked.iter().map(|&byte| if byte == 1 { 0xff } else { byte }).collect();
        let (binlog, snapshot) =
            read_both(&mut lab, &mut reader, name, "id int primary key, v mediumtext", stored).await;
        let row: Row = [Cell::Int(1), Cell::Bytes(&marked)].into_iter().collect();
        assert_eq!((binlog, snapshot), (Ok(row.clone()), Ok(row)), "{name}");

        let (binlog, snapshot) =
            read_both(&mut lab, &mut reader, name, "id int, v varchar(20) primary key", stored).await;
        for error in [binlog.unwrap_err(), snapshot.unwrap_err()] {
            assert!(error.contains("not text of the column's character set"), "{name}: {error}");
            assert!(error.contains("\"v\""), "{name}: {error}");
        }
    }
    lab.finish().await;
}

/// The one row of a table, 1 and a text of these bytes, by the binlog and by a snapshot.
async fn read_both(
    lab: &mut Lab,
    reader: &mut Session,
    charset: &str,
    columns: &str,
    stored: &str,
) -> (Result<Row, String>, Result<Row, String>) {
    let (start, _) = lab.now().await;
    lab.run(&format!("CREATE TABLE gaps ({columns}) CHARACTER SET {charset}")).await;
    lab.run(&format!("INSERT INTO gaps VALUES (1, x'{stored}')")).await;
    let found: String = lab.session.query_first("SELECT HEX(v) FROM gaps").await.unwrap().unwrap();
    assert_eq!(found, stored, "{charset}");
    let wanted = |table: &millrace_model::TableName| *table.database == *lab.database;
    let schema = read_tables(reader, &wanted).await.unwrap().remove(0).into_schema(1);
    let mut charsets = Charsets::default();
    charsets.complete(reader, &schema).await.unwrap();
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let decoder = RowDecoder::new(&batches[0].map, &schema, &charsets).unwrap();
    let decoded = decoder.decode(&batches[0], &mut millrace_model::RowWriter::new()).unwrap().next().unwrap();
    let binlog = match decoded {
        Ok(RowImage::Insert(row)) => Ok(row),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    };
    let limits = ChunkLimits { rows: 10, bytes: 1000 };
    let chunk = ChunkReader::new(schema.into(), limits).unwrap().read(reader, None, None).await;
    lab.run("DROP TABLE gaps").await;
    (binlog, chunk.map(|mut chunk| chunk.rows.remove(0)).map_err(|error| error.to_string()))
}
