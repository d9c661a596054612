//! The scenario: which path answers what, and when.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::step::Step;

/// The scripts of all paths, as read from the scenario file.
#[derive(Debug, Deserialize)]
#[serde(try_from = "BTreeMap<String, Script>")]
pub struct Scenario {
    scripts: BTreeMap<String, Script>,
}

/// What one path answers: the steps, one per request, then the same for ever.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(default = "Step::success")]
    then: Step,
}

impl Scenario {
    /// Reads a scenario. An error says where in the document and what would be right.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let mut json = serde_json::Deserializer::from_str(text);
        let scenario = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let message = describe(error.inner());
            if path == "." {
                message
            } else {
                format!("{path}: {message}")
            }
        })?;
        json.end().map_err(|error| describe(&error))?;
        Ok(scenario)
    }

    /// The script of a path without its run key.
    pub fn script(&self, path: &str) -> Option<&Script> {
        self.scripts.get(path)
    }
}

/// An error with its place after the sentence rather than as a part of it.
fn describe(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    match text.strip_suffix(&format!(" at line {line} column {column}")) {
        Some(sentence) => format!("{sentence} (line {line}, column {column})"),
        None => text,
    }
}

impl TryFrom<BTreeMap<String, Script>> for Scenario {
    type Error = String;

    fn try_from(scripts: BTreeMap<String, Script>) -> Result<Self, String> {
        for path in scripts.keys() {
            let reachable = path.starts_with('/') && !path.contains(['?', '#', ' ']);
            if !reachable {
                return Err(format!(
                    "`{path}` is not a path: it begins with `/` and has no query, as in \
                     `/rate-limited`"
                ));
            }
            if path.starts_with("/~") || path.starts_with("/__") {
                return Err(format!(
                    "`{path}` is taken: `/~…` is a run key, and `/__…` asks the server about itself"
                ));
            }
        }
        Ok(Self { scripts })
    }
}

impl Script {
    /// The step that answers the request before which `earlier` others came, and its name in the log.
    pub fn step(&self, earlier: usize) -> (&Step, String) {
        match self.steps.get(earlier) {
            Some(step) => (step, format!("steps[{earlier}]")),
            None => (&self.then, "then".to_owned()),
        }
    }
}

/// Splits a request path into its run key, if it has one, and the scenario's path:
/// `/~run-7/rate-limited` is `/rate-limited` in the run `run-7`.
pub fn split_run(path: &str) -> (Option<&str>, &str) {
    let Some(rest) = path.strip_prefix("/~") else {
        return (None, path);
    };
    match rest
        .find('/')
        .and_then(|slash| rest.split_at_checked(slash))
    {
        Some((run, path)) => (Some(run), path),
        None => (Some(rest), "/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Scenario::from_json(text).unwrap_err()
    }

    #[test]
    fn the_shipped_scenario_is_valid() {
        Scenario::from_json(include_str!("../scenario.json")).unwrap();
    }

    #[test]
    fn steps_are_followed_by_then() {
        let scenario = Scenario::from_json(r#"{"/a": {"steps": [{"status": 503}]}}"#).unwrap();
        let script = scenario.script("/a").unwrap();
        assert_eq!(script.step(0).1, "steps[0]");
        assert_eq!(script.step(1).1, "then");
        assert_eq!(script.step(usize::MAX).1, "then");
        assert!(scenario.script("/b").is_none());
    }

    #[test]
    fn a_run_key_is_split_off() {
        assert_eq!(split_run("/slow"), (None, "/slow"));
        assert_eq!(split_run("/~run-7/slow"), (Some("run-7"), "/slow"));
        assert_eq!(split_run("/~run-7/v1/chat"), (Some("run-7"), "/v1/chat"));
        assert_eq!(split_run("/~run-7"), (Some("run-7"), "/"));
        assert_eq!(split_run("/~/slow"), (Some(""), "/slow"));
    }

    #[test]
    fn an_unknown_field_is_named_with_its_path() {
        assert_eq!(
            error(r#"{"/a": {"steps": [{}, {"fautl": "reset"}]}}"#),
            "/a.steps[1].fautl: unknown field `fautl`, expected one of `status`, `headers`, `body`, \
             `chunks`, `delay_ms`, `fault`, `after_bytes` (line 1, column 30)"
        );
        assert!(error(r#"{"/a": {"step": []}}"#).starts_with("/a.step: unknown field `step`"));
    }

    #[test]
    fn a_wrong_value_is_named_with_its_path() {
        let text = r#"{"/a": {"then": {"fault": "explode"}}}"#;
        assert!(
            error(text).starts_with("/a.then.fault: unknown variant `explode`, expected one of")
        );
        let text = r#"{"/a": {"then": {"status": 99}}}"#;
        assert!(
            error(text).starts_with("/a.then: status: `99` is not"),
            "{}",
            error(text)
        );
    }

    #[test]
    fn a_path_must_be_reachable() {
        assert!(error(r#"{"a": {}}"#).starts_with("`a` is not a path"));
        assert!(error(r#"{"/a?b": {}}"#).starts_with("`/a?b` is not a path"));
        assert!(error(r#"{"/~run/a": {}}"#).starts_with("`/~run/a` is taken"));
        assert!(error(r#"{"/__log": {}}"#).starts_with("`/__log` is taken"));
        assert!(error(r#"{"/__connections": {}}"#).starts_with("`/__connections` is taken"));
    }

    #[test]
    fn what_is_no_scenario_is_an_error() {
        assert!(error("").contains("EOF"));
        assert!(error("[]").contains("expected a map"));
        assert!(error("{} {}").contains("trailing characters"));
    }
}
