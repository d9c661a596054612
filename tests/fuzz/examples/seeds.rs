//! Writes the inputs that libFuzzer begins with: `seeds <folder>` makes a folder for each target.

use std::path::PathBuf;
use std::{env, fs};

use holdoff_fuzz::TARGETS;
use holdoff_fuzz::seeds::Shared;

fn main() -> Result<(), String> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or("a folder to write to is needed")?;
    let shared = Shared::read()?;
    for target in TARGETS {
        let folder = folder.join(target.name).join("seeds");
        let seeds = (target.seeds)(&shared);
        println!("{}: {} seeds", target.name, seeds.len());
        let write = || {
            fs::create_dir_all(&folder)?;
            let mut seeds = seeds.iter().enumerate();
            seeds.try_for_each(|(index, seed)| fs::write(folder.join(format!("{index:05}")), seed))
        };
        let written: std::io::Result<()> = write();
        written.map_err(|error| format!("{} can't be written: {error}", folder.display()))?;
    }
    Ok(())
}
