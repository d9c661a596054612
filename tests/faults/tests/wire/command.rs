//! The command around the server.

use std::io::Read;

use crate::server::{Server, command, eventually, temporary_file};

#[test]
fn it_ends_when_standard_input_closes() {
    let scenario = temporary_file("scenario.json", r#"{"/a": {"then": {"fault": "hang"}}}"#);
    let mut server = Server::start(
        command()
            .arg("--until-stdin-closes")
            .arg("--scenario")
            .arg(&scenario),
    );
    assert_eq!(server.process.try_wait().unwrap(), None);
    drop(server.process.stdin.take());
    eventually("the server ends", || {
        server.process.try_wait().unwrap().is_some()
    });
    assert!(server.process.wait().unwrap().success());
    std::fs::remove_file(scenario).unwrap();
}

#[test]
fn the_log_file_is_appended_to() {
    let scenario = temporary_file("scenario.json", r#"{"/a": {}}"#);
    let log = temporary_file("log.jsonl", "{\"earlier\":true}\n");
    let server = Server::start(
        command()
            .arg("--scenario")
            .arg(&scenario)
            .arg("--log")
            .arg(&log),
    );
    server.get("/a");
    server.get("/b");
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["earlier"], true);
    assert_eq!(lines[1..], *server.get("/__log").json().as_array().unwrap());
    std::fs::remove_file(scenario).unwrap();
    std::fs::remove_file(log).unwrap();
}

#[test]
fn a_scenario_that_cannot_be_played_ends_it_at_once() {
    let scenario = temporary_file("scenario.json", r#"{"/a": {"then": {"stauts": 500}}}"#);
    let mut process = command().arg("--scenario").arg(&scenario).spawn().unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(2));
    let mut error = String::new();
    process
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert!(
        error.contains("scenario.json: /a.then.stauts: unknown field `stauts`"),
        "{error}"
    );
    std::fs::remove_file(scenario).unwrap();

    let output = command()
        .arg("--scenario")
        .arg("no-such-file.json")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with("holdoff-faults: no-such-file.json: "),
        "{error}"
    );
}
