//! `realmd`: runs the realms that the files on its command line describe.
#![forbid(unsafe_code)]

mod chat;
mod cli;
mod log;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
