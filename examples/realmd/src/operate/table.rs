//! A report as people read it.

use super::figures::{age, bytes, counted};
use super::report::{LongInbox, Outgoing, Peer, Report};
use crate::escape::Escaped;
use std::fmt;
use unicode_width::UnicodeWidthStr as _;

/// Between two columns.
const GAP: usize = 2;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        if !self.longest.is_empty() {
            writeln!(f)?;
            let rows = self.longest.iter().map(|inbox| self.inbox_row(inbox));
            let head = ["longest inboxes", "messages", "bytes", "oldest"].map(str::to_owned);
            write_table(f, std::iter::once(head).chain(rows).collect())?;
        }
        if !self.peers.is_empty() {
            writeln!(f)?;
            let rows = self.peers.iter().map(|peer| self.peer_row(peer));
            let head = ["peers", "link", "mail waiting", "bounces waiting"].map(str::to_owned);
            write_table(f, std::iter::once(head).chain(rows).collect())?;
        }
        Ok(())
    }
}

impl Report {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let realm = Escaped(&self.realm);
        match &self.running {
            Some(running) => writeln!(
                f,
                "{realm} runs for {} as process {}, with {}",
                self.ago(running.since_unix_ms),
                running.process,
                counted(running.clients, "client", "clients")
            )?,
            None => writeln!(f, "{realm} does not run")?,
        }
        writeln!(
            f,
            "data:     {} (format {}), {} ({} of it free), its log {}",
            Escaped(&self.file),
            self.format,
            bytes(self.file_bytes),
            bytes(self.free_bytes),
            bytes(self.wal_bytes)
        )?;
        if let Some(running) = &self.running {
            let last = running
                .last_commit_unix_ms
                .map_or_else(String::new, |at| format!(", the last {} ago", self.ago(at)));
            writeln!(
                f,
                "commits:  {} since the start, with {}{last}",
                running.batches,
                counted(running.records, "record", "records")
            )?;
        }
        writeln!(
            f,
            "users:    {}, with {}",
            self.users,
            counted(self.sessions, "live session", "live sessions")
        )?;
        writeln!(
            f,
            "messages: {} waiting in {} ({}), {} read and kept",
            self.messages_waiting,
            counted(self.inboxes, "inbox", "inboxes"),
            bytes(self.bytes_waiting),
            self.messages_history
        )
    }

    fn inbox_row(&self, inbox: &LongInbox) -> [String; 4] {
        [
            Escaped(&inbox.user).to_string(),
            inbox.messages.to_string(),
            bytes(inbox.bytes),
            format!("{} old", self.ago(inbox.oldest_unix_ms)),
        ]
    }

    fn peer_row(&self, peer: &Peer) -> [String; 4] {
        let link = match &peer.link {
            None if self.running.is_some() => "not in the realm file".to_owned(),
            None => "-".to_owned(),
            Some(link) => {
                let state = if link.is_up { "up" } else { "down" };
                let why = match &link.why {
                    Some(why) => format!(" ({})", Escaped(why)),
                    None if link.is_up => String::new(),
                    None => " (not up yet)".to_owned(),
                };
                format!("{state} for {}{why}", self.ago(link.since_unix_ms))
            }
        };
        [
            Escaped(&peer.name).to_string(),
            link,
            self.outgoing(&peer.mail),
            self.outgoing(&peer.bounces),
        ]
    }

    fn outgoing(&self, outgoing: &Outgoing) -> String {
        let oldest = outgoing.oldest_unix_ms.map_or_else(String::new, |at| {
            format!(
                " ({}, the oldest {} old)",
                bytes(outgoing.bytes),
                self.ago(at)
            )
        });
        format!("{}{oldest}", outgoing.envelopes)
    }

    fn ago(&self, unix_ms: u64) -> String {
        age(self.at_unix_ms.saturating_sub(unix_ms))
    }
}

/// Writes rows with their columns below each other.
pub(super) fn write_table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    rows: Vec<[String; N]>,
) -> fmt::Result {
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(&row) {
            let blanks = width.saturating_sub(cell.width()) + GAP;
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', blanks));
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::report::{Link, Running};

    fn peer(name: &str, link: Option<Link>, envelopes: u64) -> Peer {
        Peer {
            name: name.to_owned(),
            link,
            mail: Outgoing {
                envelopes,
                bytes: 1_500 * envelopes,
                oldest_unix_ms: (envelopes > 0).then_some(10_000),
            },
            bounces: Outgoing::default(),
        }
    }

    fn report() -> Report {
        let link = |is_up, why: Option<&str>| {
            Some(Link {
                is_up,
                since_unix_ms: 40_000,
                why: why.map(str::to_owned),
            })
        };
        Report {
            realm: "realm1".to_owned(),
            at_unix_ms: 100_000,
            running: Some(Running {
                process: 7,
                since_unix_ms: 39_000,
                clients: 1,
                batches: 2,
                records: 3,
                last_commit_unix_ms: Some(98_000),
            }),
            file: "/tmp/\u{1b}[2J.db".to_owned(),
            format: 1,
            file_bytes: 4_096,
            wal_bytes: 0,
            free_bytes: 0,
            users: 2,
            sessions: 1,
            inboxes: 2,
            messages_waiting: 11,
            bytes_waiting: 70,
            messages_history: 5,
            longest: vec![
                LongInbox {
                    user: "名前".to_owned(),
                    messages: 10,
                    bytes: 60,
                    oldest_unix_ms: 90_000,
                },
                LongInbox {
                    user: "messi".to_owned(),
                    messages: 1,
                    bytes: 10,
                    oldest_unix_ms: 100_000,
                },
            ],
            peers: vec![
                peer("realm2", link(true, None), 0),
                peer("realm3", link(false, Some("dead")), 1),
                peer("realm4", link(false, None), 0),
                peer("realm5", None, 2),
            ],
        }
    }

    #[test]
    fn a_report_is_a_page_that_cannot_steer_a_terminal() {
        let page = "\
realm1 runs for 1 min as process 7, with 1 client
data:     /tmp/\\u{1b}[2J.db (format 1), 4.1 kB (0 B of it free), its log 0 B
commits:  2 since the start, with 3 records, the last 2 s ago
users:    2, with 1 live session
messages: 11 waiting in 2 inboxes (70 B), 5 read and kept

longest inboxes  messages  bytes  oldest
名前             10        60 B   10 s old
messi            1         10 B   0 s old

peers   link                         mail waiting                      bounces waiting
realm2  up for 1 min                 0                                 0
realm3  down for 1 min (dead)        1 (1.5 kB, the oldest 1 min old)  0
realm4  down for 1 min (not up yet)  0                                 0
realm5  not in the realm file        2 (3.0 kB, the oldest 1 min old)  0
";

        assert_eq!(report().to_string(), page);
    }
}
