//! The work itself, whoever has the store open.

use super::desk::Status;
use super::peers::PeersReport;
use super::protocol::Answer;
use super::report::{Report, unix_ms};
use crate::settings::Settings;
use chatproto::RealmName;
use chatproto::store::StoreError;
use chatproto::store::sqlite::{SqliteReader, SqliteStore};
use std::path::Path;
use std::time::Instant;

pub(super) fn inspect(
    realm: &RealmName,
    file: &Path,
    status: Status,
    reader: &mut SqliteReader,
) -> Answer {
    answered(reader.inspect().map(|inspection| {
        Answer::Inspected(Box::new(Report::new(realm, file, status, inspection)))
    }))
}

/// What the data tell of peers.
pub(super) fn peers(settings: &Settings, reader: &mut SqliteReader) -> Answer {
    answered(reader.inspect().map(|inspection| {
        let report = PeersReport::stopped(settings, unix_ms(), inspection);
        Answer::Peers(Box::new(report))
    }))
}

pub(super) fn backup(reader: &mut SqliteReader, destination: &Path) -> Answer {
    let began = Instant::now();
    answered(reader.backup(destination).map(|()| Answer::BackedUp {
        file: destination.display().to_string(),
        bytes: std::fs::metadata(destination).map_or(0, |metadata| metadata.len()),
        ms: ms_since(began),
    }))
}

pub(super) fn compact(file: &Path, store: &mut SqliteStore) -> Answer {
    let began = Instant::now();
    answered(store.compact().map(|compacted| Answer::Compacted {
        file: file.display().to_string(),
        bytes_before: compacted.bytes_before,
        bytes_after: compacted.bytes_after,
        ms: ms_since(began),
    }))
}

fn answered(result: Result<Answer, StoreError>) -> Answer {
    result.unwrap_or_else(|error| Answer::failed(error.to_string()))
}

fn ms_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
