//! Names that were probably meant.

/// The name of `known` that `given` was probably meant to be. Of a dotted name its last part will do.
pub(super) fn near<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let limit = (given.chars().count() / 3).max(2);
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    known
        .into_iter()
        .map(|name| (distance(&given, &name.to_lowercase()).min(distance(&last(&given), &last(name))), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Letters to put in, leave out or change (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_and_near_names_found() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        let known = ["epochs", "model.critic", "model.weights.gamma"];
        assert_eq!(near("epoch", known), Some("epochs"));
        assert_eq!(near("gama", known), Some("model.weights.gamma"));
        assert_eq!(near("model.critik", known), Some("model.critic"));
        assert_eq!(near("colour", known), None);
    }
}
