//! CREATE TABLE as we read it and as the server's catalog shows it afterwards must be the same table.
#![expect(clippy::unwrap_used, reason = "tests")]

mod source;

use std::collections::HashMap;
use std::sync::Arc;

use millrace_model::schema::DefaultValue;
use millrace_mysql::column_type::Collations;
use millrace_mysql::ddl::{CreateDefaults, TimestampDefaults, parse_create_table};
use millrace_mysql::schema::read_tables;
use millrace_mysql::server::NameCase;
use millrace_mysql::sql_text::SqlMode;
use millrace_mysql::{SourceTable, StatementContext};

const STATEMENTS: &[&str] = &[
    "CREATE TABLE t (a INT)",
    "CREATE TABLE t (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) NOT NULL DEFAULT 'x')",
    "CREATE TABLE `t` (`a``b` INT NOT NULL, `key` INT, PRIMARY KEY (`a``b`)) COMMENT='it''s a \"table\"'",
    "CREATE TABLE t (a TINYINT, b TINYINT UNSIGNED, c SMALLINT, d MEDIUMINT UNSIGNED ZEROFILL, e INTEGER, f INT8, g INT1, h INT2, i INT3, j INT4, k MIDDLEINT)",
    "CREATE TABLE t (a DECIMAL, b DEC(5), c NUMERIC(65,30), d FIXED(3,1) UNSIGNED, e DECIMAL(0), f NUMERIC(10,2) ZEROFILL)",
    "CREATE TABLE t (a FLOAT, b FLOAT(24), c FLOAT(25), d DOUBLE PRECISION, e REAL, f FLOAT(5,2), g DOUBLE(10,3), h FLOAT4, i FLOAT8, j REAL UNSIGNED)",
    "CREATE TABLE t (a BIT, b BIT(64), c BOOL, d BOOLEAN DEFAULT TRUE, e SERIAL)",
    "CREATE TABLE t (a DATE, b DATETIME, c DATETIME(6), d TIMESTAMP, e TIMESTAMP(3) NULL, f TIME, g TIME(2), h YEAR, i YEAR(4))",
    "CREATE TABLE t (a CHAR, b CHAR(255), c VARCHAR(1), d CHARACTER(5), e CHARACTER VARYING(7), f CHAR VARYING(8), g VARCHARACTER(3))",
    "CREATE TABLE t (a NCHAR(4), b NATIONAL CHAR(3), c NVARCHAR(5), d NATIONAL VARCHAR(6), e NATIONAL CHARACTER VARYING(7), f NCHAR VARYING(8))",
    "CREATE TABLE t (a TINYTEXT, b TEXT, c MEDIUMTEXT, d LONGTEXT, e TEXT(10), f TEXT(100), g TEXT(20000), h TEXT(6000000), i LONG, j LONG VARCHAR)",
    "CREATE TABLE t (a TINYBLOB, b BLOB, c MEDIUMBLOB, d LONGBLOB, e BLOB(10), f BLOB(300), g BLOB(70000), h LONG VARBINARY)",
    "CREATE TABLE t (a BINARY, b BINARY(255), c VARBINARY(16000), d CHAR BYTE, e VARCHAR(9) BYTE, f CHAR(3) CHARACTER SET binary, g TEXT CHARACTER SET binary)",
    "CREATE TABLE t (a ENUM('x','y ','it''s','a\\\\b','c\\nd','(,)'), b SET('x','y') NOT NULL DEFAULT 'x,y', c ENUM('é','ß') CHARACTER SET latin1)",
    "CREATE TABLE t (a JSON, b GEOMETRY, c POINT NOT NULL SRID 4326, d GEOMETRYCOLLECTION, e MULTIPOLYGON, f LINESTRING, g VECTOR, h VECTOR(3))",
    "CREATE TABLE t (a VARCHAR(9) CHARACTER SET latin1, b VARCHAR(9) CHARSET utf8mb3 COLLATE utf8mb3_bin, c VARCHAR(9) COLLATE latin1_german1_ci, d CHAR(9) ASCII, e CHAR(9) UNICODE, f VARCHAR(9) BINARY, g TEXT COLLATE ucs2_bin NOT NULL)",
    "CREATE TABLE t (a VARCHAR(9), b CHAR(3) CHARACTER SET gbk) DEFAULT CHARSET=latin1 COLLATE=latin1_bin",
    "CREATE TABLE t (a VARCHAR(9)) COLLATE utf8mb3_general_ci",
    "CREATE TABLE t (a TEXT(100), b VARCHAR(5)) CHARACTER SET = binary",
    "CREATE TABLE t (a TEXT(100)) CHARSET latin1 ENGINE=InnoDB AUTO_INCREMENT=7 ROW_FORMAT=DYNAMIC",
    "CREATE TABLE t (a INT DEFAULT '1', b DECIMAL(10,2) DEFAULT 1.5, c DOUBLE DEFAULT 1e3, d DOUBLE DEFAULT -1.5e30, e FLOAT DEFAULT 1.1, f INT DEFAULT 1.6, g BIGINT DEFAULT -5, h INT DEFAULT +3, i BOOL DEFAULT FALSE, j DECIMAL(5,0) DEFAULT '007.5', k DOUBLE DEFAULT 1e15, l DOUBLE DEFAULT 0.0001)",
    "CREATE TABLE t (a BIT(8) DEFAULT b'101', b BIT(3) DEFAULT 5, c BINARY(4) DEFAULT 'ab', d VARBINARY(4) DEFAULT x'ff01', e CHAR(5) DEFAULT x'4142', f BIT(4) DEFAULT 0b11, g INT DEFAULT 0x10)",
    "CREATE TABLE t (a DATE DEFAULT '2024-1-2', b DATETIME DEFAULT '2024-01-02 3:4:5', c DATETIME(3) DEFAULT '2024-01-02 03:04:05.5', d TIME DEFAULT '1:2:3', e YEAR DEFAULT 24, f YEAR DEFAULT '1999', g DATETIME DEFAULT 20240102, i TIME(2) DEFAULT '-10:00:00')",
    "CREATE TABLE t (a TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, b DATETIME(3) DEFAULT NOW(3) ON UPDATE NOW(3), c TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), d DATETIME DEFAULT LOCALTIME, e DATETIME DEFAULT LOCALTIMESTAMP(), f TIMESTAMP DEFAULT '2024-01-01 01:02:03')",
    "CREATE TABLE t (a VARCHAR(20) DEFAULT (uuid()), b INT DEFAULT (1 + 2), c JSON DEFAULT (json_array()), d TEXT DEFAULT ('x)'), e DATE DEFAULT (CURRENT_DATE))",
    "CREATE TABLE t (a VARCHAR(20) DEFAULT 'it''s \\\\ \"q\"' COMMENT 'c1', b CHAR(3) DEFAULT 'a  ', c VARCHAR(3) DEFAULT 'a ', d VARCHAR(3) DEFAULT '', e INT DEFAULT NULL, f VARCHAR(9) DEFAULT _utf8mb4'é', g VARCHAR(9) DEFAULT N'é')",
    "CREATE TABLE t (a INT, b INT GENERATED ALWAYS AS (a + 1) VIRTUAL, c INT AS (a * (2 + 1)) STORED NOT NULL, d VARCHAR(9) AS ('x,)') COMMENT 'gen', e INT INVISIBLE DEFAULT 3)",
    "CREATE TABLE t (a INT, b INT, c VARCHAR(20), d TEXT, PRIMARY KEY (b, a), UNIQUE KEY u (c), KEY k (a DESC, b), INDEX (c(5)), INDEX (d(10)), KEY ((a + b)), FULLTEXT KEY (c), INDEX (a), INDEX (a), UNIQUE (a))",
    "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE KEY x (a, b), UNIQUE y (b), UNIQUE INDEX z (c))",
    "CREATE TABLE t (a INT NOT NULL UNIQUE, b INT UNIQUE KEY, c VARCHAR(10) NOT NULL, UNIQUE (c(10)), UNIQUE p (c(3)))",
    "CREATE TABLE t (a INT KEY, b INT NOT NULL)",
    "CREATE TABLE t (a VARCHAR(10) CONSTRAINT chk CHECK (a <> 'x,y'), CONSTRAINT pk PRIMARY KEY (a), CONSTRAINT q CHECK (a > '(') NOT ENFORCED, CONSTRAINT uu UNIQUE (a))",
    "CREATE TABLE t (a INT, b POINT NOT NULL SRID 0, SPATIAL INDEX (b), KEY h USING BTREE (a) COMMENT 'x', KEY i (a) USING BTREE INVISIBLE)",
    "CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT, CONSTRAINT f1 FOREIGN KEY (b) REFERENCES t (a) ON DELETE CASCADE ON UPDATE SET NULL, CONSTRAINT f2 FOREIGN KEY (c) REFERENCES t (a))",
    "CREATE TABLE t (a INT PRIMARY KEY, b INT, KEY bb (b, a), CONSTRAINT f1 FOREIGN KEY (b) REFERENCES t (a) ON DELETE NO ACTION)",
    "CREATE TABLE t (a INT, b INT, UNIQUE (b, a), PRIMARY KEY (a)) PARTITION BY KEY (a) PARTITIONS 2",
    "CREATE TABLE t (a INT NOT NULL, b VARCHAR(9) COMMENT 'x') COMMENT 'y' PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (5) COMMENT = 'not this', PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "CREATE TABLE IF NOT EXISTS t (\n  `a` int NOT NULL AUTO_INCREMENT, -- comment, with 'quote\n  # another\n  `b` int /*!50606 STORAGE DISK */ /*!50606 COLUMN_FORMAT DYNAMIC */ DEFAULT NULL,\n PRIMARY KEY (`a`) /*!80000 VISIBLE */ ) /*!50100 TABLESPACE `innodb_system` */ ENGINE=InnoDB",
    "CREATE TABLE t (`my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */, `a` int DEFAULT NULL, PRIMARY KEY (`my_row_id`))",
    "CREATE TABLE t (ID INT, Name VARCHAR(5), primary key (id), key (NAME))",
    "CREATE TABLE t (a INT PRIMARY KEY, b INT REFERENCES t (a), c INT SERIAL DEFAULT VALUE)",
    "CREATE TABLE t (a VARCHAR(20000), b VARBINARY(70000))",
    "CREATE TABLE t (a VARCHAR(8) COLLATE utf8mb4_bin NOT NULL DEFAULT '0' COMMENT 'k', b BIGINT(20) UNSIGNED NOT NULL, c INT(10) SIGNED, PRIMARY KEY (a, b) USING BTREE) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci STATS_PERSISTENT = 0",
    "CREATE TABLE t (a CHAR(3) BINARY, b VARCHAR(3) CHARACTER SET latin1, c TEXT COLLATE latin1_bin, d ENUM('x') COLLATE utf8mb4_unicode_ci, e SET('x'), f VARCHAR(3) CHARSET ascii COLLATE ascii_bin, g TINYTEXT ASCII) DEFAULT CHARSET = utf8mb3",
    "CREATE TABLE t (a CHAR(3), b ENUM('x') CHARACTER SET utf8mb4, c JSON, d BLOB) COLLATE utf8mb4_bin",
    "CREATE TABLE tätä (größe INT, `日本` VARCHAR(3))",
];

/// Texts of expressions and the server's own names of constraints cannot agree, estimates neither.
fn comparable(mut table: SourceTable) -> SourceTable {
    for column in &mut table.columns {
        if let Some(DefaultValue::Expression(text)) = &mut column.default {
            text.clear();
        }
    }
    for key in &mut table.foreign_keys {
        if key.name.contains("_ibfk_") {
            key.name.clear();
        }
    }
    table.estimated_rows = 0;
    table.estimated_bytes = 0;
    table
}

#[tokio::test]
async fn create_table_means_what_the_catalog_shows() {
    source::with_database("create", async |session, database| {
        let (major, minor, patch) = session.version();
        let context = StatementContext {
            default_database: database.into(),
            sql_mode: SqlMode::default(),
            server_version: u32::from(major) * 10_000 + u32::from(minor) * 100 + u32::from(patch),
            name_case: NameCase::AsWritten,
        };
        let sql = "SELECT character_set_name, default_collate_name FROM information_schema.character_sets";
        let of_charset = session.query_texts("reading collations", sql).await.unwrap().into_iter().map(|row| {
            let mut names = row.into_iter().map(|name| Arc::from(name.unwrap()));
            (names.next().unwrap(), names.next().unwrap())
        });
        let collations = Collations {
            default: "utf8mb4_0900_ai_ci".into(),
            of_charset: of_charset.collect::<HashMap<Arc<str>, Arc<str>>>().into(),
        };
        let defaults =
            CreateDefaults { charset: "utf8mb4".into(), collations, timestamps: TimestampDefaults::Explicit };
        let mut differing = Vec::new();
        for sql in STATEMENTS {
            source::run(session, &[sql]).await;
            let mut tables = read_tables(session, &|name| &*name.database == database).await.unwrap();
            assert_eq!(tables.len(), 1, "{sql}");
            let catalog = tables.remove(0);
            source::run(session, &[&format!("DROP TABLE `{}`", catalog.name.table)]).await;
            match parse_create_table(&context, sql, &defaults) {
                Ok(parsed) if comparable(parsed.clone()) == comparable(catalog.clone()) => {}
                Ok(parsed) => differing.push(format!("{sql}\n  parsed  {parsed:?}\n  catalog {catalog:?}")),
                Err(error) => differing.push(format!("{sql}\n  {error}")),
            }
        }
        assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
    })
    .await;
}
