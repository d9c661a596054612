//! The examples of the README: what they show is what is printed.

#![cfg(all(test, unix))]

use std::env;
use std::path::Path;
use std::process::Command;

#[test]
fn the_readme_shows_what_the_command_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let command = Path::new(env!("CARGO_BIN_EXE_holdoff"));
    let path = format!(
        "{}:{}",
        command.parent().unwrap().display(),
        env::var("PATH").unwrap()
    );
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut run = 0;
    for (line, shown) in examples(&readme) {
        let line = line.replace("cargo run -q -p holdoff-cli --", "holdoff");
        // A simulation takes long where nothing is optimised.
        if !line.contains("holdoff ") || line.contains("simulate") {
            continue;
        }
        let output = Command::new("sh")
            .args(["-c", &line])
            .env("PATH", &path)
            .current_dir(root)
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.trim_end(), shown, "{line}");
        assert!(!shown.is_empty(), "{line}");
        run += 1;
    }
    assert!(run >= 4, "{run}");
}

/// The lines after `$ ` in blocks of code, and what stands below each.
fn examples(readme: &str) -> Vec<(String, String)> {
    let mut examples: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in readme.lines() {
        let Some(code) = line.strip_prefix("    ") else {
            open = false;
            continue;
        };
        if let Some(command) = code.strip_prefix("$ ") {
            examples.push((command.into(), String::new()));
            open = true;
        } else if let Some((_, shown)) = examples.last_mut()
            && open
        {
            *shown += if shown.is_empty() { "" } else { "\n" };
            *shown += code;
        }
    }
    examples
}
