//! Starts other programs: says what it runs, lets their output through, and keeps it where it counts.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{io, thread};

use crate::Result;
use crate::tools::root;

/// What a program printed, and whether it ended well.
pub struct Finished {
    pub success: bool,
    /// Standard output, then standard error.
    pub output: String,
}

/// A command that runs in the root of the repository and reads nothing.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(root())
        .stdin(Stdio::null())
        // Every path of the driver is below `target/`, wherever the user's own builds go.
        .env("CARGO_TARGET_DIR", root().join("target"));
    command
}

/// Runs a command to its end; its output goes where the driver's own goes.
pub fn run(command: &mut Command) -> Result {
    announce(command);
    let status = command
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` ended with {status}", shown(command)))
    }
}

/// Runs a command to its end without showing anything, and returns what it printed.
pub fn read(command: &mut Command) -> Result<Finished> {
    let output = command
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    Ok(finished(
        output.status.success(),
        &output.stdout,
        &output.stderr,
    ))
}

/// Runs a command to its end, passes its output on as it comes, and returns it too.
pub fn stream(command: &mut Command) -> Result<Finished> {
    announce(command);
    let mut child = command
        // What is read here was never a terminal; runners shall not be told otherwise.
        .env_remove("FORCE_COLOR")
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = thread::scope(|scope| {
        let stdout = scope.spawn(|| pass_on(stdout, io::stdout()));
        let stderr = scope.spawn(|| pass_on(stderr, io::stderr()));
        (
            stdout.join().unwrap_or_default(),
            stderr.join().unwrap_or_default(),
        )
    });
    let status = child
        .wait()
        .map_err(|error| cannot_start(command, &error))?;
    Ok(finished(status.success(), &stdout, &stderr))
}

fn pass_on(from: Option<impl Read>, mut to: impl Write) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return kept };
    let mut chunk = [0; 8192];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return kept,
            Ok(length) => {
                let bytes = chunk.get(..length).unwrap_or_default();
                // A reader that went away must not stop the program that is being watched.
                let _ = to.write_all(bytes).and_then(|()| to.flush());
                kept.extend_from_slice(bytes);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return kept,
        }
    }
}

fn finished(success: bool, stdout: &[u8], stderr: &[u8]) -> Finished {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Finished {
        success,
        output: text(stdout) + "\n" + &text(stderr),
    }
}

fn announce(command: &Command) {
    match command
        .get_current_dir()
        .and_then(|folder| folder.strip_prefix(root()).ok())
    {
        Some(folder) if folder != Path::new("") => {
            println!("$ (in {}) {}", folder.display(), shown(command));
        }
        _ => println!("$ {}", shown(command)),
    }
}

/// The command as a person would type it in the root of the repository.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| {
        let path = Path::new(word);
        path.strip_prefix(root())
            .unwrap_or(path)
            .display()
            .to_string()
    });
    words.collect::<Vec<_>>().join(" ")
}

fn cannot_start(command: &Command, error: &io::Error) -> String {
    format!("`{}` can't be run: {error}", shown(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_both_streams_and_the_status() {
        let finished = stream(command("cargo").arg("--version")).unwrap();
        assert!(finished.success);
        assert!(finished.output.starts_with("cargo "), "{}", finished.output);

        let finished = stream(command("cargo").arg("no-such-command")).unwrap();
        assert!(!finished.success);
        assert!(
            finished.output.contains("no such command"),
            "{}",
            finished.output
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_a_sentence() {
        let error = run(&mut command("no-such-program")).unwrap_err();
        assert!(
            error.starts_with("`no-such-program` can't be run: "),
            "{error}"
        );
    }

    #[test]
    fn shows_paths_from_the_root() {
        let command = command(root().join("target/venv/bin/pytest"));
        assert_eq!(shown(&command), "target/venv/bin/pytest");
    }
}
