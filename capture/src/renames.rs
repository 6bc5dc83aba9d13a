//! RENAME TABLE: pairs one after the other, as the server carries them out; what counts is where each table is at the end.
//!
//! Between two names that are selected a table keeps its rows. Out of the selection it is dropped; into it it comes with
//! its definition as it is read from the source, and all its rows (`arrivals`). The swap at the end of gh-ost and
//! pt-online-schema-change is both (`docs/adr/0019`).

use millrace_model::{Failure, TableName};

use crate::statements::{Scene, ensure_name_is_free};

/// What a statement does to the tables that move.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// Known tables that leave the selection, by name before.
    leave: Vec<TableName>,
    /// Known tables under another selected name, from and to.
    keep: Vec<(TableName, TableName)>,
    /// Selected names at which there is a table that is not known.
    enter: Vec<TableName>,
    /// Names at which there is no table any more, or another one.
    left: Vec<TableName>,
}

/// Carries the pairs out.
pub(crate) fn rename(scene: &mut Scene<'_>, pairs: Vec<(TableName, TableName)>) -> Result<(), Failure> {
    let is_known = |table: &TableName| scene.capture.table(table).is_some();
    let Plan { leave, keep, enter, left } = plan(&pairs, is_known, |table| scene.selects(table));
    // A start that found the source ahead of the stream waits for a name to which a known table comes only now.
    for table in left.iter().chain(keep.iter().map(|(_, to)| to)) {
        scene.arrivals.forget(table);
    }
    for table in &leave {
        scene.capture.drop_table(table)?;
    }
    let (mut renames, mut notes) = (Vec::new(), Vec::new());
    for (from, to) in keep {
        let Some(table) = scene.known(&from, &to) else { continue };
        notes.push((to, table.source_only.clone()));
        renames.push((from, scene.schema_of(table)?));
    }
    scene.capture.rename(renames)?;
    for (table, source_only) in notes {
        ensure_name_is_free(scene.capture, scene.task, &table)?;
        scene.capture.note(&table, source_only);
    }
    enter.into_iter().for_each(|table| scene.arrivals.expect(table));
    Ok(())
}

fn plan(
    pairs: &[(TableName, TableName)],
    is_known: impl Fn(&TableName) -> bool,
    is_selected: impl Fn(&TableName) -> bool,
) -> Plan {
    // Where each table that the statement names is now: its name before, and its name so far.
    let mut tables: Vec<(TableName, TableName)> = Vec::new();
    for (from, to) in pairs {
        match tables.iter_mut().find(|(_, now)| now == from) {
            Some((_, now)) => *now = to.clone(),
            None => tables.push((from.clone(), to.clone())),
        }
    }
    let mut plan = Plan { left: tables.iter().map(|(before, _)| before.clone()).collect(), ..Plan::default() };
    for (before, now) in tables {
        match (is_known(&before), is_selected(&now)) {
            (true, true) if before == now => {}
            (true, true) => plan.keep.push((before, now)),
            (true, false) => plan.leave.push(before),
            (false, true) => plan.enter.push(now),
            (false, false) => {}
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a` to `m` are selected, all but `k` and `l` of them known; `n` to `z` are not selected.
    fn shown(pairs: &str) -> String {
        let name = |name: &str| TableName::new("d", name);
        let pairs: Vec<_> = pairs
            .split(' ')
            .map(|pair| pair.split_once('>').unwrap_or_default())
            .map(|(a, b)| (name(a), name(b)))
            .collect();
        let plan = plan(&pairs, |t| "abcdefghij".contains(&*t.table), |t| *t.table < *"n");
        let names = |tables: &[TableName]| tables.iter().map(|t| t.table.to_string()).collect::<Vec<_>>().join(" ");
        let keep: Vec<String> = plan.keep.iter().map(|(a, b)| format!("{}>{}", a.table, b.table)).collect();
        format!("leave {}; keep {}; enter {}", names(&plan.leave), keep.join(" "), names(&plan.enter))
    }

    #[test]
    fn what_counts_is_where_each_table_is_at_the_end() {
        for (pairs, expected) in [
            ("a>m", "leave ; keep a>m; enter "),
            ("a>z", "leave a; keep ; enter "),
            ("z>m", "leave ; keep ; enter m"),
            ("k>m", "leave ; keep ; enter m"),
            ("z>y", "leave ; keep ; enter "),
            ("a>m m>a", "leave ; keep ; enter "),
            ("a>x b>a x>b", "leave ; keep a>b b>a; enter "),
            ("a>x b>a c>b x>c", "leave ; keep a>c b>a c>b; enter "),
            ("a>m b>a", "leave ; keep a>m b>a; enter "),
            ("a>x z>a", "leave a; keep ; enter a"),
            ("a>x z>a x>z", "leave a; keep ; enter a"),
            ("k>x l>k x>l", "leave ; keep ; enter l k"),
        ] {
            assert_eq!(shown(pairs), expected, "{pairs}");
        }
    }
}
