//! `realmd`: runs the realms that the files on its command line describe.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    realmd::main()
}
