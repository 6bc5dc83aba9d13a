#![expect(clippy::unwrap_used, reason = "tests")]
use std::sync::Arc;

use millrace_model::mysql_type::{Rounding, Sign};
use millrace_model::schema::{Nullability, Placement, Route};
use millrace_model::{TableName, TableSchema};
use millrace_task::ValuePolicies;

use super::*;

fn schema<T>(name: &str, columns: Vec<(&str, T)>) -> Arc<TableSchema<T>> {
    let column = |(name, ty): (&str, T)| Column {
        name: name.into(),
        ty,
        nullability: Nullability::Nullable,
        default: None,
        comment: String::new(),
        collation: "".into(),
    };
    Arc::new(TableSchema {
        table_id: 1,
        name: TableName::new("shop", name),
        columns: columns.into_iter().map(column).collect(),
        primary_key: vec![],
        key: vec![],
        indexes: vec![],
        comment: String::new(),
        route: Route::Table,
        placement: Placement::default(),
    })
}

/// Column `a` is named `A"` there, `other` has another type, `gone` does not move.
fn mapped() -> MappedTable {
    let int = MysqlType::Int(Sign::Signed);
    let varchar = MysqlType::Varchar { length: 9, charset: "utf8mb4".into() };
    let source = vec![
        ("a", int.clone()),
        ("Big", MysqlType::BigInt(Sign::Unsigned)),
        ("gone", int.clone()),
        ("other", int),
        ("ratio", MysqlType::Double(Rounding::None)),
        ("name", varchar),
        ("day", MysqlType::Date),
        ("made", MysqlType::Year),
        ("last", MysqlType::Date),
        ("at", MysqlType::DateTime(3)),
        ("instant", MysqlType::Timestamp(0)),
        ("opens", MysqlType::Time(0)),
    ];
    let target = vec![
        ("A\"", PgType::Integer),
        ("Big", PgType::Numeric { precision: 20, scale: 0 }),
        ("other", PgType::Text),
        ("ratio", PgType::Double),
        ("name", PgType::Varchar(9)),
        ("day", PgType::Date),
        ("made", PgType::Integer),
        ("last", PgType::Date),
        ("at", PgType::Timestamp(3)),
        ("instant", PgType::TimestampTz(0)),
        ("opens", PgType::Interval(0)),
    ];
    MappedTable {
        source: schema("t", source),
        target: schema("T", target),
        moving: vec![0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        policies: ValuePolicies::default(),
    }
}

fn check(condition: &str) -> CheckConstraint {
    CheckConstraint {
        table: TableName::new("shop", "t"),
        name: "c".to_owned(),
        condition: condition.to_owned(),
        enforcement: Enforcement::Enforced,
    }
}

fn mapped_to(checks: &[CheckConstraint], mapped: &MappedTable) -> Vec<Result<Check, String>> {
    let checks: Vec<&CheckConstraint> = checks.iter().collect();
    map_table(&checks, mapped, None, CheckConstraints::AtCutOver).into_iter().map(|check| check.target).collect()
}

/// The condition, or why there is none.
fn of(condition: &str) -> String {
    match &mapped_to(&[check(condition)], &mapped())[..] {
        [Ok(check)] => {
            assert_eq!((check.table.to_string().as_str(), check.name.as_str()), ("shop.T", "c"));
            check.condition.clone()
        }
        [Err(why)] => format!("left out: {why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn comparisons_of_numbers_move() {
    for (condition, expected) in [
        ("(`a` > 0)", r#"("A""" > 0)"#),
        ("(`A` >= -(1.5))", r#"("A""" >= (-1.5))"#),
        ("(`a` between -(1) and -1)", r#"("A""" BETWEEN (-1) AND (-1))"#),
        ("(`a` between 1 and `big`)", r#"("A""" BETWEEN 1 AND "Big")"#),
        ("(`a` not between 1 and 2.5)", r#"("A""" NOT BETWEEN 1 AND 2.5)"#),
        ("(`a` in (1,2,NULL))", r#"("A""" IN (1, 2, NULL))"#),
        ("((`a` is null) or (`a` <> `big`))", r#"(("A""" IS NULL) OR ("A""" <> "Big"))"#),
        ("((`a` > 1) and (`a` < 5) and (`big` <= 7))", r#"(("A""" > 1) AND ("A""" < 5) AND ("Big" <= 7))"#),
        ("((`a` = 1) xor (`big` = 1))", r#"(("A""" = 1) <> ("Big" = 1))"#),
        ("(`a` <=> `big`)", r#"("A""" IS NOT DISTINCT FROM "Big")"#),
        ("(0 <> `a`)", r#"(0 <> "A""")"#),
        ("(not((`a` = 5)))", r#"(NOT ("A""" = 5))"#),
        ("((`a` = 5) is not true)", r#"(("A""" = 5) IS NOT TRUE)"#),
        ("`a`", r#"("A""" <> 0)"#),
        ("true", "TRUE"),
        ("(`ratio` < 1.5)", r#"("ratio"::double precision < (1.5)::double precision)"#),
        ("(`name` is not null)", r#"("name" IS NOT NULL)"#),
        ("(`other` is not null)", r#"("other" IS NOT NULL)"#),
    ] {
        assert_eq!(of(condition), expected, "{condition}");
    }
}

#[test]
fn what_could_mean_something_else_is_named() {
    for (condition, part) in [
        ("(`name` <> _utf8mb4\\'\\')", "compares column \"name\" of type varchar(9)"),
        ("(`name` <> _utf8mb4\\'x\\')", "it is about a text"),
        ("(`name` <> _utf8mb4\\'it\\\\\\'s\\')", "it is about a text"),
        ("(`name` like `name`)", "it is about a text"),
        ("(`name` > 5)", "compares column \"name\" of type varchar(9)"),
        ("(`name` = `name`)", "compares column \"name\""),
        ("(`made` > 99)", "compares column \"made\" of type year"),
        ("(`day` is not null)", "column \"day\" is NULL there where it has a zero date"),
        ("(`gone` > 1)", "column \"gone\" is excluded"),
        ("(`other` > 1)", "column \"other\" has another type there"),
        ("(`nowhere` > 1)", "no column \"nowhere\""),
        ("(`x-(1)` > 5)", "no column \"x-(1)\""),
        ("(`ratio` > `a`)", "values of different kinds"),
        ("(`ratio` > `ratio`)", "values of different kinds"),
        ("((`a` + 1) > 5)", "comparisons of numbers and dates, and with NULL, are translated: "),
        ("(-(`a`) > 5)", "comparisons of numbers and dates, and with NULL, are translated: "),
        ("((`a` % 2) = 0)", "\"%\" is not supported"),
        ("(char_length(`name`) > 2)", "function \"char_length\" is not supported"),
        ("(regexp_like(`name`,`name`))", "not supported"),
        ("(cast(`name` as unsigned) > 2)", "not supported"),
        ("((`a` > 1) = `big`)", "cannot be compared again"),
        ("(case when (`a` > 0) then 1 else 0 end)", "CASE is not supported"),
    ] {
        let found = of(condition);
        assert!(found.starts_with("left out: ") && found.contains(part), "{condition}: {found}");
    }
}

#[test]
fn comparisons_of_dates_move() {
    for (condition, expected) in [
        ("(`day` <= `last`)", r#"("day" <= "last")"#),
        ("(`day` < `at`)", r#"("day" < "at")"#),
        ("(`day` > _utf8mb4\\'2000-01-31\\')", r#"("day" > '2000-01-31'::date)"#),
        ("(`day` > DATE'2000-01-31')", r#"("day" > '2000-01-31'::date)"#),
        ("(`at` >= _utf8mb4\\'2000-01-31\\')", r#"("at" >= '2000-01-31'::timestamp)"#),
        (
            "(`at` between _utf8mb4\\'2000-01-31 10:00:00.5\\' and `at`)",
            r#"("at" BETWEEN '2000-01-31 10:00:00.5'::timestamp AND "at")"#,
        ),
        ("(`day` in (_utf8mb4\\'2000-01-31\\',NULL))", r#"("day" IN ('2000-01-31'::date, NULL))"#),
        ("(`instant` = `instant`)", r#"("instant" = "instant")"#),
        ("(`opens` < `opens`)", r#"("opens" < "opens")"#),
        ("(not((`day` > `last`)))", r#"(NOT ("day" > "last"))"#),
    ] {
        assert_eq!(of(condition), expected, "{condition}");
    }
}

#[test]
fn comparisons_of_dates_that_could_mean_something_else_are_named() {
    for (condition, part) in [
        ("(`day` > 20000101)", "a constant of another kind"),
        ("(`day` > _utf8mb4\\'2000-02-30\\')", "a constant of another kind"),
        ("(`day` > _utf8mb4\\'2000-1-1\\')", "a constant of another kind"),
        ("(`day` > _utf8mb4\\'2000-01-31 10:00:00\\')", "a constant of another kind"),
        ("(`day` > _utf8mb4\\'\\')", "a constant of another kind"),
        ("(`a` > _utf8mb4\\'5\\')", "a constant of another kind"),
        ("(_utf8mb4\\'5\\' < _utf8mb4\\'7\\')", "a constant of another kind"),
        ("(`instant` > _utf8mb4\\'2000-01-31\\')", "values of different kinds"),
        ("(`opens` > _utf8mb4\\'10:00:00\\')", "values of different kinds"),
        ("(`instant` > `at`)", "values of different kinds"),
        ("(`day` between `last` and `at`)", "values of different kinds"),
        ("(`day` <=> `last`)", "column \"day\" is NULL there where it has a zero date"),
        ("((`day` < `last`) is true)", "column \"day\" is NULL there where it has a zero date"),
        ("`day`", "column \"day\" is NULL there"),
        ("`opens`", "no number for a condition"),
    ] {
        let found = of(condition);
        assert!(found.starts_with("left out: ") && found.contains(part), "{condition}: {found}");
    }
    let mut mapped = mapped();
    mapped.policies.invalid_dates = InsteadOfDate::FirstDay;
    let made = mapped_to(&[check("(`day` < `last`)")], &mapped);
    assert!(made[0].as_ref().unwrap_err().contains("has the first day there"), "{made:?}");
}

#[test]
fn dates_are_null_where_they_are_if_zero_dates_stop() {
    let mut mapped = mapped();
    mapped.policies.zero_dates = InsteadOfDate::Stop;
    let made = mapped_to(&[check("(`day` is not null)"), check("(`day` <=> `last`)")], &mapped);
    assert_eq!(made[0].as_ref().unwrap().condition, "(\"day\" IS NOT NULL)");
    assert_eq!(made[1].as_ref().unwrap().condition, "(\"day\" IS NOT DISTINCT FROM \"last\")");
}

#[test]
fn only_what_the_source_enforces_and_the_task_asks_for_is_made() {
    let not_enforced = CheckConstraint { enforcement: Enforcement::NotEnforced, ..check("(`a` > 0)") };
    let made = mapped_to(&[not_enforced, check("(`a` > 0)")], &mapped());
    assert_eq!(made[0].as_ref().unwrap_err(), "the source does not enforce it");
    assert!(made[1].is_ok());
    let left_out = map_table(&[&check("(`a` > 0)")], &mapped(), None, CheckConstraints::LeftOut);
    assert_eq!(left_out[0].target.as_ref().unwrap_err(), "schema.check_constraints = false");
}

/// MariaDB can have two of one name in a table.
#[test]
fn each_constraint_has_a_name_of_its_own() {
    let named = |name: &str| CheckConstraint { name: name.to_owned(), ..check("(`a` > 0)") };
    let made = mapped_to(&[named("a"), named("a"), named("a_2"), named("b")], &mapped());
    let names: Vec<&str> = made.iter().map(|check| check.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(names, ["a", "a_2", "a_2_2", "b"]);
}
