//! "Did you mean": the nearest of a few known words.

/// The candidate with the fewest edits from `word`, if they are few enough to be a slip: at most a third of its length.
pub(crate) fn most_similar<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (edits(&word.to_lowercase(), candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: characters inserted, deleted, replaced, or swapped with their neighbour.
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 0..from.len() {
        let mut row = vec![i + 1];
        for j in 0..to.len() {
            let replaced = rows[i][j] + usize::from(from[i] != to[j]);
            let swapped = i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j];
            let swap = if swapped { rows[i - 1][j - 1] + 1 } else { usize::MAX };
            row.push(replaced.min(rows[i][j + 1] + 1).min(row[j] + 1).min(swap));
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word_is_offered_only_when_it_is_near() {
        let words = ["connection_minutes", "other_minutes"];
        assert_eq!(most_similar("conection_minutes", words.into_iter()), Some("connection_minutes"));
        assert_eq!(most_similar("other_minute", words.into_iter()), Some("other_minutes"));
        assert_eq!(most_similar("password", words.into_iter()), None);
        assert_eq!(most_similar("Name", ["name"].into_iter()), Some("name"));
        assert_eq!(most_similar("lgo", ["log", "name"].into_iter()), Some("log"));
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
