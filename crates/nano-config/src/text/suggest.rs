//! What somebody probably meant.

/// The candidate nearest to `word`, if it is near enough to be a slip of the hand.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer than any name there is: no slip, and not worth a quadratic comparison.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let allowed = match word.chars().count() {
        0..=4 => 1,
        5..=7 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| match word.len() >= 3 && candidate.strip_prefix(&*word).is_some_and(|rest| rest.starts_with('_')) {
            // The unit was left out.
            true => (1, candidate),
            false => (distance(&word, candidate), candidate),
        })
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A sentence that offers the nearest candidate, or else names them all if they are few.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(candidate) = nearest(word, candidates.clone()) {
        return format!("did you mean \"{candidate}\"?");
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
    }
}
