//! Every transcript, in every manner.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use chatproto_tests::player::{Manner, manners, play};
use chatproto_tests::transcript::Transcript;
use std::path::{Path, PathBuf};

/// The transcripts, by name.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}

/// Plays one file; returns in how many manners, or everything that went wrong, once each.
fn play_file(file: &Path) -> Result<usize, Vec<String>> {
    let name = file.file_name().unwrap().to_string_lossy();
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.starts_with("# "), "{name} does not say what it shows");
    let transcript = Transcript::parse(&text).map_err(|error| vec![format!("{name}:{error}")])?;
    let manners = manners(&transcript);
    let mut failures: Vec<(String, Manner)> = Vec::new();
    for manner in &manners {
        if let Err(failure) = play(&transcript, *manner) {
            let failure = format!("{name}:{failure}");
            if failures.iter().all(|(earlier, _)| *earlier != failure) {
                failures.push((failure, *manner));
            }
        }
    }
    if failures.is_empty() {
        return Ok(manners.len());
    }
    Err(failures
        .into_iter()
        .map(|(failure, manner)| format!("{failure}\n  in {manner:?}"))
        .collect())
}

#[test]
#[allow(
    clippy::print_stdout,
    reason = "the count is what people want to see of this test"
)]
fn every_transcript_comes_true() {
    let files = files();
    let mut plays = 0;
    let mut failures = Vec::new();
    for file in &files {
        match play_file(file) {
            Ok(manners) => plays += manners,
            Err(more) => failures.extend(more),
        }
    }

    println!("{} transcripts played, {plays} plays", files.len());
    assert!(!files.is_empty(), "no transcript was found");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
