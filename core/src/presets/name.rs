//! Which preset a name means: `openai-python` is the newest of that client, `openai-python@2.40.0`
//! the one whose versions have that one.

use alloc::format;
use alloc::vec::Vec;

use crate::policy::PolicyError;

/// The one of the `names` that `asked` means: the very name; or a client, whose newest is the first
/// among the names; or a client and a version of it, `client@1.2.3`. The error lists the names.
///
/// A name is `client@range`, and a range is `>=1.2`, `<=1.2` (with all of 1.2.x), `1.2-2.0` (with all
/// of 2.0.x) or `1` (with all of 1.x). A version that is cut short means the newest of these:
/// `client@1` is in `>=1.2`.
pub fn match_preset<'n>(asked: &str, names: &[&'n str]) -> Result<&'n str, PolicyError> {
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
    let found = exact.or_else(meant).copied();
    found.ok_or_else(|| unknown(asked, client, names))
}

/// The error for a name that means none.
fn unknown(asked: &str, client: &str, names: &[&str]) -> PolicyError {
    let clients = || {
        names
            .iter()
            .map(|name| name.split('@').next().unwrap_or(name))
    };
    // Whoever names a client is told its versions, and anybody else the clients.
    let versions = names
        .iter()
        .zip(clients())
        .filter(|(_, other)| *other == client);
    let mut known: Vec<&str> = versions.map(|(name, _)| *name).collect();
    if known.is_empty() {
        known = clients().collect();
        known.dedup();
    }
    let known = known.join("`, `");
    // The npm package has the clients apart, so that a web page need not load them.
    let elsewhere = if names.iter().any(|name| name.contains('@')) {
        ""
    } else {
        "; those of other clients are in `holdoff/clients`"
    };
    PolicyError::new(
        "policy",
        format!("`{asked}` is not a preset; known are `{known}`{elsewhere}"),
    )
}

fn contains(range: &str, version: &[u64]) -> bool {
    // As far as both say something.
    let least = |least: Vec<u64>| cut(version, &least).ge(cut(&least, version));
    let most = |most: Vec<u64>| cut(version, &most).le(cut(&most, version));
    if let Some(text) = range.strip_prefix(">=") {
        numbers(text).is_some_and(least)
    } else if let Some(text) = range.strip_prefix("<=") {
        numbers(text).is_some_and(most)
    } else if let Some((first, last)) = range.split_once('-') {
        numbers(first).is_some_and(least) && numbers(last).is_some_and(most)
    } else {
        numbers(range).is_some_and(|same| cut(&same, version).eq(cut(version, &same)))
    }
}

/// As many of the numbers as the other has.
fn cut<'n>(numbers: &'n [u64], other: &[u64]) -> impl Iterator<Item = &'n u64> {
    numbers.iter().take(other.len())
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
    use alloc::string::ToString;

    #[test]
    fn a_name_means_itself_or_the_newest_or_the_version_in_range() {
        let names = [
            "recommended",
            "a@>=2.52.1",
            "a@<=2.51",
            "b@>=7.5",
            "b@6.26-7.4",
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
            ("a@2", Some("a@>=2.52.1")),
            ("a@1", Some("a@<=2.51")),
            ("b", Some("b@>=7.5")),
            ("b@7", Some("b@>=7.5")),
            ("b@8.0.0", Some("b@>=7.5")),
            ("b@7.4.9", Some("b@6.26-7.4")),
            ("b@6", Some("b@6.26-7.4")),
            ("b@6.26.0", Some("b@6.26-7.4")),
            ("b@6.25.9", None),
            ("c@0", Some("c@0.6")),
            ("c@0.6.2", Some("c@0.6")),
            ("c@0.7", None),
            ("a@newest", None),
            ("a@", None),
            ("@7", None),
            ("recommended@1", None),
            ("", None),
        ] {
            assert_eq!(match_preset(asked, &names).ok(), meant, "{asked}");
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_known() {
        let names = ["recommended", "a@>=2.52.1", "a@<=2.51", "b@7"];
        let error = |asked| match_preset(asked, &names).unwrap_err().to_string();
        assert_eq!(
            error("aa"),
            "policy: `aa` is not a preset; known are `recommended`, `a`, `b`"
        );
        assert_eq!(
            error("a@2.52.0"),
            "policy: `a@2.52.0` is not a preset; known are `a@>=2.52.1`, `a@<=2.51`"
        );
    }
}
