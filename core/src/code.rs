//! The code tables: what each number in a decision is called and means.
//!
//! A code is never renumbered and never reused; new ones are only added. The packages in other
//! languages generate their names and docs from these tables.

/// One row of a code table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable number.
    pub code: u8,
    /// The name, the same in every language.
    pub name: &'static str,
    /// What it means, one sentence for a person.
    pub meaning: &'static str,
}

macro_rules! codes {
    (
        $(#[$outer:meta])*
        pub enum $table:ident {
            $( $code:literal $variant:ident $name:literal $meaning:literal, )+
        }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $table {
            $( #[doc = $meaning] $variant = $code, )+
        }

        impl $table {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The whole table, for generating what other languages need of it.
            pub const TABLE: &'static [$crate::code::Code] = &[
                $( $crate::code::Code { code: $code, name: $name, meaning: $meaning }, )+
            ];

            /// The stable number.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The value with this number, if there is one.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $( $code => Some(Self::$variant), )+
                    _ => None,
                }
            }

            /// The name, the same in every language.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )+
                }
            }

            /// The value with exactly this name, if there is one.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $( $name => Some(Self::$variant), )+
                    _ => None,
                }
            }

            /// What it means, one sentence for a person.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $( Self::$variant => $meaning, )+
                }
            }
        }

        impl core::fmt::Display for $table {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }

        impl serde::Serialize for $table {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

pub(crate) use codes;

/// An enum whose values are words in documents: the names and nothing else.
macro_rules! words {
    (
        $(#[$outer:meta])*
        $visibility:vis enum $words:ident {
            $( $(#[$inner:meta])* $variant:ident $name:literal, )+
        }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visibility enum $words {
            $( $(#[$inner])* $variant, )+
        }

        impl $words {
            /// Every value.
            $visibility const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The name, the same in every language.
            $visibility const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )+
                }
            }
        }

        impl serde::Serialize for $words {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::Code;
    use crate::{Action, FailureClass, Phase, Reason, Source, TransportKind};

    #[test]
    fn codes_and_names_are_unique_and_fit_their_bits() {
        let fits = |table: &[Code], bits: u32| {
            for (index, row) in table.iter().enumerate() {
                assert!(u32::from(row.code) < 1 << bits, "{row:?}");
                assert!(
                    !row.meaning.is_empty() && !row.meaning.ends_with('.'),
                    "{row:?}"
                );
                for other in &table[index + 1..] {
                    assert!(
                        other.code > row.code && other.name != row.name,
                        "{row:?} {other:?}"
                    );
                }
            }
        };
        fits(Action::TABLE, 2);
        fits(FailureClass::TABLE, 5);
        fits(Reason::TABLE, 6);
        fits(Source::TABLE, 5);
        fits(TransportKind::TABLE, 8);
        fits(Phase::TABLE, 8);
    }

    #[test]
    fn every_value_is_found_by_its_code_and_by_its_name() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert_eq!(Reason::from_name(reason.name()), Some(reason));
        }
        assert_eq!(Reason::from_code(0), None);
        assert_eq!(Reason::from_name("Status"), None);
    }
}
