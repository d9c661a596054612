//! The policies of other clients, each compared with the client itself by `cargo xtask peers`.

/// The documents by name; of each client the newest first.
pub(super) const CLIENTS: [(&str, &str); 0] = [];
