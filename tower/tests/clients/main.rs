//! Drives the real clients, each through its adapter, against the misbehaving server of
//! `tests/faults`, and looks at what that one saw.

// `cfg(test)` is always on here; it tells clippy that these modules are tests.
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod caller;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod server;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod time;
