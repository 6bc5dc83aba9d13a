//! Global transaction identifiers of MySQL: `uuid:number`, since 8.4 also `uuid:tag:number`
//! (MySQL Reference Manual, "GTID Format and Storage").

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// Who numbers transactions: a server's UUID (lower case, with dashes) and, since MySQL 8.4, perhaps a tag (empty: none).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GtidSource {
    /// The UUID, 36 characters.
    pub uuid: Arc<str>,
    /// The tag, lower case; empty for none.
    pub tag: Arc<str>,
}

/// The identifier of one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Gtid {
    /// Who numbered it.
    pub source: GtidSource,
    /// Its number, from 1.
    pub number: u64,
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.source.tag {
            "" => write!(f, "{}:{}", self.source.uuid, self.number),
            tag => write!(f, "{}:{tag}:{}", self.source.uuid, self.number),
        }
    }
}

/// A text that is not a GTID or a set of them.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("\"{0}\" is not a GTID set (expected uuid:1-5:7,uuid:tag:1)")]
pub struct GtidParseError(pub String);

/// A set of GTIDs: per source disjoint intervals, both ends included, ascending, never adjacent.
/// Adding the next number of a source changes one interval: cost does not grow with the set's history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GtidSet {
    sources: BTreeMap<GtidSource, Vec<(u64, u64)>>,
}

impl GtidSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the set holds nothing.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Adds one identifier.
    pub fn add(&mut self, gtid: &Gtid) {
        match self.sources.get_mut(&gtid.source) {
            Some(intervals) => add_interval(intervals, gtid.number, gtid.number),
            None => {
                self.sources.insert(gtid.source.clone(), vec![(gtid.number, gtid.number)]);
            }
        }
    }

    /// Adds the numbers `first..=last` of one source; an empty range adds nothing.
    pub fn add_range(&mut self, source: GtidSource, first: u64, last: u64) {
        if first <= last {
            add_interval(self.sources.entry(source).or_default(), first, last);
        }
    }

    /// Whether `gtid` is in the set.
    pub fn contains(&self, gtid: &Gtid) -> bool {
        self.sources.get(&gtid.source).is_some_and(|v| holds(v, gtid.number, gtid.number))
    }

    /// Whether every identifier of `other` is in the set.
    pub fn contains_set(&self, other: &GtidSet) -> bool {
        other.sources.iter().all(|(source, intervals)| match self.sources.get(source) {
            Some(mine) => intervals.iter().all(|&(a, b)| holds(mine, a, b)),
            None => false,
        })
    }

    /// What is in `self` and not in `other`: what is missing, for messages.
    pub fn minus(&self, other: &GtidSet) -> GtidSet {
        let mut rest = GtidSet::new();
        for (source, intervals) in &self.sources {
            let taken = other.sources.get(source).map_or(&[][..], |v| v);
            for &(first, last) in intervals {
                let mut next = first;
                for &(a, b) in taken.iter().filter(|&&(a, b)| b >= first && a <= last) {
                    if a > next {
                        rest.add_range(source.clone(), next, a - 1);
                    }
                    next = next.max(b + 1);
                }
                rest.add_range(source.clone(), next, last);
            }
        }
        rest
    }

    /// The intervals by source, in order.
    pub fn intervals(&self) -> impl Iterator<Item = (&GtidSource, &[(u64, u64)])> {
        self.sources.iter().map(|(source, intervals)| (source, intervals.as_slice()))
    }
}

fn holds(intervals: &[(u64, u64)], first: u64, last: u64) -> bool {
    let at = intervals.partition_point(|&(_, b)| b < first);
    intervals.get(at).is_some_and(|&(a, b)| a <= first && last <= b)
}

fn add_interval(intervals: &mut Vec<(u64, u64)>, first: u64, last: u64) {
    // Everything in from..to overlaps the new interval or touches it.
    let from = intervals.partition_point(|&(_, b)| b.saturating_add(1) < first);
    let to = intervals.partition_point(|&(a, _)| a <= last.saturating_add(1));
    if from == to {
        intervals.insert(from, (first, last));
        return;
    }
    let merged = (first.min(intervals[from].0), last.max(intervals[to - 1].1));
    intervals.splice(from..to, [merged]);
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (source, intervals)) in self.sources.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(&source.uuid)?;
            if !source.tag.is_empty() {
                write!(f, ":{}", source.tag)?;
            }
            for &(a, b) in intervals {
                if a == b { write!(f, ":{a}")? } else { write!(f, ":{a}-{b}")? }
            }
        }
        Ok(())
    }
}

impl FromStr for GtidSet {
    type Err = GtidParseError;

    /// Reads what `SELECT @@gtid_executed` prints: sources separated by `,` (and line breaks), a tag applies to the
    /// intervals after it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || GtidParseError(text.chars().take(120).collect());
        let mut set = GtidSet::new();
        for source in text.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            let mut parts = source.split(':').map(str::trim);
            let uuid = parts.next().filter(|u| is_uuid(u)).ok_or_else(bad)?;
            let uuid: Arc<str> = uuid.to_ascii_lowercase().into();
            let mut tag: Arc<str> = "".into();
            let mut intervals = 0;
            for part in parts {
                if part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                    tag = part.to_ascii_lowercase().into();
                    continue;
                }
                let (a, b) = part.split_once('-').unwrap_or((part, part));
                let (a, b): (u64, u64) = (a.trim().parse().map_err(|_| bad())?, b.trim().parse().map_err(|_| bad())?);
                if a == 0 || a > b {
                    return Err(bad());
                }
                set.add_range(GtidSource { uuid: uuid.clone(), tag: tag.clone() }, a, b);
                intervals += 1;
            }
            if intervals == 0 {
                return Err(bad());
            }
        }
        Ok(set)
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    #[test]
    fn prints_what_it_reads() {
        for text in ["", &format!("{A}:1-5:7,{B}:1"), &format!("{A}:1,{A}:blue:3-4")] {
            assert_eq!(set(text).to_string(), *text);
        }
        assert_eq!(set(&format!("{A}:1-3:4-5")).to_string(), format!("{A}:1-5"));
        assert_eq!(set(&format!("{A}:1:blue:2")).to_string(), format!("{A}:1,{A}:blue:2"));
    }

    #[test]
    fn refuses_what_is_no_set() {
        for text in ["x", A, &format!("{A}:0"), &format!("{A}:5-4"), &format!("{A}:1-x"), "1-2-3"] {
            assert!(text.parse::<GtidSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn adds_in_any_order() {
        let gtid = |n| Gtid { source: GtidSource { uuid: A.into(), tag: "".into() }, number: n };
        let mut s = GtidSet::new();
        for n in [5, 1, 3, 2, 9, 4, 8] {
            s.add(&gtid(n));
            s.add(&gtid(n));
        }
        assert_eq!(s.to_string(), format!("{A}:1-5:8-9"));
        assert!(s.contains(&gtid(3)) && !s.contains(&gtid(6)));
    }

    #[test]
    fn contains_and_minus_agree() {
        let whole = set(&format!("{A}:1-10,{B}:1-3"));
        let part = set(&format!("{A}:2-3:5:9-12"));
        assert!(whole.contains_set(&set(&format!("{A}:4-10"))));
        assert!(!whole.contains_set(&part));
        assert_eq!(whole.minus(&part).to_string(), format!("{A}:1:4:6-8,{B}:1-3"));
        assert_eq!(part.minus(&whole).to_string(), format!("{A}:11-12"));
        assert!(whole.contains_set(&GtidSet::new()));
    }
}
