//! Names that were probably meant.

use strsim::levenshtein;

/// The name of `known` that `given` was probably meant to be. Of a dotted name its last part will do.
pub(super) fn near<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    // A third of the letters may be wrong.
    let off = |given: &str, name: &str| {
        let wrong = levenshtein(given, name);
        (wrong <= (given.chars().count() / 3).max(1)).then_some(wrong)
    };
    known
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let [whole, part] = [off(&given, &lower), off(&last(&given), &last(&lower))];
            Some((whole.into_iter().chain(part).min()?, name))
        })
        .min_by_key(|(wrong, _)| *wrong)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let known = ["epochs", "model.critic", "model.weights.gamma"];
        assert_eq!(near("epoch", known), Some("epochs"));
        assert_eq!(near("gama", known), Some("model.weights.gamma"));
        assert_eq!(near("model.critik", known), Some("model.critic"));
        assert_eq!(near("colour", known), None);
    }
}
