//! `cargo xtask lint`: every linter and formatter. Each is one check in the table.

use std::process::Command;

use crate::package::WHEEL;
use crate::setup::{CARGO_DENY, KTLINT, NODE_MODULES, PYTHON_ENVIRONMENT};
use crate::step::Step;
use crate::suite::{Group, Suite};
use crate::tally::Runner;
use crate::tools::{cargo, cargo_deny, ktlint, npm, python};

pub static ALL: &[Suite] = &[
    lint("rustfmt", &[], || cargo("fmt --all --check")),
    lint("clippy", &[], || {
        cargo("clippy --workspace --all-targets -- --deny warnings")
    }),
    lint("rustdoc", &[], || {
        let mut doc =
            cargo("doc --package holdoff --package holdoff-tower --all-features --no-deps");
        doc.env("RUSTDOCFLAGS", "--deny warnings");
        doc
    }),
    lint("licences and sources", &[&CARGO_DENY], || {
        cargo_deny("--all-features check licenses sources")
    }),
    // What ships, and not the tools that build and test it.
    lint("bans", &[&CARGO_DENY], || {
        cargo_deny(
            "--exclude-dev --exclude xtask --exclude holdoff-faults --exclude holdoff-fuzz check bans",
        )
    }),
    Suite {
        runner: Runner::Advisories,
        ..lint("advisories", &[&CARGO_DENY], || {
            cargo_deny("--all-features check advisories")
        })
    },
    lint("biome", &[&NODE_MODULES], || npm("run lint")),
    lint("ruff", &[&PYTHON_ENVIRONMENT], || {
        python("ruff", "check . ../tests")
    }),
    lint("ruff format", &[&PYTHON_ENVIRONMENT], || {
        python("ruff", "format --check . ../tests")
    }),
    lint("mypy", &[&WHEEL], || python("mypy", "--strict")),
    lint("pyright", &[&WHEEL], || python("pyright", "")),
    Suite {
        runner: Runner::Ktlint,
        ..lint("ktlint", &[&KTLINT], || ktlint("--relative src/**/*.kt"))
    },
];

const fn lint(
    name: &'static str,
    needs: &'static [&'static Step],
    command: fn() -> Command,
) -> Suite {
    Suite {
        name,
        group: Group::Lint,
        needs,
        runner: Runner::Lint,
        command,
    }
}
