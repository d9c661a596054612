//! What the clients answered once, beside what their presets decide now.

#![cfg(test)]

use std::fs;
use std::path::Path;

use holdoff::{PRESET_NAMES, Policy};
use holdoff_peers::{Comparison, Outcome, Peer, Recorded};

#[test]
fn every_preset_of_a_client_answers_as_it_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compared = Vec::new();
    for language in ["python", "node", "jvm", "go"] {
        let list = fs::read_to_string(folder.join(language).join("clients.json")).unwrap();
        for peer in serde_json::from_str::<Vec<Peer>>(&list).unwrap() {
            let file = folder
                .join("recorded")
                .join(format!("{}.jsonl", peer.file()));
            let text = fs::read_to_string(&file)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let mut comparison = Comparison::new(&peer).unwrap();
            for line in text.lines() {
                let Recorded { case, answer } = serde_json::from_str(line).unwrap();
                if let Outcome::Different(text) = comparison.add(&case, &answer) {
                    panic!("{}: {text}", peer.preset);
                }
            }
            assert_eq!(comparison.unseen().next(), None, "{}", peer.preset);
            assert!(
                comparison.equal >= 50,
                "{}: {}",
                peer.preset,
                comparison.equal
            );
            let checked = Policy::preset(&peer.preset).unwrap();
            assert_eq!(
                checked.client().unwrap().checked,
                peer.version,
                "{}",
                peer.preset
            );
            compared.push(peer.preset);
        }
    }
    let mut clients: Vec<&str> = PRESET_NAMES
        .into_iter()
        .filter(|n| n.contains('@'))
        .collect();
    compared.sort_unstable();
    clients.sort_unstable();
    assert_eq!(compared, clients);
}
