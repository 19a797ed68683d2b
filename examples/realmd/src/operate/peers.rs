//! How a realm stands with its peers, in figures and as people read it.

use super::figures::{age, bytes};
use super::table::write_table;
use crate::escape::Escaped;
use crate::settings::Settings;
use chatproto::link::frame::StreamKind;
use chatproto::store::sqlite::Inspection;
use chatproto::{PeerStatus, RealmName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What `realmd peers` tells.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeersReport {
    realm: String,
    /// When this was so, in ms since 1970.
    at_unix_ms: u64,
    /// Whether the realm runs; if not this is what its data tell.
    is_running: bool,
    peers: Vec<PeerFigures>,
}

/// One peer.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PeerFigures {
    name: String,
    /// How the realm file wants it linked with; none if it does not name it.
    mode: Option<String>,
    /// `linked`, `greeting`, `dialling`, `waiting`, `listening` or `paused`; none if the realm does not
    /// run.
    state: Option<String>,
    since_unix_ms: Option<u64>,
    /// When it is called again.
    retry_ms: Option<u64>,
    queue_messages: u64,
    queue_bytes: u64,
    oldest_unix_ms: Option<u64>,
    round_trip_ms: Option<u64>,
    last_error: Option<String>,
}

impl PeersReport {
    pub(super) fn new(realm: &RealmName, at_unix_ms: u64, is_running: bool) -> Self {
        Self {
            realm: realm.to_string(),
            at_unix_ms,
            is_running,
            peers: Vec::new(),
        }
    }

    pub(super) fn add_running(
        &mut self,
        status: &PeerStatus,
        mode: Option<&str>,
        since_unix_ms: Option<u64>,
        retry_ms: Option<u64>,
    ) {
        self.peers.push(PeerFigures {
            name: status.name.to_string(),
            mode: mode.map(str::to_owned),
            state: Some(status.state.word().to_owned()),
            since_unix_ms,
            retry_ms,
            queue_messages: status.queue_messages,
            queue_bytes: status.queue_bytes,
            oldest_unix_ms: status.oldest_unix_ms,
            round_trip_ms: status.round_trip_ms,
            last_error: status.last_error.clone(),
        });
    }

    /// How many messages wait for a peer.
    pub(super) fn waiting_for(&self, peer: &RealmName) -> u64 {
        let mut peers = self.peers.iter();
        let peer = peers.find(|known| known.name == peer.as_str());
        peer.map_or(0, |peer| peer.queue_messages)
    }

    /// What the data of a realm tell that does not run.
    pub(super) fn stopped(settings: &Settings, at_unix_ms: u64, inspection: Inspection) -> Self {
        let mut report = Self::new(&settings.config.realm, at_unix_ms, false);
        let mut peers: BTreeMap<String, PeerFigures> = BTreeMap::new();
        for (name, peer) in &settings.peers {
            peers.entry(name.to_string()).or_default().mode = Some(peer.security.word().to_owned());
        }
        for name in inspection.paused {
            peers.entry(name).or_default().state = Some("paused".to_owned());
        }
        for queue in inspection.queues {
            let peer = peers.entry(queue.peer).or_default();
            peer.queue_messages += queue.envelopes;
            peer.queue_bytes += queue.bytes;
            if queue.kind == StreamKind::Mail {
                peer.oldest_unix_ms = Some(queue.oldest_unix_ms);
            }
        }
        report.peers = peers
            .into_iter()
            .map(|(name, peer)| PeerFigures { name, ..peer })
            .collect();
        report
    }
}

impl fmt::Display for PeersReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let realm = Escaped(&self.realm);
        if !self.is_running {
            writeln!(f, "{realm} does not run; this is what its data tell")?;
        }
        if self.peers.is_empty() {
            return writeln!(f, "{realm} has no peers");
        }
        let head = [
            "peer",
            "link",
            "waiting",
            "bytes",
            "oldest",
            "round trip",
            "last error",
        ];
        let rows = self.peers.iter().map(|peer| self.row(peer));
        write_table(
            f,
            std::iter::once(head.map(str::to_owned))
                .chain(rows)
                .collect(),
        )?;
        let unnamed = self.peers.iter().filter(|peer| peer.mode.is_none());
        for name in unnamed.map(|peer| Escaped(&peer.name)) {
            writeln!(
                f,
                "\n{name} is not in the realm file: put it back there, or run realmd peer remove FILE {name} [--bounce]"
            )?;
        }
        Ok(())
    }
}

impl PeersReport {
    fn row(&self, peer: &PeerFigures) -> [String; 7] {
        let none = || "-".to_owned();
        let ago = |unix_ms| age(self.at_unix_ms.saturating_sub(unix_ms));
        let state = peer.state.as_deref().unwrap_or("-");
        let mut link = Escaped(state).to_string();
        if let Some(since) = peer.since_unix_ms {
            let is_down = !matches!(state, "linked" | "paused");
            let down = if is_down { ", down" } else { "" };
            link = format!("{link}{down} for {}", ago(since));
        }
        if let Some(ms) = peer.retry_ms {
            link = format!("{link}, called in {}", age(ms.saturating_add(999)));
        }
        match peer.mode.as_deref() {
            Some("plain") => link.push_str(" (PLAIN)"),
            Some(_) => {}
            None => link.push_str(" (not in the realm file)"),
        }
        [
            Escaped(&peer.name).to_string(),
            link,
            peer.queue_messages.to_string(),
            bytes(peer.queue_bytes),
            peer.oldest_unix_ms.map_or_else(none, ago),
            peer.round_trip_ms
                .map_or_else(none, |ms| format!("{ms} ms")),
            peer.last_error
                .as_deref()
                .map_or_else(none, |error| Escaped(error).to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str, state: &str, mode: Option<&str>) -> PeerFigures {
        PeerFigures {
            name: name.to_owned(),
            mode: mode.map(str::to_owned),
            state: Some(state.to_owned()),
            since_unix_ms: Some(40_000),
            ..PeerFigures::default()
        }
    }

    fn report(is_running: bool, peers: Vec<PeerFigures>) -> PeersReport {
        PeersReport {
            realm: "realm1".to_owned(),
            at_unix_ms: 100_000,
            is_running,
            peers,
        }
    }

    #[test]
    fn peers_are_a_table_that_cannot_steer_a_terminal() {
        let linked = PeerFigures {
            round_trip_ms: Some(3),
            ..peer("realm2", "linked", Some("noise"))
        };
        let waiting = PeerFigures {
            retry_ms: Some(1_500),
            queue_messages: 2,
            queue_bytes: 1_500,
            oldest_unix_ms: Some(10_000),
            last_error: Some("\u{1b}[2J".to_owned()),
            ..peer("realm3", "waiting", Some("plain"))
        };
        let gone = peer("realm4", "listening", None);

        let page = "\
peer    link                                                 waiting  bytes   oldest  round trip  last error
realm2  linked for 1 min                                     0        0 B     -       3 ms        -
realm3  waiting, down for 1 min, called in 2 s (PLAIN)       2        1.5 kB  1 min   -           \\u{1b}[2J
realm4  listening, down for 1 min (not in the realm file)    0        0 B     -       -           -

realm4 is not in the realm file: put it back there, or run realmd peer remove FILE realm4 [--bounce]
";
        let shown = report(true, vec![linked, waiting, gone]).to_string();
        let squeeze = |text: &str| {
            let lines = text.lines();
            let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.collect::<Vec<_>>()
        };
        assert_eq!(squeeze(&shown), squeeze(page));
    }

    #[test]
    fn a_realm_that_does_not_run_or_has_no_peers_says_so() {
        let stopped = report(false, vec![peer("realm2", "paused", Some("noise"))]).to_string();
        let first = "realm1 does not run; this is what its data tell\n";
        assert!(stopped.starts_with(first), "{stopped}");
        assert_eq!(
            report(true, Vec::new()).to_string(),
            "realm1 has no peers\n"
        );
    }
}
