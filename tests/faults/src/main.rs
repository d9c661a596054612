//! An HTTP/1.1 server on loopback that misbehaves on a script, for the end-to-end tests of every
//! language. `README.md` describes the scenario file and the log.

mod connections;
mod fault;
mod log;
mod scenario;
mod server;
mod step;

use std::error::Error;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tokio::net::TcpListener;

use crate::log::Log;
use crate::scenario::Scenario;
use crate::server::Server;

/// An HTTP server on 127.0.0.1 that misbehaves on a script: statuses, headers, delays, resets,
/// truncated bodies, streams cut in the middle, answers that never come.
///
/// Prints `listening on http://127.0.0.1:PORT` when it is ready and serves until it is killed. What
/// it received is at `GET /__log`, the connections that are open at `GET /__connections`.
#[derive(Debug, Parser)]
#[command(name = "holdoff-faults", version)]
struct Options {
    /// The scenario: a JSON file that gives each path the steps it answers with
    #[arg(long, value_name = "FILE")]
    scenario: PathBuf,

    /// The port on 127.0.0.1; 0 takes any free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,

    /// Append every request to this file too, one JSON object a line
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// End when standard input closes, so that the server does not outlive whoever started it
    #[arg(long)]
    until_stdin_closes: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("holdoff-faults: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let scenario = read_scenario(&options.scenario)?;
    let log = match &options.log {
        None => Log::in_memory(),
        Some(path) => Log::appending_to(path).map_err(|e| format!("{}: {e}", path.display()))?,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
        .await
        .map_err(|e| format!("port {}: {e}", options.port))?;
    let address = listener.local_addr()?;
    let server = Arc::new(Server::new(scenario, log));

    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()?;

    if options.until_stdin_closes {
        tokio::select! {
            () = server.serve(listener) => {}
            () = stdin_closed() => {}
        }
    } else {
        server.serve(listener).await;
    }
    Ok(())
}

fn read_scenario(path: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Scenario::from_json(&text).map_err(|e| format!("{}: {e}", path.display()))
}

async fn stdin_closed() {
    // An error on standard input means the same as its end: nobody is there any more.
    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
}
