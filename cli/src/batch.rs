//! Many failures: one JSON object a line in, one decision a line out, in order, as they come.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use holdoff::Policy;
use serde_json::json;

use crate::answer::Answer;
use crate::input::{self, Input, LINE_FIELDS};
use crate::lines::{self, Numbered};
use crate::options::Options;
use crate::{Result, policies};

/// `holdoff decide --batch`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut batch = Batch {
        options,
        policies: HashMap::new(),
    };
    // A default that can't be loaded is one error, not one a line.
    batch
        .policies
        .insert(options.policy.clone(), policies::load(&options.policy)?);

    let mut output = BufWriter::new(io::stdout().lock());
    let mut all_read = true;
    lines::read(|Numbered { number, line, more }| {
        let text = match line.and_then(|line| batch.answer(line)) {
            Ok(text) => text,
            Err(error) => {
                all_read = false;
                format!("{{\"error_line\":{number},\"error\":{}}}", json!(error))
            }
        };
        // Flushed whenever nothing more is waiting, so that a log can be followed.
        let written =
            writeln!(output, "{text}").and_then(|()| if more { Ok(()) } else { output.flush() });
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            other => other
                .map(|()| true)
                .map_err(|error| format!("standard output: {error}")),
        }
    })?;
    Ok(if all_read {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

struct Batch<'o> {
    options: &'o Options,
    /// Every policy that was named, loaded once.
    policies: HashMap<String, Policy>,
}

impl Batch<'_> {
    /// The decision on one line.
    fn answer(&mut self, line: &[u8]) -> Result<String> {
        let fields = input::parse_line(line)?;
        let input = Input::from_line(&fields, self.options)?;
        let inline;
        let policy = fields.get("policy").map_or("null", |policy| policy.get());
        let policy = match serde_json::from_str::<String>(policy) {
            _ if policy == "null" => self.policy(&self.options.policy)?,
            Ok(name) => self.policy(&name)?,
            Err(_) => {
                inline = Policy::from_json(policy).map_err(|error| error.to_string())?;
                &inline
            }
        };
        let answer = Answer::new(policy, &input);
        let known = |name: &str| name == "policy" || LINE_FIELDS.contains(&name);
        let ignored: Vec<_> = fields.keys().filter(|name| !known(name)).collect();
        let mut text = serde_json::to_string(&answer).map_err(|error| error.to_string())?;
        if !ignored.is_empty() {
            // Passed over, and said so: a misspelt field would change the answer unseen.
            text.pop();
            text.push_str(&format!(",\"ignored\":{}}}", json!(ignored)));
        }
        Ok(text)
    }

    /// A preset, or the policy that the options name.
    fn policy(&mut self, name: &str) -> Result<&Policy> {
        match self.policies.entry(name.into()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let policy = Policy::preset(name).map_err(|error| error.to_string())?;
                Ok(place.insert(policy))
            }
        }
    }
}
