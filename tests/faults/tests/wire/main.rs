//! Drives the real server over bare sockets and looks at what comes over the wire.

// `cfg(test)` is always on here; it tells clippy that these modules are tests.
#[cfg(test)]
mod command;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod server;
#[cfg(test)]
mod shipped_scenario;
#[cfg(test)]
mod turns;
