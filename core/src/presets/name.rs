//! Which preset a name means: `openai-python` is the newest of that client, `openai-python@2.40.0`
//! the one whose versions have that one.

use alloc::vec::Vec;

/// The one of the `names` that `asked` means, if any: the very name; or a client, whose newest is the
/// first among the names; or a client and a version of it, `client@1.2.3`.
///
/// A name is `client@range`, and a range is `>=1.2`, `<=1.2` (with all of 1.2.x) or `1` (with all of
/// 1.x).
pub fn match_preset<'n>(asked: &str, names: &[&'n str]) -> Option<&'n str> {
    let exact = names.iter().find(|name| **name == asked);
    let (client, version) = match asked.split_once('@') {
        Some((client, version)) => (client, Some(numbers(version))),
        None => (asked, None),
    };
    let meant = || {
        names
            .iter()
            .find(|name| match (name.split_once('@'), &version) {
                (Some((other, range)), Some(Some(version))) => {
                    client == other && contains(range, version)
                }
                (Some((other, _)), None) => client == other,
                _ => false,
            })
    };
    exact.or_else(meant).copied()
}

fn contains(range: &str, version: &[u64]) -> bool {
    let first = |length: usize| version.iter().copied().chain([0; 3]).take(length);
    if let Some(least) = range.strip_prefix(">=").and_then(numbers) {
        first(least.len())
            .chain(version.iter().skip(least.len()).copied())
            .ge(least)
    } else if let Some(most) = range.strip_prefix("<=").and_then(numbers) {
        first(most.len()).le(most)
    } else {
        numbers(range).is_some_and(|same| first(same.len()).eq(same))
    }
}

/// `1.2.3`
fn numbers(version: &str) -> Option<Vec<u64>> {
    version
        .split('.')
        .map(|number| number.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::match_preset;

    #[test]
    fn a_name_means_itself_or_the_newest_or_the_version_in_range() {
        let names = [
            "recommended",
            "a@>=2.52.1",
            "a@<=2.51",
            "b@7",
            "b@6",
            "c@0.6",
        ];
        for (asked, meant) in [
            ("recommended", Some("recommended")),
            ("a", Some("a@>=2.52.1")),
            ("a@<=2.51", Some("a@<=2.51")),
            ("a@3", Some("a@>=2.52.1")),
            ("a@2.52.1", Some("a@>=2.52.1")),
            ("a@2.100", Some("a@>=2.52.1")),
            ("a@2.52.0", None),
            ("a@2.51.7", Some("a@<=2.51")),
            ("a@2.51", Some("a@<=2.51")),
            ("a@1.99.3", Some("a@<=2.51")),
            ("a@2", Some("a@<=2.51")),
            ("b", Some("b@7")),
            ("b@7.57.0", Some("b@7")),
            ("b@6", Some("b@6")),
            ("b@8", None),
            ("c@0.6.2", Some("c@0.6")),
            ("c@0.7", None),
            ("a@newest", None),
            ("a@", None),
            ("@7", None),
            ("recommended@1", None),
            ("", None),
        ] {
            assert_eq!(match_preset(asked, &names), meant, "{asked}");
        }
    }
}
