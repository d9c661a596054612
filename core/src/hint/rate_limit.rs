//! The header `RateLimit`: a structured field (RFC 9651) in two shapes.
//!
//! - draft-ietf-httpapi-ratelimit-headers-08 and later, a list: `"default";r=0;t=5`
//! - draft -07, a dictionary: `limit=100, remaining=0, reset=50`

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RateLimit {
    /// Something is used up, and this is the longest time in seconds until it is not.
    Exhausted(u64),
    /// Nothing is used up, or it is not said for how long. With the limit that lets the least through,
    /// where one is told.
    Left(Option<Quota>),
    /// It is not as it should be, and "malformed fields MUST be ignored".
    Malformed,
}

/// What is left of a limit, and in how many seconds it is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub remaining: u64,
    pub seconds: u64,
}

impl Quota {
    /// The one of both that lets less through in the same time.
    fn tighter(self, other: Self) -> Self {
        // Both have at most 15 digits.
        let through = |one: Self, other: Self| {
            u128::from(one.remaining).saturating_mul(u128::from(other.seconds))
        };
        if through(other, self) < through(self, other) {
            other
        } else {
            self
        }
    }
}

/// What all lines of the header say together (RFC 9651 section 4.2: they are one list).
pub(super) fn read<'l>(lines: impl Iterator<Item = &'l str>) -> RateLimit {
    let mut quotas = Quotas::default();
    for line in lines {
        if quotas.read_line(line).is_none() {
            return RateLimit::Malformed;
        }
    }
    if quotas.end_dictionary().is_none() {
        return RateLimit::Malformed;
    }
    match quotas.longest {
        Some(seconds) => RateLimit::Exhausted(seconds),
        None => RateLimit::Left(quotas.tightest),
    }
}

#[derive(Default)]
struct Quotas {
    /// The longest time of the exhausted members of a list.
    longest: Option<u64>,
    /// Of those that are not exhausted, the one that lets the least through.
    tightest: Option<Quota>,
    /// The members of a dictionary. Of the same key the last counts, whatever the others were.
    remaining: Option<Item>,
    reset: Option<Item>,
    /// Whether it is a dictionary, once it is known.
    dictionary: Option<bool>,
}

impl Quotas {
    /// Nothing where the line is malformed.
    fn read_line(&mut self, line: &str) -> Option<()> {
        let mut rest = Scanner(line);
        loop {
            self.read_member(&mut rest)?;
            rest.skip(&[' ', '\t']);
            if rest.0.is_empty() {
                return Some(());
            }
            rest.expect(',')?;
            rest.skip(&[' ', '\t']);
        }
    }

    fn read_member(&mut self, rest: &mut Scanner<'_>) -> Option<()> {
        let mut after_key = Scanner(rest.0);
        let key = after_key.key().filter(|_| after_key.0.starts_with('='));
        let dictionary = *self.dictionary.get_or_insert(key.is_some());
        if dictionary {
            let key = key?;
            *rest = after_key;
            rest.expect('=')?;
            let value = rest.item()?;
            match key {
                "remaining" => self.remaining = Some(value),
                "reset" => self.reset = Some(value),
                _ => {}
            }
            return rest.parameters(|_, _| {});
        }
        if !rest.item()?.names {
            return None;
        }
        let (mut remaining, mut seconds) = (None, None);
        rest.parameters(|key, value| match key {
            "r" => remaining = Some(value),
            "t" => seconds = Some(value),
            _ => {}
        })?;
        self.count(remaining, seconds)
    }

    /// Takes in the members of a dictionary; nothing where they are malformed.
    fn end_dictionary(&mut self) -> Option<()> {
        self.count(self.remaining, self.reset)
    }

    /// Takes in a limit; nothing where what it says is no integer.
    fn count(&mut self, remaining: Option<Item>, seconds: Option<Item>) -> Option<()> {
        let integer = |item: Option<Item>| match item {
            None => Some(None),
            Some(item) => item.integer.map(Some),
        };
        let (Some(remaining), Some(seconds)) = (integer(remaining)?, integer(seconds)?) else {
            return Some(());
        };
        if remaining == 0 {
            self.longest = self.longest.max(Some(seconds));
        } else {
            let quota = Quota { remaining, seconds };
            let tightest = self.tightest.map_or(quota, |so_far| so_far.tighter(quota));
            self.tightest = Some(tightest);
        }
        Some(())
    }
}

/// A bare item, RFC 9651 section 3.3, as far as it matters here.
#[derive(Clone, Copy, Default)]
struct Item {
    /// Its value, if it is an integer and not negative.
    integer: Option<u64>,
    /// Whether it is a string or a token, and so can be the name of a quota.
    names: bool,
}

/// What is left of the line.
struct Scanner<'l>(&'l str);

impl<'l> Scanner<'l> {
    fn skip(&mut self, chars: &[char]) {
        self.0 = self.0.trim_start_matches(chars);
    }

    fn expect(&mut self, char: char) -> Option<()> {
        self.0 = self.0.strip_prefix(char)?;
        Some(())
    }

    /// The longest beginning of such characters.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'l str {
        let end = self.0.find(|c| !wanted(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest;
        taken
    }

    fn key(&mut self) -> Option<&'l str> {
        let begins = |c: char| c.is_ascii_lowercase() || c == '*';
        if !self.0.starts_with(begins) {
            return None;
        }
        Some(self.take(|c| begins(c) || c.is_ascii_digit() || matches!(c, '_' | '-' | '.')))
    }

    /// Hands every parameter to `each`; nothing where one is malformed.
    fn parameters(&mut self, mut each: impl FnMut(&str, Item)) -> Option<()> {
        while self.expect(';').is_some() {
            self.skip(&[' ']);
            let key = self.key()?;
            let value = match self.expect('=') {
                Some(()) => self.item()?,
                None => Item::default(),
            };
            each(key, value);
        }
        Some(())
    }

    fn item(&mut self) -> Option<Item> {
        let first = self.0.chars().next()?;
        match first {
            '"' => self.string(),
            '-' | '0'..='9' => self.number(),
            '*' | 'a'..='z' | 'A'..='Z' => {
                self.take(is_token);
                Some(Item {
                    names: true,
                    integer: None,
                })
            }
            ':' => {
                self.expect(':')?;
                self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='));
                self.expect(':')?;
                Some(Item::default())
            }
            '?' => {
                self.expect('?')?;
                self.0 = self.0.strip_prefix(['0', '1'])?;
                Some(Item::default())
            }
            '@' => {
                self.expect('@')?;
                self.number()?;
                Some(Item::default())
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Item> {
        const MOST_DIGITS: usize = 15;
        let negative = self.expect('-').is_some();
        let digits = self.take(|c| c.is_ascii_digit());
        if digits.is_empty() || digits.len() > MOST_DIGITS {
            return None;
        }
        if self.expect('.').is_some() {
            let decimals = self.take(|c| c.is_ascii_digit());
            let right = digits.len() <= 12 && (1..=3).contains(&decimals.len());
            return right.then(Item::default);
        }
        let integer = digits.parse().ok().filter(|_| !negative);
        Some(Item {
            integer,
            names: false,
        })
    }

    fn string(&mut self) -> Option<Item> {
        self.expect('"')?;
        loop {
            self.take(|c| matches!(c, ' '..='~') && c != '"' && c != '\\');
            if self.expect('"').is_some() {
                return Some(Item {
                    names: true,
                    integer: None,
                });
            }
            self.expect('\\')?;
            self.0 = self.0.strip_prefix(['"', '\\'])?;
        }
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c)
}

#[cfg(test)]
mod tests {
    use super::RateLimit::{Exhausted, Left, Malformed};
    use super::*;

    fn at(line: &str) -> RateLimit {
        read([line].into_iter())
    }

    fn left(remaining: u64, seconds: u64) -> RateLimit {
        Left(Some(Quota { remaining, seconds }))
    }

    #[test]
    fn exhausted_members_of_a_list_count() {
        for (line, expected) in [
            (r#""default";r=0;t=5"#, Exhausted(5)),
            (r#""default";r=50;t=30"#, left(50, 30)),
            (r#""a";r=50;t=30, "b";r=90;t=60"#, left(90, 60)),
            (r#""a";r=50;t=30, "b";r=110;t=60"#, left(50, 30)),
            (r#""burst";r=0;t=10, "daily";r=500;t=3600"#, Exhausted(10)),
            (r#""a,b";r=0;t=7"#, Exhausted(7)),
            (r#""peruser";r=0;t=60;pk=:QXBwLTk5OQ==:"#, Exhausted(60)),
            (
                r#""a";r=0;t=5;acme-burst=3;x;y=?1;z=-1.5;d=@1;s="q\"";k=*to/k"#,
                Exhausted(5),
            ),
            (r#""a"; r=0; t=5"#, Exhausted(5)),
            (r#""a";r=0"#, Left(None)),
            (r#""a";t=5"#, Left(None)),
            ("quota;t=1", Left(None)),
            ("quota;r=0;t=1\t ,\tb", Exhausted(1)),
            (r#""a";r=1;r=0;t=9;t=3"#, Exhausted(3)),
            (r#""a";r=x;t=3;r=0"#, Exhausted(3)),
        ] {
            assert_eq!(at(line), expected, "{line}");
        }
        let lines = [r#""a";r=0;t=7"#, r#""b";r=0;t=9"#];
        assert_eq!(read(lines.into_iter()), Exhausted(9));
    }

    #[test]
    fn a_dictionary_of_draft_07() {
        assert_eq!(at("limit=100, remaining=0, reset=50"), Exhausted(50));
        assert_eq!(at("limit=100, remaining=1, reset=50"), left(1, 50));
        assert_eq!(at("reset=50;x, remaining=0;y=1"), Exhausted(50));
        assert_eq!(at("limit=100, reset=50"), Left(None));
        assert_eq!(at("reset=x, remaining=0, reset=9"), Exhausted(9));
        assert_eq!(at("remaining=0"), Left(None));
        let lines = ["limit=100", "remaining=0, reset=5"];
        assert_eq!(read(lines.into_iter()), Exhausted(5));
    }

    #[test]
    fn malformed_fields_are_ignored() {
        for line in [
            "",
            "soon!?",
            r#""a";r=0;t=5,"#,
            r#", "a";r=0;t=5"#,
            r#""a" ;r=0;t=5"#,
            r#""a";r=-1;t=5"#,
            r#""a";r=0;t=1.5"#,
            r#""a";r=0;t="5""#,
            r#""a";r=0;t"#,
            r#""a";R=0;t=5"#,
            r#""a;r=0;t=5"#,
            r#""é";r=0;t=5"#,
            r#""a";r=0;t=1234567890123456"#,
            "5;r=0;t=5",
            "?1;r=0",
            r#""a";r=0;t=5 "b""#,
            r#"limit=1, "a";r=0;t=5"#,
            r#""a";r=0;t=5, limit=1"#,
            "remaining=0, reset=-5",
            "remaining=0, reset",
            r#""a";r=0;t=5;x=:?:"#,
            r#""a";r=0;t=5;x=?2"#,
        ] {
            assert_eq!(at(line), Malformed, "{line}");
        }
    }
}
