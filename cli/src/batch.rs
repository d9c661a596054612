//! Many failures: one JSON object a line in, one decision a line out, in order, as they come.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::process::ExitCode;

use holdoff::Policy;
use serde_json::json;

use crate::answer::Answer;
use crate::input::{Input, LINE_FIELDS, Line};
use crate::options::Options;
use crate::{Result, policies};

/// The longest line that is read; the core looks at far less of a body.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

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

    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::new(io::stdout().lock());
    let mut all_read = true;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|error| format!("standard input: {error}"))? == 0 {
            break;
        }
        let whole = line.ends_with(b"\n") || (line.len() as u64) < LONGEST_LINE;
        let answer = if whole {
            batch.answer(&line)
        } else {
            too_long(&mut input)
        };
        let text = match answer {
            Ok(None) => continue,
            Ok(Some(text)) => text,
            Err(error) => {
                all_read = false;
                format!("{{\"error_line\":{number},\"error\":{}}}", json!(error))
            }
        };
        // Flushed whenever nothing more is waiting, so that a log can be followed.
        let waiting = !input.buffer().is_empty();
        let written =
            writeln!(output, "{text}").and_then(|()| if waiting { Ok(()) } else { output.flush() });
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            other => other.map_err(|error| format!("standard output: {error}"))?,
        }
    }
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
    /// The decision on one line; nothing for a blank one.
    fn answer(&mut self, line: &[u8]) -> Result<Option<String>> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let fields: Line =
            serde_json::from_slice(line).map_err(|error| format!("not a JSON object: {error}"))?;
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
        Ok(Some(text))
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

/// Passes over the rest of a line that is too long.
fn too_long(input: &mut impl BufRead) -> Result<Option<String>> {
    let skipped = input
        .skip_until(b'\n')
        .map_err(|error| format!("standard input: {error}"))?;
    Err(format!(
        "longer than {LONGEST_LINE} bytes, by {skipped}: leave out what isn't needed"
    ))
}
