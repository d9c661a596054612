//! One failure: a response on standard input, or the transport failure that the options name.

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use holdoff::{Action, Decision, SupportReport};
use serde_json::json;

use crate::answer::Answer;
use crate::input::Input;
use crate::options::Options;
use crate::response::Response;
use crate::{Result, policies, print};

/// `holdoff decide`.
pub(crate) fn decide(options: &Options, json: bool, seconds: bool) -> Result<ExitCode> {
    let policy = policies::load(&options.policy)?;
    let input = read(options)?;
    let mut answer = Answer::new(&policy, &input);
    let action = answer.decision.action();
    if action == Action::Escalate {
        answer.support_report = Some(input.with(|failure, call| {
            SupportReport::new(failure, call.now_ms, options.endpoint.as_deref())
        }));
    }
    let text = if json {
        format!(
            "{}\n",
            serde_json::to_string(&answer).map_err(|error| error.to_string())?
        )
    } else if !seconds {
        answer.to_text(input.now_ms())
    } else if action == Action::Retry {
        let ms = answer.decision.after_ms();
        format!("{}.{:03}\n", ms / 1000, ms % 1000)
    } else {
        String::new()
    };
    print(&text)?;
    Ok(exit_code(answer.decision))
}

/// `holdoff explain`.
pub(crate) fn explain(options: &Options, json: bool) -> Result<ExitCode> {
    let policy = policies::load(&options.policy)?;
    let input = read(options)?;
    let explanation = input.with(|failure, call| policy.explain(failure, call));
    let answer = Answer::new(&policy, &input);
    let text = if json {
        format!(
            "{}\n",
            json!({ "steps": explanation.steps, "decision": answer })
        )
    } else {
        format!("{explanation}\n{}", answer.remarks(input.now_ms()))
    };
    print(&text)?;
    Ok(exit_code(explanation.decision))
}

/// The answer for a shell script.
fn exit_code(decision: Decision) -> ExitCode {
    match decision.action() {
        Action::Retry => ExitCode::SUCCESS,
        Action::Escalate => ExitCode::from(11),
        _ => ExitCode::from(10),
    }
}

/// The failure that standard input and the options describe.
pub(crate) fn read(options: &Options) -> Result<Input> {
    let response = match options.facts.transport {
        Some(_) => None,
        None => Some(Response::parse(&standard_input()?)?),
    };
    let mut options = options.clone();
    options.facts.now = options.facts.now.or_else(system_time);
    Input::new(response, &options)
}

/// All of standard input, up to far more than the core looks at.
fn standard_input() -> Result<Vec<u8>> {
    const MOST: u64 = 16 * 1024 * 1024;
    let input = io::stdin();
    if input.is_terminal() {
        anstream::eprintln!("reading a response from the terminal; pipe `curl -si …` in instead");
    }
    let mut bytes = Vec::new();
    let read = input.lock().take(MOST).read_to_end(&mut bytes);
    read.map_err(|error| format!("standard input: {error}"))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("standard input is empty: pipe in what `curl -si` prints, \
                    or say --transport KIND where no response came"
            .into());
    }
    Ok(bytes)
}

fn system_time() -> Option<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}
