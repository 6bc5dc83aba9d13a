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

/// Levenshtein distance: characters inserted, deleted or replaced.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (place, from_char) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, to_char) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(from_char != *to_char);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
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
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
