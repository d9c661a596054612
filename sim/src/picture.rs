//! Runs as a picture: load and goodput over time, a small one for each policy.

use std::fmt::Write as _;

use crate::measure::Second;
use crate::runs::Run;
use crate::scenario::Scenario;
use crate::table::{multiple, percent};

/// How many small pictures stand beside each other.
const COLUMNS: usize = 4;
const PANEL_WIDTH: usize = 220;
const PANEL_HEIGHT: usize = 120;
const GAP: usize = 24;
const MARGIN: usize = 24;
/// Above the curves: the policy's name, and what came of it.
const TITLE: usize = 40;
/// Above the panels of a scenario: what happens in it.
const HEADING: usize = 36;
/// Below the curves: the time.
const AXIS: usize = 18;
const LEGEND: usize = 28;
/// The load at the upper edge, as a multiple of what can succeed. More is cut off, and said.
const TOP: f64 = 3.0;

/// The colours are readable where the page is light and where it is dark; the ground is the picture's
/// own, for a page may be dark where the reader's system is light.
const STYLE: &str = "\
svg{color-scheme:light dark;font:12px system-ui,sans-serif}\
.ground{fill:#fff}text{fill:#1f2328}.small{font-size:11px;fill:#59636e}.heading{font-size:14px;font-weight:600}\
.name{font-weight:600}.fault{fill:#8c959f;opacity:.22}.load{fill:#e8590c;opacity:.75}\
.good{fill:none;stroke:#0969da;stroke-width:1.6;stroke-linejoin:round}.key{fill:#0969da}\
.line{stroke:#8c959f;stroke-width:1}.can{stroke-dasharray:3 3}\
@media(prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#f0f6fc}.small{fill:#9198a1}\
.load{fill:#f08c4a}.good{stroke:#6cb6ff}.key{fill:#6cb6ff}}";

/// An SVG document: for each scenario what happens in it, and a small picture for each policy.
pub fn svg(scenarios: &[Scenario], runs: &[Run]) -> String {
    let mut body = String::new();
    let mut top = MARGIN;
    for scenario in scenarios {
        let of_scenario = runs.iter().filter(|run| run.scenario == scenario.name);
        let _ = writeln!(
            body,
            r#"<text class="heading" x="{MARGIN}" y="{}">{}: {}</text>"#,
            top + 14,
            escape(scenario.name),
            escape(scenario.summary)
        );
        top += HEADING;
        let of_scenario: Vec<&Run> = of_scenario.collect();
        for row in of_scenario.chunks(COLUMNS) {
            for (column, run) in row.iter().enumerate() {
                let left = MARGIN + column * (PANEL_WIDTH + GAP);
                panel(&mut body, scenario, run, left, top);
            }
            top += TITLE + PANEL_HEIGHT + AXIS + GAP;
        }
    }
    legend(&mut body, top);
    let width = 2 * MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * GAP;
    let height = top + LEGEND;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>Load and goodput over time, by retry policy</title>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n{body}</svg>\n"
    )
}

/// One policy in one scenario.
fn panel(body: &mut String, scenario: &Scenario, run: &Run, left: usize, top: usize) {
    let Run {
        policy, outcome, ..
    } = run;
    let base = top + TITLE + PANEL_HEIGHT;
    let ceiling = top + TITLE;
    let right = left + PANEL_WIDTH;
    let seconds = &outcome.seconds;
    let capacity = scenario.capacity_per_second();
    let x = |second: f64| left as f64 + second * PANEL_WIDTH as f64 / seconds.len().max(1) as f64;
    let y = |rate: f64| {
        let share = (rate / capacity / TOP).min(1.0);
        base as f64 - share * PANEL_HEIGHT as f64
    };
    let _ = writeln!(
        body,
        r#"<text class="name" x="{left}" y="{}">{}</text><text class="small" x="{left}" y="{}">{} succeed, {:.2} requests a call</text>"#,
        top + 12,
        escape(policy),
        top + 29,
        percent(outcome.success()),
        outcome.requests_per_call(),
    );
    let most = seconds.iter().map(|second| second.requests).max();
    let most = f64::from(most.unwrap_or(0)) / capacity;
    if most > TOP {
        let _ = writeln!(
            body,
            r#"<text class="small" x="{right}" y="{}" text-anchor="end">up to {}x</text>"#,
            top + 12,
            multiple(most)
        );
    }
    if let Some((from_ms, until_ms)) = scenario.trouble_ms() {
        let (from, until) = (x(from_ms as f64 / 1000.0), x(until_ms as f64 / 1000.0));
        let _ = writeln!(
            body,
            r#"<rect class="fault" x="{from:.1}" y="{ceiling}" width="{:.1}" height="{PANEL_HEIGHT}"/>"#,
            until - from
        );
    }
    let load = curve(seconds, |second| second.requests, x, y);
    let good = curve(seconds, |second| second.succeeded, x, y);
    let _ = writeln!(
        body,
        r#"<path class="load" d="M{left} {base}L{load}L{right} {base}Z"/><path class="good" d="M{good}"/>"#
    );
    let can = y(capacity);
    let _ = writeln!(
        body,
        r#"<path class="line can" d="M{left} {can:.1}H{right}"/><path class="line" d="M{left} {base}H{right}"/>"#
    );
    let _ = writeln!(
        body,
        r#"<text class="small" x="{left}" y="{0}">0</text><text class="small" x="{right}" y="{0}" text-anchor="end">{1} s</text>"#,
        base + 14,
        seconds.len()
    );
}

/// The points of a curve. Each is the mean of so many seconds that they are no closer than two pixels.
fn curve(
    seconds: &[Second],
    value: impl Fn(&Second) -> u32,
    x: impl Fn(f64) -> f64,
    y: impl Fn(f64) -> f64,
) -> String {
    let width = (seconds.len() * 2).div_ceil(PANEL_WIDTH).max(1);
    let chunks = seconds.chunks(width).enumerate();
    let points = chunks.map(|(index, chunk)| {
        let sum: f64 = chunk.iter().map(|second| f64::from(value(second))).sum();
        let middle = (index * width) as f64 + chunk.len() as f64 / 2.0;
        format!("{:.1} {:.1}", x(middle), y(sum / chunk.len() as f64))
    });
    points.collect::<Vec<_>>().join("L")
}

fn legend(body: &mut String, top: usize) {
    let mut left = MARGIN;
    for (mark, words, width) in [
        (
            r#"class="load" d="M0 -8h14v9h-14z""#,
            "requests sent each second",
            190,
        ),
        (
            r#"class="key" d="M0 -5h14v3h-14z""#,
            "calls that succeed each second",
            215,
        ),
        (r#"class="line can" d="M0 -4h14""#, "what can succeed", 140),
        (
            r#"class="fault" d="M0 -9h14v11h-14z""#,
            "while something is wrong",
            180,
        ),
    ] {
        let _ = writeln!(
            body,
            r#"<g transform="translate({left} {})"><path {mark}/><text class="small" x="20">{words}</text></g>"#,
            top + 8
        );
        left += width;
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Outcome;
    use crate::standard;

    #[test]
    fn every_run_has_its_panel_and_every_tag_its_end() {
        let scenarios = ["out30", "blip1"].map(|name| standard::find(name).unwrap());
        let second = Second {
            calls: 1000,
            requests: 9000,
            succeeded: 1000,
        };
        let outcome = Outcome {
            calls: 100,
            succeeded: 50,
            requests: 300,
            ended: 100,
            attempts: 300,
            p50_ms: None,
            p99_ms: None,
            peak: 7.2,
            back_after_s: None,
            seconds: vec![second; 300],
        };
        let policies = ["a", "b", "c", "d", "e<2"];
        let runs: Vec<Run> = scenarios
            .iter()
            .flat_map(|scenario| {
                policies.map(|policy| Run {
                    scenario: scenario.name.into(),
                    policy: policy.into(),
                    outcome: outcome.clone(),
                })
            })
            .collect();
        let picture = svg(&scenarios, &runs);
        let count = |text: &str| picture.matches(text).count();
        assert_eq!(count(r#"class="name""#), 10);
        assert_eq!(count("50 % succeed, 3.00 requests a call"), 10);
        assert_eq!(count("up to 7.2x"), 10);
        assert!(picture.contains(">e&lt;2<"));
        assert_eq!(count("<text"), count("</text>"));
        // All that is drawn lies within.
        let (_, rest) = picture.split_once("height=\"").unwrap();
        let height: f64 = rest.split('"').next().unwrap().parse().unwrap();
        let deepest = picture.split(" y=\"").skip(1).map(|rest| {
            let y: f64 = rest.split('"').next().unwrap().parse().unwrap();
            y
        });
        assert!(deepest.fold(0.0, f64::max) < height);
    }
}
