//! The data of a realm that does not run.

use super::desk::{PeerOrder, Status};
use super::job;
use super::protocol::{Answer, Request};
use crate::Settings;
use crate::settings::StoreSettings;
use chatproto::store::StoreError;
use chatproto::store::sqlite::SqliteStore;
use std::io;

/// Opens the store and does what is asked. `why` tells why nobody was found at the control socket.
pub(super) fn carry_out(
    settings: &Settings,
    store: &StoreSettings,
    request: &Request,
    why: &str,
) -> Answer {
    let realm = &settings.config.realm;
    match request {
        Request::Reload => {
            return Answer::failed(format!(
                "{realm} does not run ({why}): it reads its file when it starts"
            ));
        }
        Request::Peer(PeerOrder::Remove { .. }, peer) => {
            return Answer::failed(format!(
                "{realm} does not run ({why}): take {peer} out of its file and start it, with `realmd --bounce` if \
                 messages wait for {peer}"
            ));
        }
        Request::Peer(..) => {
            return Answer::failed(format!("{realm} does not run ({why}): start it first"));
        }
        Request::Backup(_) | Request::Compact | Request::Inspect | Request::Peers => {}
    }
    let file = store.file(realm);
    let file = std::path::absolute(&file).unwrap_or(file);
    match std::fs::metadata(&file) {
        // To open it would make a new one.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Answer::failed(format!(
                "{realm} has no data yet, there is no {}: start it once, or see that [store] names \
                 the right folder",
                file.display()
            ));
        }
        Err(error) => {
            return Answer::failed(format!(
                "{} cannot be looked at ({error}): use the user that runs {realm}",
                file.display()
            ));
        }
        Ok(_) => {}
    }
    // Who only looks may look at what is damaged, too.
    let is_checked = !matches!(request, Request::Inspect | Request::Peers);
    let opened = SqliteStore::open(&file, realm, store.options().check(is_checked));
    match opened {
        Ok(opened) => work(settings, &file, request, opened),
        Err(StoreError::InUse(sentence)) => {
            Answer::failed(format!("nobody can be asked ({why}), and {sentence}"))
        }
        Err(error) => Answer::failed(error.to_string()),
    }
}

fn work(
    settings: &Settings,
    file: &std::path::Path,
    request: &Request,
    mut store: SqliteStore,
) -> Answer {
    if *request == Request::Compact {
        return job::compact(file, &mut store);
    }
    let mut reader = match store.reader() {
        Ok(reader) => reader,
        Err(error) => return Answer::failed(error.to_string()),
    };
    match request {
        Request::Backup(destination) => job::backup(&mut reader, destination),
        Request::Peers => job::peers(settings, &mut reader),
        Request::Inspect | Request::Compact | Request::Peer(..) | Request::Reload => {
            let peers = settings.peers.keys();
            let status = Status {
                running: None,
                links: peers.map(|peer| (peer.clone(), None)).collect(),
            };
            job::inspect(&settings.config.realm, file, status, &mut reader)
        }
    }
}
