//! What somebody probably meant.

/// Names that are offered at once.
const NEAR_MAX: usize = 3;

/// The candidate nearest to `word`, if it is near enough to be a slip of the hand.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(word, candidates).first().copied()
}

/// The nearest candidates, if they are near enough: some of those that are equally near.
pub fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // Longer than any name there is: no slip, and not worth a quadratic comparison.
    if word.len() > 64 {
        return Vec::new();
    }
    let word = word.to_ascii_lowercase();
    let allowed = match word.chars().count() {
        0..=4 => 1,
        5..=7 => 2,
        _ => 3,
    };
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        // A letter has four bytes at most: what is that much longer is no slip either.
        .filter(|candidate| candidate.len() <= 4 * word.len() + 4 * allowed)
        .map(|candidate| match word.len() >= 3 && candidate.strip_prefix(&*word).is_some_and(|rest| rest.starts_with(['_', '-', '.'])) {
            // The unit was left out, or what tells it from its like.
            true => (1, candidate),
            false => (distance(&word, candidate), candidate),
        })
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .collect();
    let nearest = near.iter().map(|(distance, _)| *distance).min();
    near.retain(|(distance, _)| Some(*distance) == nearest);
    near.into_iter().take(NEAR_MAX).map(|(_, candidate)| candidate).collect()
}

/// A sentence that offers the nearest candidates, or else names them all if they are few.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some((last, others)) = near(word, candidates.clone()).split_last() {
        let others: Vec<String> = others.iter().map(|other| format!("\"{other}\"")).collect();
        return format!("did you mean {}{}\"{last}\"?", others.join(", "), if others.is_empty() { "" } else { " or " });
    }
    let mut all: Vec<&str> = candidates.into_iter().collect();
    all.sort_unstable();
    if all.is_empty() || all.len() > 24 { String::new() } else { format!("known: {}", all.join(", ")) }
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other, letter case and the
/// difference between `-` and `_` not counted.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect::<Vec<char>>();
    let (a, b) = (letters(a), letters(b));
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_what_was_meant() {
        let known = ["name", "main", "routes", "limits", "compatibility_date", "vars", "cpu_ms", "heap_bytes"];
        let cases = [
            ("nmae", Some("name")),
            ("Main", Some("main")),
            ("route", Some("routes")),
            ("compatibility-date", Some("compatibility_date")),
            ("compatability_date", Some("compatibility_date")),
            ("limit", Some("limits")),
            ("cpu", Some("cpu_ms")),
            ("heap_byte", Some("heap_bytes")),
            ("kubernetes", None),
            ("", None),
        ];
        for (word, meant) in cases {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }

    #[test]
    fn what_is_far_from_all_names_them() {
        assert_eq!(did_you_mean("zzzzzzzz", ["b", "a"]), "known: a, b");
        assert_eq!(did_you_mean(&"n".repeat(100_000), ["name"]), "known: name");
        assert_eq!(did_you_mean("sho", [&*"n".repeat(100_000), "shoe"]), "did you mean \"shoe\"?");
    }

    #[test]
    fn all_that_are_near_are_offered() {
        let apps = ["api-v1", "api-v2", "blog", "shop", "ship"];
        assert_eq!(did_you_mean("api", apps), "did you mean \"api-v1\" or \"api-v2\"?");
        assert_eq!(did_you_mean("shp", apps), "did you mean \"shop\" or \"ship\"?");
        assert_eq!(near("chop", ["shop", "ship", "chops", "chop2", "chip"]), ["shop", "chops", "chop2"]);
    }
}
