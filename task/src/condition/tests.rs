#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;

/// The tree in one line, every operator with parentheses.
fn shown(expression: &Expression) -> String {
    let not = |negation: &Negation| if *negation == Negation::Negated { "NOT " } else { "" };
    let join = |all: &[Expression], word: &str| {
        let all: Vec<String> = all.iter().map(shown).collect();
        format!("({})", all.join(&format!(" {word} ")))
    };
    match expression {
        Expression::And(all) => join(all, "AND"),
        Expression::Or(all) => join(all, "OR"),
        Expression::Xor(one, other) => format!("({} XOR {})", shown(one), shown(other)),
        Expression::Not(inner) => format!("(NOT {})", shown(inner)),
        Expression::Is { inner, truth, negation } => format!("({} IS {}{truth:?})", shown(inner), not(negation)),
        Expression::Value(operand) => value(operand),
        Expression::IsNull { operand, negation } => format!("({} IS {}NULL)", value(operand), not(negation)),
        Expression::Compare { left, comparison, right } => format!("({} {comparison:?} {})", value(left), value(right)),
        Expression::In { operand, list, negation } => {
            let list: Vec<String> = list.iter().map(value).collect();
            format!("({} {}IN ({}))", value(operand), not(negation), list.join(", "))
        }
        Expression::Between { operand, low, high, negation } => {
            format!("({} {}BETWEEN {} AND {})", value(operand), not(negation), value(low), value(high))
        }
        Expression::Like { operand, pattern, escape, negation } => {
            format!("({} {}LIKE {} ESCAPE {escape})", value(operand), not(negation), value(pattern))
        }
    }
}

fn value(operand: &Operand) -> String {
    match &operand.value {
        Value::Column(name) => name.clone(),
        Value::Null => "NULL".to_owned(),
        Value::Number(digits) => digits.clone(),
        other => format!("{other:?}"),
    }
}

#[test]
fn operators_bind_as_in_mysql() {
    for (text, expected) in [
        ("a = 1 OR b = 2 AND NOT c = 3", "((a Equal 1) OR ((b Equal 2) AND (NOT (c Equal 3))))"),
        ("a=1 XOR b=1 OR c=1", "(((a Equal 1) XOR (b Equal 1)) OR (c Equal 1))"),
        ("NOT a IS NULL", "(NOT (a IS NULL))"),
        ("NOT NOT a", "(NOT (NOT a))"),
        ("! a IS TRUE", "((NOT a) IS True)"),
        ("(a = 1) IS NOT UNKNOWN", "((a Equal 1) IS NOT Unknown)"),
        ("a <= 1 IS NULL", "((a LessOrEqual 1) IS Unknown)"),
        ("a BETWEEN 1 AND 2 AND b", "((a BETWEEN 1 AND 2) AND b)"),
        ("a NOT BETWEEN -1 AND +2.50", "(a NOT BETWEEN -1 AND 2.50)"),
        ("a not in (1, NULL, true) && b", "((a NOT IN (1, NULL, 1)) AND b)"),
        ("`a b` <=> .5", "(a b NullSafeEqual 0.5)"),
        ("`a``b` <> \"it''s\"", "(a`b Different Text(\"it''s\"))"),
        ("a = 'it''s' 'x\\n\\%\\q'", "(a Equal Text(\"it'sx\\n\\\\%q\"))"),
        (
            "a LIKE 'x|%' ESCAPE '|' OR a like '\\_'",
            "((a LIKE Text(\"x|%\") ESCAPE |) OR (a LIKE Text(\"\\\\_\") ESCAPE \\))",
        ),
        (
            "a >= DATE'2024-01-01' and b < timestamp '2024-01-01 00:00:00'",
            "((a GreaterOrEqual Date(\"2024-01-01\")) AND (b Less Timestamp(\"2024-01-01 00:00:00\")))",
        ),
        (
            "date = 1 and `like` = x'41' and größe != 0xabc",
            "((date Equal 1) AND (like Equal Bytes([65])) AND (größe Different Bytes([10, 188])))",
        ),
        ("((a))", "a"),
    ] {
        assert_eq!(shown(Condition::parse(text).unwrap().tree()), expected, "{text}");
    }
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    for (text, column, message) in [
        ("", 1, "empty"),
        ("a =", 4, "expected a column or a constant, found the end"),
        ("a = 1 b", 7, "expected AND, OR, or the end"),
        ("a = 'x", 5, "the text does not end"),
        ("`a", 1, "the name does not end"),
        ("a + 1 > 2", 3, "found \"+\""),
        ("a * 2 > 2", 3, "\"*\" is not supported"),
        ("t.a = 1", 2, "named with its table"),
        ("lower(a) = 'x'", 1, "the function \"lower\" is not supported"),
        ("a = 1 || b = 2", 7, "\"||\" is not supported"),
        ("a REGEXP 'x'", 3, "REGEXP is not supported"),
        ("a = (SELECT 1)", 6, "SELECT is not supported"),
        ("CASE a WHEN 1 THEN 2 END", 1, "CASE is not supported"),
        ("(a = 1) = 1", 11, "cannot be compared again"),
        ("a = 1 = 1", 9, "cannot be compared again"),
        ("a IN 1", 6, "expected ( after IN"),
        ("a IN ()", 7, "expected a column or a constant"),
        ("a NOT 1", 7, "expected IN, BETWEEN or LIKE"),
        ("a BETWEEN 1 OR 2", 13, "expected AND between"),
        ("a IS 1", 6, "expected NULL, TRUE"),
        ("a LIKE 'x' ESCAPE ''", 19, "ESCAPE takes one"),
        ("a = 1e3", 5, "plain digits"),
        ("a = b'1'", 5, "not supported"),
        ("a = x'4'", 5, "no hexadecimal"),
        ("a = 1 -- x", 7, "comments"),
        ("a = 1 /* x */", 7, "comments"),
        ("a = :x", 5, "\":\" is not supported"),
        ("größe = ?", 9, "\"?\" is not supported"),
        ("a = 0.0000000000000000000000000000001", 5, "more than 30"),
    ] {
        let problem = Condition::parse(text).unwrap_err();
        assert_eq!(problem.column, column, "{text}: {problem}");
        assert!(problem.message.contains(message) && !problem.hint.is_empty(), "{text}: {problem}");
    }
    let deep = format!("{}a{}", "(".repeat(1000), ")".repeat(1000));
    assert!(Condition::parse(&deep).unwrap_err().message.contains("within each other"));
    let nots = "NOT ".repeat(1000);
    assert!(Condition::parse(&format!("{nots}a")).is_err());
}
