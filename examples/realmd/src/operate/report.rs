//! How a realm is, in figures.

use super::desk::Status;
use chatproto::RealmName;
use chatproto::link::frame::StreamKind;
use chatproto::store::sqlite::{Inspection, Queue};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What `realmd inspect` tells. Nothing secret, and nothing that anybody wrote.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) realm: String,
    /// When this was so, in ms since 1970.
    pub(super) at_unix_ms: u64,
    /// None if the realm does not run.
    pub(super) running: Option<Running>,
    pub(super) file: String,
    /// The format of the file.
    pub(super) format: u32,
    pub(super) file_bytes: u64,
    /// The log of commits beside the file.
    pub(super) wal_bytes: u64,
    /// Of the file: what `realmd compact` gives back.
    pub(super) free_bytes: u64,
    pub(super) users: u64,
    /// Tokens with which somebody can go on without a password.
    pub(super) sessions: u64,
    /// Inboxes in which messages wait.
    pub(super) inboxes: u64,
    pub(super) messages_waiting: u64,
    pub(super) bytes_waiting: u64,
    /// Messages that were read and are kept.
    pub(super) messages_history: u64,
    /// Where most messages wait.
    pub(super) longest: Vec<LongInbox>,
    /// The realms that this one is linked with, and others for which something waits.
    pub(super) peers: Vec<Peer>,
}

/// What only a realm knows that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) process: u32,
    pub(super) since_unix_ms: u64,
    /// Clients that are connected.
    pub(super) clients: u64,
    /// Commits since the start.
    pub(super) batches: u64,
    /// Records in them.
    pub(super) records: u64,
    pub(super) last_commit_unix_ms: Option<u64>,
}

/// An inbox in which messages wait.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LongInbox {
    pub(super) user: String,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) oldest_unix_ms: u64,
}

/// Another realm.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Peer {
    pub(super) name: String,
    /// None if this realm does not run, or does not know that peer any more.
    pub(super) link: Option<Link>,
    pub(super) mail: Outgoing,
    pub(super) bounces: Outgoing,
}

/// How a link is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) is_up: bool,
    pub(super) since_unix_ms: u64,
    /// Why it is down, if it ever was up or tried to be.
    pub(super) why: Option<String>,
}

/// What waits for a peer.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outgoing {
    pub(super) envelopes: u64,
    pub(super) bytes: u64,
    pub(super) oldest_unix_ms: Option<u64>,
}

impl Report {
    /// Puts together what the store and the realm say.
    pub(super) fn new(
        realm: &RealmName,
        file: &Path,
        status: Status,
        inspection: Inspection,
    ) -> Self {
        let longest = inspection.longest.into_iter().map(|waiting| LongInbox {
            user: waiting.user,
            messages: waiting.messages,
            bytes: waiting.bytes,
            oldest_unix_ms: waiting.oldest_unix_ms,
        });
        Self {
            realm: realm.to_string(),
            at_unix_ms: unix_ms(),
            file: file.display().to_string(),
            format: inspection.format,
            file_bytes: inspection.file_bytes,
            wal_bytes: inspection.wal_bytes,
            free_bytes: inspection.free_bytes,
            users: inspection.users,
            sessions: inspection.sessions,
            inboxes: inspection.inboxes,
            messages_waiting: inspection.messages_waiting,
            bytes_waiting: inspection.bytes_waiting,
            messages_history: inspection.messages_history,
            longest: longest.collect(),
            running: status.running,
            peers: peers(status.links, inspection.queues),
        }
    }
}

fn peers(links: BTreeMap<RealmName, Option<Link>>, queues: Vec<Queue>) -> Vec<Peer> {
    let mut peers: BTreeMap<String, Peer> = links
        .into_iter()
        .map(|(name, link)| {
            let name = name.to_string();
            let peer = Peer {
                name: name.clone(),
                link,
                ..Peer::default()
            };
            (name, peer)
        })
        .collect();
    for queue in queues {
        let peer = peers.entry(queue.peer).or_insert_with_key(|name| Peer {
            name: name.clone(),
            ..Peer::default()
        });
        let outgoing = Outgoing {
            envelopes: queue.envelopes,
            bytes: queue.bytes,
            oldest_unix_ms: Some(queue.oldest_unix_ms),
        };
        match queue.kind {
            StreamKind::Mail => peer.mail = outgoing,
            StreamKind::Bounce => peer.bounces = outgoing,
            _ => {}
        }
    }
    peers.into_values().collect()
}

pub(super) fn unix_ms() -> u64 {
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(unix.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_is_told_of_whether_linked_or_not() {
        let links = ["realm2", "realm3"].map(|name| (RealmName::parse(name).unwrap(), None));

        let peers = peers(links.into(), Vec::new());

        let names: Vec<_> = peers.iter().map(|peer| peer.name.as_str()).collect();
        assert_eq!(names, ["realm2", "realm3"]);
        assert_eq!(peers[0].mail, Outgoing::default());
    }
}
