//! The command as a person or a script runs it.

#![cfg(test)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use holdoff::PRESET_NAMES;
use serde_json::{Value, json};

const RATE_LIMITED: &str = include_str!("../../tests/responses/rate-limited.http");

fn holdoff(arguments: &str, input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_holdoff"))
        .args(arguments.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Bad usage ends the command before it reads, so that writing may fail.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    out(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_exit_status_is_the_answer() {
    for (arguments, input, code) in [
        ("decide", RATE_LIMITED, 0),
        ("decide", "HTTP/1.1 400 Bad Request\n\n", 10),
        ("decide --attempt 5", RATE_LIMITED, 11),
        ("explain --attempt 5", RATE_LIMITED, 11),
        ("decide --transport timeout", "", 0),
        ("decide --transport tls", "", 10),
        ("decide", "", 2),
        ("decide", "not HTTP", 2),
        ("decide --attempt -1", RATE_LIMITED, 2),
        ("decide --draw 1", RATE_LIMITED, 2),
        ("decide --policy nobody", RATE_LIMITED, 2),
        ("decide --transport nonsense", "", 2),
        ("policy check no-such-file.json", "", 2),
        ("nonsense", "", 2),
    ] {
        let output = holdoff(arguments, input);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {output:?}");
        assert_eq!(
            output.stderr.is_empty(),
            code != 2,
            "{arguments}: {output:?}"
        );
    }
}

#[test]
fn a_person_reads_what_to_do_how_long_and_why() {
    let text = out(&holdoff("decide --policy tessera --seed 7", RATE_LIMITED));
    assert!(text.starts_with("retry after 3 s\n"), "{text}");
    for part in [
        "rate_limited",
        "3000 ms, from the header Retry-After",
        "back off",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colour but on a terminal");
}

#[test]
fn a_seed_that_was_drawn_is_shown_and_gives_the_same_answer_again() {
    let first = lines(&holdoff("decide --transport reset --json", ""));
    let seed = first[0]["seed"].as_u64().unwrap();
    let mut again = lines(&holdoff(
        &format!("decide --transport reset --json --seed {seed}"),
        "",
    ));
    again[0]["seed"] = seed.into();
    assert_eq!(again, first);
    let text = out(&holdoff("decide --transport reset", ""));
    assert!(text.contains("give --seed"), "{text}");
}

#[test]
fn an_escalation_comes_with_the_support_report() {
    let arguments = "decide --json --attempt 5 --endpoint https://me:pw@api.tessera.ai/v1?key=k \
                     --now 2026-01-15T12:00:00Z";
    let answer = &lines(&holdoff(arguments, RATE_LIMITED))[0];
    assert_eq!(answer["action"], "escalate");
    let report = &answer["support_report"];
    assert_eq!(report["endpoint"], "https://api.tessera.ai/v1");
    assert_eq!(report["timestamp"], "2026-01-15T12:00:00Z");
    assert_eq!(report["request_id"], "req-7f3a91c2");
}

#[test]
fn only_the_seconds_for_sleep() {
    assert_eq!(
        out(&holdoff("decide --policy tessera --seconds", RATE_LIMITED)),
        "3.000\n"
    );
    assert_eq!(
        out(&holdoff(
            "decide --policy tessera --seconds --draw 0.5 --transport reset",
            ""
        )),
        "1.500\n"
    );
    assert_eq!(
        out(&holdoff("decide --seconds", "HTTP/1.1 404 Not Found\n\n")),
        ""
    );
}

#[test]
fn explain_shows_the_steps_in_order() {
    let text = out(&holdoff("explain --draw 0.5", RATE_LIMITED));
    let topics: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        topics,
        [
            "failure", "hint", "verdict", "retries", "jitter", "decision", "message", "advice"
        ]
    );
    let json = &lines(&holdoff("explain --draw 0.5 --json", RATE_LIMITED))[0];
    assert_eq!(json["steps"].as_array().unwrap().len(), 6);
    assert_eq!(json["decision"]["after_ms"], 3300);
}

#[test]
fn a_batch_answers_line_by_line_in_order() {
    let input = r#"{"status":429,"headers":{"retry-after":"3"},"body":{"error":{"message":"m","type":"rate_limit_error","code":"c","param":null}},"attempt":0,"seed":7,"now":"2026-01-15T12:00:00Z","policy":"tessera","method":"POST","elapsed_ms":0,"deadline_ms":null,"max_retries":5}
{"status":503,"draw":0.5,"attempt":1}

{"status":"503"}
{"status":503,"headers":{"Retry-After":["2","4"]},"seed":"18446744073709551615","colour":1}
{"transport":"dns","attempt":9}
nonsense"#;
    let output = holdoff("decide --batch --policy tessera", input);
    assert_eq!(output.status.code(), Some(2));
    let answers = lines(&output);
    let first = r#"{"action":"retry","after_ms":3000,"class":"rate_limited","reason":"error_type","source":"retry-after","advice":"the quota of the current window is used up: back off","attempt":0,"hint":{"ms":3000,"from":"retry-after"},"error":{"message":"m","type":"rate_limit_error","code":"c","param":null,"class":"rate_limited"}}"#;
    assert_eq!(out(&output).lines().next(), Some(first));
    assert_eq!(
        (&answers[1]["after_ms"], &answers[1]["hint"]),
        (&json!(2500), &Value::Null)
    );
    let error = "status: `\"503\"` is not a whole number from 0 to 65535";
    assert_eq!(answers[2], json!({ "error_line": 4, "error": error }));
    assert_eq!(answers[3]["hint"]["ms"], 4000);
    assert_eq!(answers[3]["ignored"], json!(["colour"]));
    assert_eq!(answers[4]["action"], "escalate");
    assert_eq!(answers[5]["error_line"], 7);
    assert_eq!(answers.len(), 6);
}

#[test]
fn options_give_what_the_lines_of_a_batch_do_not_say() {
    let input = "{\"status\":503}\n{\"status\":503,\"attempt\":0,\"seed\":1}\n";
    let answers = lines(&holdoff(
        "decide --batch --policy tessera --attempt 2 --draw 0",
        input,
    ));
    assert_eq!(
        (&answers[0]["after_ms"], &answers[0]["attempt"]),
        (&json!(4000), &json!(2))
    );
    assert_eq!(answers[1]["attempt"], 0);
    assert_ne!(
        answers[1]["after_ms"], 1000,
        "the line's seed takes the place of the option's draw"
    );
}

#[test]
fn a_batch_streams() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_holdoff"))
        .args(["decide", "--batch", "--policy", "tessera"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for attempt in 0..3 {
        writeln!(input, "{{\"status\":503,\"attempt\":{attempt},\"draw\":0}}").unwrap();
        input.flush().unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["after_ms"], 1000 << attempt);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn policies_are_compared_on_one_response() {
    let response = "HTTP/1.1 429 x\nretry-after: 16\n\n{\"error\":{\"type\":\"rate_limit_error\"}}";
    let text = out(&holdoff("compare recommended tessera", response));
    let expected = "\
policy       does   wait              from         class         reason
recommended  retry  16 s to 19.199 s  retry-after  rate_limited  error_class
tessera      retry  16 s              retry-after  rate_limited  error_type
";
    assert_eq!(text, expected);
    let text = out(&holdoff(
        "compare recommended tessera --deadline-ms 17000",
        response,
    ));
    assert!(
        text.contains("recommended  retry or stop  16 s to 19.199 s"),
        "{text}"
    );
    let quota = "HTTP/1.1 429 x\n\n{\"error\":{\"code\":\"insufficient_quota\"}}";
    let json = &lines(&holdoff("compare tessera recommended --json", quota))[0];
    assert_eq!(json[0]["policy"], "tessera");
    assert_eq!(json[0]["least"]["action"], "retry");
    assert_eq!(json[0]["most"]["after_ms"], 1999);
    assert_eq!(json[1]["least"]["reason"], "error_class");
    let output = holdoff("compare nobody", quota);
    assert_eq!(output.status.code(), Some(2));
    let all = out(&holdoff("compare", quota));
    assert_eq!(all.lines().count(), PRESET_NAMES.len() + 1);
}

#[test]
fn policies_are_compared_on_a_log() {
    let log = r#"{"status":503,"headers":{"retry-after-ms":"5000"},"attempt":1}
{"status":429,"body":{"error":{"code":"insufficient_quota"}}}

{"status":404}
nonsense
{"status":503,"attempt":9}
{"status":429,"headers":{"x-ratelimit-reset-tokens":"9m0s","x-ratelimit-remaining-tokens":"0"}}"#;
    let output = holdoff("compare --batch --json tessera recommended", log);
    assert_eq!(output.status.code(), Some(2), "a line can't be read");
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("line 5: not a JSON object"));
    let all = &lines(&output)[0];
    assert_eq!((&all["calls"], &all["unreadable"]), (&json!(5), &json!(1)));
    let sum = |index: usize| {
        let mut sum = all["policies"][index]["sum"].clone();
        let wait_ms = sum["wait_ms"].take();
        assert!(wait_ms.as_u64().unwrap() > 4000, "{wait_ms}");
        sum
    };
    // tessera passes over retry-after-ms, and over what the code says.
    assert_eq!(
        sum(0),
        json!({ "retry": 3, "stop": 1, "escalate": 1, "wait_ms": null, "too_early": 1, "in_vain": 1 })
    );
    assert_eq!(
        sum(1),
        json!({ "retry": 2, "stop": 2, "escalate": 1, "wait_ms": null, "too_early": 0, "in_vain": 0 })
    );
    let text = out(&holdoff("compare --batch tessera", "{\"status\":404}"));
    let expected = "\
failed calls: 1
policy   retry  stop  escalate  wait  too early  in vain
tessera  0      1     0         0 ms  0          0
";
    assert_eq!(text, expected);
}

#[test]
fn endless_lines_are_refused_and_the_next_is_read() {
    let long = format!("{{\"body\":\"{}\"}}", "x".repeat(5 << 20));
    let answers = lines(&holdoff(
        "decide --batch",
        &format!("{long}\n{{\"status\":400}}\n"),
    ));
    assert!(
        answers[0]["error"]
            .as_str()
            .unwrap()
            .starts_with("longer than"),
        "{answers:?}"
    );
    assert_eq!(answers[1]["action"], "stop");
}

#[test]
fn policies_are_listed_shown_and_checked() {
    let list = out(&holdoff("policy list", ""));
    let names: Vec<_> = list
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names, PRESET_NAMES);
    let shown = out(&holdoff("policy show openai-python@2.40.0", ""));
    assert!(
        shown.contains("\"name\": \"openai-python@<=2.51\""),
        "{shown}"
    );
    let shown = out(&holdoff("policy show tessera", ""));
    assert_eq!(shown, include_str!("../../core/src/presets/tessera.json"));
    let schema: Value = serde_json::from_str(&out(&holdoff("policy schema", ""))).unwrap();
    assert_eq!(schema["title"], "holdoff policy");

    let folder = std::env::temp_dir().join(format!("holdoff-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("own.json");
    std::fs::write(&file, shown.replace("\"cap_ms\": 60000", "\"cap_ms\": 500")).unwrap();
    let output = holdoff(&format!("policy check {}", file.display()), "");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("backoff.cap_ms: 500 is less than backoff.base_ms, 1000"),
        "{error}"
    );
    std::fs::write(&file, shown.replace("\"retries\": 5", "\"retries\": 0")).unwrap();
    assert!(
        holdoff(&format!("policy check {}", file.display()), "")
            .status
            .success()
    );
    let output = holdoff(&format!("decide --policy {}", file.display()), RATE_LIMITED);
    assert_eq!(output.status.code(), Some(11));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_simulation_shows_each_policy_in_each_scenario() {
    let picture = std::env::temp_dir().join(format!("holdoff-{}.svg", std::process::id()));
    let arguments = "simulate none grpc --scenario blip1 --clients 10 --seed 7";
    let text = out(&holdoff(
        &format!("{arguments} --svg {}", picture.display()),
        "",
    ));
    assert!(
        text.starts_with("blip1: 1 % of all attempts fail"),
        "{text}"
    );
    for policy in ["none", "grpc"] {
        assert!(text.lines().any(|line| line.starts_with(policy)), "{text}");
    }
    let svg = std::fs::read_to_string(&picture).unwrap();
    std::fs::remove_file(picture).unwrap();
    assert_eq!(svg.matches("requests a call<").count(), 2);
    let json = &lines(&holdoff(&format!("{arguments} --json"), ""))[0];
    assert_eq!(json["scenarios"][0]["load"]["open"]["clients"], 10);
    let runs = json["runs"].as_array().unwrap();
    assert_eq!(
        (&runs[0]["policy"], &runs[1]["policy"]),
        (&json!("none"), &json!("grpc"))
    );
    assert_eq!(runs[0]["requests"], runs[0]["calls"]);
    assert_eq!(runs[0]["seconds"].as_array().unwrap().len(), 240);
    let output = holdoff("simulate --scenario storm", "");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("`storm` is not a scenario; known are `blip1`"),
        "{error}"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(out(&holdoff(&format!("completions {shell}"), "")).contains("holdoff"));
    }
}
