//! "Did you mean": the nearest of some known names.

/// The candidate closest to `name`, if any is close enough to be a plausible typing error.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= 1 + candidate.chars().count().min(lower.chars().count()) / 3
                || (lower.len() >= 3 && candidate.to_lowercase().starts_with(&lower))
        })
        .min_by_key(|(distance, candidate)| (*distance, *candidate))
        .map(|(_, candidate)| candidate)
}

/// A hint sentence naming the nearest candidate, or listing all of them when none is near.
pub fn hint(name: &str, candidates: &[&str]) -> String {
    match nearest(name, candidates.iter().copied()) {
        Some(found) => format!("did you mean `{found}`?"),
        None => format!("known names: {}", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_typing_errors_and_prefixes_but_not_strangers() {
        let names = ["commission", "slippage", "capital"];
        assert_eq!(nearest("comission", names), Some("commission"));
        assert_eq!(nearest("slip", names), Some("slippage"));
        assert_eq!(nearest("zebra", names), None);
        assert_eq!(hint("zebra", &names), "known names: commission, slippage, capital");
    }
}
