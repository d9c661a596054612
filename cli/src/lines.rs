//! Standard input, line by line.

use std::io::{self, BufRead, BufReader, Read};

use crate::Result;

/// The longest line that is read; the core looks at far less of a body.
const LONGEST: u64 = 4 * 1024 * 1024;

/// One line that is not blank.
pub(crate) struct Numbered<'l> {
    /// From 1, blank lines counted.
    pub number: u64,
    /// The line, or why it can't be read.
    pub line: Result<&'l [u8]>,
    /// Whether more has arrived already.
    pub more: bool,
}

/// Hands every line to `each`, until that says that it is enough.
pub(crate) fn read(mut each: impl FnMut(Numbered<'_>) -> Result<bool>) -> Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let failed = |error| format!("standard input: {error}");
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        bytes.clear();
        let read = (&mut input).take(LONGEST).read_until(b'\n', &mut bytes);
        if read.map_err(failed)? == 0 {
            break;
        }
        let whole = bytes.ends_with(b"\n") || (bytes.len() as u64) < LONGEST;
        let line = if whole {
            Ok(bytes.trim_ascii())
        } else {
            let skipped = input.skip_until(b'\n').map_err(failed)?;
            Err(format!(
                "longer than {LONGEST} bytes, by {skipped}: leave out what isn't needed"
            ))
        };
        let more = !input.buffer().is_empty();
        if line == Ok(b"") {
            continue;
        }
        if !each(Numbered { number, line, more })? {
            break;
        }
    }
    Ok(())
}
