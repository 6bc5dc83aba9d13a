//! Which tables and columns move. The rules are order-free: the most specific pattern that matches a table decides, be
//! it a rule's or an exclusion's (an exclusion wins over a rule as specific as itself), and two rules that could tie over
//! a table and differ in effect are refused. So the meaning does not depend on the order in the file, nor does the
//! fingerprint.

use millrace_model::{Failure, TableName};

use crate::glob::{Glob, TablePattern};
use crate::object::ObjectRule;
use crate::operations::Operation;
use crate::overlap::tables_overlap;

/// Databases of the server itself; they never move.
/// <https://dev.mysql.com/doc/refman/8.4/en/system-schema.html>
const SYSTEM_DATABASES: [&str; 4] = ["mysql", "sys", "information_schema", "performance_schema"];

/// What gh-ost (`_t_gho`, `_t_ghc`, `_t_del`) and pt-online-schema-change (`_t_new`, `_t_old`) make beside a table `t`.
const HELPER_TABLES: [&str; 5] = ["_*_gho", "_*_ghc", "_*_del", "_*_new", "_*_old"];

/// The patterns of a task that names none.
pub(crate) fn usual_helpers() -> Vec<Glob> {
    HELPER_TABLES.iter().filter_map(|pattern| Glob::parse(pattern).ok()).collect()
}

/// Patterns that a message names.
const NAMED: usize = 5;

/// Which tables and columns move; at least one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    rules: Vec<ObjectRule>,
    /// The exclusions of all rules.
    exclusions: Vec<TablePattern>,
    /// Names of tables that tools make beside others: a rule must name such a table in full to select it.
    helpers: Vec<Glob>,
}

/// Two rules as specific as each other that differ in effect and could match the same table.
pub(crate) struct Tie {
    /// Place of the later rule in the file, from 0.
    pub(crate) later: usize,
    /// Place of the earlier one.
    pub(crate) earlier: usize,
}

impl Selection {
    /// A selection of rules and exclusions in any order.
    ///
    /// # Errors
    /// Two rules that could tie.
    pub(crate) fn new(
        mut rules: Vec<ObjectRule>,
        mut exclusions: Vec<TablePattern>,
        mut helpers: Vec<Glob>,
    ) -> Result<Self, Tie> {
        for (later, rule) in rules.iter().enumerate() {
            if let Some(earlier) = rules[..later].iter().position(|other| can_tie(rule, other)) {
                return Err(Tie { later, earlier });
            }
        }
        rules.sort_by(|one, other| one.pattern().cmp(other.pattern()));
        exclusions.sort();
        exclusions.dedup();
        helpers.sort();
        helpers.dedup();
        Ok(Self { rules, exclusions, helpers })
    }

    /// The rule that decides about a table; none if the table does not move.
    pub fn selects(&self, table: &TableName) -> Option<&ObjectRule> {
        if is_system_database(&table.database) {
            return None;
        }
        let rules = self.rules.iter().filter(|rule| rule.pattern().matches(table));
        let rule = rules.max_by_key(|rule| rule.pattern().specificity())?;
        let stronger = |exclusion: &TablePattern| exclusion.specificity() >= rule.pattern().specificity();
        let excluded = self.exclusions.iter().any(|exclusion| stronger(exclusion) && exclusion.matches(table));
        let is_named = rule.pattern().table.literal().is_some();
        let is_helper = !is_named && self.helpers.iter().any(|helper| helper.matches(&table.table));
        (!excluded && !is_helper).then_some(rule)
    }

    /// The patterns of the databases that the rules name, each once: what a catalogue query has to look at. A database
    /// that matches one may have no selected table, and a system database may match.
    pub fn databases(&self) -> Vec<&Glob> {
        let mut databases: Vec<&Glob> = self.rules.iter().map(|rule| &rule.pattern().database).collect();
        databases.sort();
        databases.dedup();
        databases
    }

    /// Whether some table of a database can be selected.
    pub fn selects_in_database(&self, database: &str) -> bool {
        !is_system_database(database) && self.rules.iter().any(|rule| rule.pattern().database.matches(database))
    }

    /// The rules that decide about none of these tables: patterns that match nothing, often by a slip.
    pub fn idle_rules(&self, tables: &[&TableName]) -> Vec<&ObjectRule> {
        let decides = |rule: &ObjectRule| tables.iter().any(|table| self.selects(table) == Some(rule));
        self.rules.iter().filter(|rule| !decides(rule)).collect()
    }

    /// What to say where the source shows no table that moves.
    pub fn nothing_selected(&self) -> Failure {
        let mut patterns: Vec<String> = self.rules.iter().map(|rule| format!("\"{}\"", rule.pattern())).collect();
        if patterns.len() > NAMED {
            patterns.truncate(NAMED);
            patterns.push("...".to_owned());
        }
        Failure::fatal(
            format!("no table of the source is selected by {}, or the account may not see any", patterns.join(", ")),
            "correct the names in [[objects]] (case counts), or grant the account SELECT on the tables",
        )
    }

    /// The rules, in an order of their own.
    pub fn rules(&self) -> &[ObjectRule] {
        &self.rules
    }

    /// Whether changes of some tables' definitions are not replicated.
    pub fn leaves_changes_out(&self) -> bool {
        let leaves_out = |rule: &ObjectRule| {
            [Operation::Alter, Operation::Rename].into_iter().any(|change| !rule.operations().contains(change))
        };
        self.rules.iter().any(leaves_out)
    }

    /// The patterns of helper tables, where they are not the usual ones.
    pub(crate) fn other_helpers(&self) -> Option<&[Glob]> {
        let mut usual = usual_helpers();
        usual.sort();
        (self.helpers != usual).then_some(&self.helpers)
    }

    pub(crate) fn exclusions(&self) -> &[TablePattern] {
        &self.exclusions
    }
}

fn can_tie(one: &ObjectRule, other: &ObjectRule) -> bool {
    let same_effect = one.settings() == other.settings() && one.pattern() != other.pattern();
    let as_specific = one.pattern().specificity() == other.pattern().specificity();
    !same_effect && as_specific && tables_overlap(one.pattern(), other.pattern())
}

/// Whether a database is the server's own.
pub(crate) fn is_system_database(database: &str) -> bool {
    SYSTEM_DATABASES.iter().any(|system| system.eq_ignore_ascii_case(database))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::object::ObjectSettings;

    fn selection(rules: &[(&str, &[&str])], exclusions: &[&str]) -> Result<Selection, (usize, usize)> {
        let rule = |(pattern, columns): &(&str, &[&str])| {
            let excluded_columns = columns.iter().map(|column| Glob::parse(column).unwrap()).collect();
            let settings = ObjectSettings { excluded_columns, ..ObjectSettings::default() };
            ObjectRule::new(TablePattern::parse(pattern).unwrap(), settings)
        };
        let exclusions = exclusions.iter().map(|pattern| TablePattern::parse(pattern).unwrap()).collect();
        let helpers = ["_*_gho", "_*_old"].map(|helper| Glob::parse(helper).unwrap()).to_vec();
        Selection::new(rules.iter().map(rule).collect(), exclusions, helpers).map_err(|tie| (tie.earlier, tie.later))
    }

    fn deciding(selection: &Selection, database: &str, table: &str) -> Option<String> {
        selection.selects(&TableName::new(database, table)).map(|rule| rule.pattern().to_string())
    }

    #[test]
    fn the_most_specific_pattern_decides() {
        let rules: &[(&str, &[&str])] = &[
            ("*.*", &[]),
            ("shop.*", &["a"]),
            ("shop.orders", &["b"]),
            ("*.orders", &["c"]),
            ("shop.tmp_keep", &[]),
            ("shop._kept_old", &[]),
        ];
        let selection = selection(rules, &["shop.tmp_*", "crm.*"]).unwrap();
        for (database, table, expected) in [
            ("shop", "orders", Some("shop.orders")),
            ("shop", "items", Some("shop.*")),
            ("hr", "orders", Some("*.orders")),
            ("hr", "people", Some("*.*")),
            ("shop", "tmp_1", None),
            ("shop", "tmp_keep", Some("shop.tmp_keep")),
            ("crm", "orders", None),
            ("shop", "_orders_gho", None),
            ("hr", "_people_old", None),
            ("shop", "_kept_old", Some("shop._kept_old")),
            ("shop", "orders_old", Some("shop.*")),
            ("Shop", "orders", Some("*.orders")),
            ("mysql", "user", None),
            ("INFORMATION_SCHEMA", "TABLES", None),
            ("performance_schema", "orders", None),
            ("sys", "orders", None),
        ] {
            assert_eq!(deciding(&selection, database, table).as_deref(), expected, "{database}.{table}");
        }
    }

    #[test]
    fn order_does_not_matter_and_ties_are_refused() {
        assert_eq!(selection(&[("a.x*", &["c"]), ("a.*x", &["d"])], &[]), Err((0, 1)));
        assert_eq!(selection(&[("a.x", &[]), ("b.x", &[]), ("a.x", &[])], &[]), Err((0, 2)));
        assert!(selection(&[("a.x*", &["c"]), ("a.*x", &["C"])], &[]).is_ok());
        assert_eq!(
            selection(&[("a.*", &[]), ("b.*", &["c", "d"])], &["a.z*", "a.y*"]),
            selection(&[("b.*", &["d", "c"]), ("a.*", &[])], &["a.y*", "a.z*"])
        );
    }

    #[test]
    fn patterns_that_select_nothing_are_named() {
        let selection = selection(&[("shop.*", &["a"]), ("shop.ordres", &[]), ("crm.*", &["b"])], &[]).unwrap();
        let (orders, people) = (TableName::new("shop", "orders"), TableName::new("hr", "people"));
        let idle: Vec<String> =
            selection.idle_rules(&[&orders, &people]).iter().map(|rule| rule.pattern().to_string()).collect();
        assert_eq!(idle.len(), 2);
        assert!(idle.contains(&"shop.ordres".to_owned()) && idle.contains(&"crm.*".to_owned()), "{idle:?}");
        let failure = selection.nothing_selected();
        for pattern in ["\"shop.*\"", "\"shop.ordres\"", "\"crm.*\""] {
            assert!(failure.message.contains(pattern), "{failure}");
        }
    }

    #[test]
    fn columns_and_databases() {
        let selection =
            selection(&[("shop.*", &["card_number", "secret_*"]), ("shop.a", &[]), ("s*.b", &[])], &[]).unwrap();
        let rule = selection.selects(&TableName::new("shop", "x")).unwrap();
        assert!(rule.excludes_column("Card_Number") && rule.excludes_column("SECRET_1"));
        assert!(!rule.excludes_column("card") && !rule.excludes_column("id"));
        let databases: Vec<String> = selection.databases().iter().map(ToString::to_string).collect();
        assert_eq!(databases.len(), 2);
        assert!(databases.contains(&"shop".to_owned()) && databases.contains(&"s*".to_owned()));
        assert!(selection.selects_in_database("store") && !selection.selects_in_database("sys"));
    }
}
