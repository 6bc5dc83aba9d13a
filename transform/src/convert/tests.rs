#![expect(clippy::unwrap_used, reason = "tests")]
use millrace_model::Row;
use millrace_model::mysql_type::{Rounding, Sign};

use super::*;
use crate::treatment::InKey;

fn usual() -> Treatment {
    Treatment::new(InKey::No, millrace_task::ValuePolicies::default())
}

const SIGNED: MysqlType = MysqlType::Int(Sign::Signed);
const UNSIGNED: MysqlType = MysqlType::BigInt(Sign::Unsigned);

fn convert(ty: &MysqlType, target: &str, cell: Cell<'_>) -> Result<Row, ValueProblem> {
    let conversion = conversion(ty, &target.parse().unwrap(), usual()).unwrap();
    let mut out = RowWriter::new();
    conversion.apply(cell, &mut String::new(), &mut out).map(|()| out.finish())
}

#[test]
fn values_that_lose_nothing_are_converted() {
    let decimal = MysqlType::Decimal { precision: 20, scale: 3 };
    let varchar = MysqlType::Varchar { length: 9, charset: "utf8mb4".into() };
    for (ty, target, from, to) in [
        (&SIGNED, "boolean", Cell::Int(1), Cell::Int(1)),
        (&MysqlType::Bit(8), "boolean", Cell::UInt(0), Cell::Int(0)),
        (&UNSIGNED, "bigint", Cell::UInt(i64::MAX as u64), Cell::Int(i64::MAX)),
        (&UNSIGNED, "numeric(20,0)", Cell::UInt(u64::MAX), Cell::Text("18446744073709551615")),
        (&SIGNED, "numeric(4,2)", Cell::Int(-99), Cell::Text("-99")),
        (&SIGNED, "text", Cell::Int(-5), Cell::Text("-5")),
        (&decimal, "integer", Cell::Text("-7.000"), Cell::Int(-7)),
        (&decimal, "numeric(3,1)", Cell::Text("99.500"), Cell::Text("99.500")),
        (&MysqlType::Float(Rounding::None), "double precision", Cell::Float(0.1), Cell::Double(f64::from(0.1_f32))),
        (&MysqlType::Date, "timestamp(3)", Cell::Text("2024-02-29"), Cell::Text("2024-02-29")),
        (&MysqlType::Date, "text", Cell::Text("0000-00-00"), Cell::Text("0000-00-00")),
        (&MysqlType::DateTime(3), "date", Cell::Text("2024-02-29 00:00:00.000"), Cell::Text("2024-02-29")),
        (&MysqlType::DateTime(3), "date", Cell::Text("0000-00-00 00:00:00.000"), Cell::Null),
        (
            &MysqlType::DateTime(3),
            "timestamp(1)",
            Cell::Text("2024-02-29 01:02:03.500"),
            Cell::Text("2024-02-29 01:02:03.500"),
        ),
        (&MysqlType::Timestamp(0), "timestamp", Cell::Text("2024-02-29 01:02:03"), Cell::Text("2024-02-29 01:02:03")),
        (&MysqlType::Time(0), "time(0)", Cell::Text("23:59:59"), Cell::Text("23:59:59")),
        (&MysqlType::Year, "smallint", Cell::UInt(2155), Cell::Int(2155)),
        (&varchar, "varchar(3)", Cell::Text("äöü"), Cell::Text("äöü")),
        (&MysqlType::Enum(["a".to_owned()].into()), "varchar(1)", Cell::Text("a"), Cell::Text("a")),
        (&MysqlType::Json, "json", Cell::Text("{}"), Cell::Text("{}")),
    ] {
        assert_eq!(convert(ty, target, from).unwrap(), [to].into_iter().collect(), "{} to {target}", ty.name());
    }
}

#[test]
fn values_that_would_lose_something_are_refused() {
    let decimal = MysqlType::Decimal { precision: 20, scale: 3 };
    let varchar = MysqlType::Varchar { length: 9, charset: "utf8mb4".into() };
    for (ty, target, from, problem) in [
        (&SIGNED, "boolean", Cell::Int(2), ValueProblem::NoBoolean),
        (&SIGNED, "smallint", Cell::Int(32_768), ValueProblem::OutOfRange),
        (&UNSIGNED, "bigint", Cell::UInt(1 << 63), ValueProblem::OutOfRange),
        (&SIGNED, "numeric(4,2)", Cell::Int(100), ValueProblem::OutOfRange),
        (&decimal, "integer", Cell::Text("0.001"), ValueProblem::Fraction),
        (&decimal, "bigint", Cell::Text("9223372036854775808.000"), ValueProblem::OutOfRange),
        (&decimal, "numeric(20,2)", Cell::Text("0.005"), ValueProblem::Fraction),
        (&MysqlType::DateTime(0), "date", Cell::Text("2024-02-29 00:00:01"), ValueProblem::TimeInDate),
        (&MysqlType::DateTime(0), "date", Cell::Text("2024-02-30 00:00:00"), ValueProblem::InvalidDate),
        (&MysqlType::DateTime(3), "timestamp(0)", Cell::Text("2024-02-29 01:02:03.500"), ValueProblem::Fraction),
        (&MysqlType::Time(0), "time(0)", Cell::Text("24:00:00"), ValueProblem::NoTimeOfDay),
        (&MysqlType::Time(0), "time(0)", Cell::Text("-01:00:00"), ValueProblem::NoTimeOfDay),
        (&varchar, "varchar(2)", Cell::Text("äöü"), ValueProblem::TooLong),
        (&varchar, "char(3)", Cell::Text("a "), ValueProblem::TrailingSpace),
        (&varchar, "text", Cell::Text("a\0"), ValueProblem::NulCharacter),
    ] {
        assert_eq!(convert(ty, target, from).unwrap_err(), problem, "{} to {target}", ty.name());
    }
}

#[test]
fn what_is_allowed_is_what_there_is_a_conversion_for() {
    let targets = [
        "boolean",
        "smallint",
        "integer",
        "bigint",
        "numeric(9,2)",
        "real",
        "double precision",
        "bit(3)",
        "date",
        "timestamp(6)",
        "timestamptz(6)",
        "time(6)",
        "interval(6)",
        "varchar(9)",
        "char(9)",
        "text",
        "bytea",
        "json",
        "jsonb",
        "real[]",
        "uuid",
        "inet",
    ];
    let types = [
        MysqlType::TinyInt(Sign::Signed),
        UNSIGNED,
        MysqlType::Decimal { precision: 9, scale: 2 },
        MysqlType::Float(Rounding::None),
        MysqlType::Double(Rounding::None),
        MysqlType::Bit(9),
        MysqlType::Date,
        MysqlType::DateTime(6),
        MysqlType::Timestamp(6),
        MysqlType::Time(6),
        MysqlType::Year,
        MysqlType::Varchar { length: 9, charset: "utf8mb4".into() },
        MysqlType::Set(["a".to_owned()].into()),
        MysqlType::Blob(2),
        MysqlType::Json,
        MysqlType::Vector(3),
        MysqlType::Uuid,
        MysqlType::Inet4,
        MysqlType::Inet6,
    ];
    for ty in types {
        for target in targets {
            let pg: PgType = target.parse().unwrap();
            let possible = conversion(&ty, &pg, usual()).is_some() || crate::types::target_type(&ty) == pg;
            let base = |text: &str| text.split('(').next().unwrap().to_owned();
            let stated = allowed(&ty).split(", ").any(|word| base(word) == base(target));
            // bit(n) keeps its own n only.
            assert_eq!(possible, stated, "{} to {target}", ty.name());
        }
    }
}
