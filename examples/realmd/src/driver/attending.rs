//! What operators ask the loop for: how it is, and to deal with its peers in another way.

use super::Driver;
use crate::links::{Beginning, Links};
use crate::operate::{Desk, PeerOrder, Question};
use crate::reload::{Prepared, ReloadError};
use crate::server::{open_link, warn_of_plain_links};
use chatproto::{Now, PeerConfig, PeerError, RealmName};
use mio::net::TcpListener;
use std::io;

impl Driver {
    /// Answers what operators have asked.
    pub(super) fn attend(&mut self, now: Now) {
        while let Some(question) = self.desk.as_ref().and_then(Desk::question) {
            let Some(desk) = &mut self.desk else { return };
            // Whoever asked may have given up.
            match question {
                Question::Status(answer) => {
                    let _ = answer.send(desk.status(self.clients.count()));
                }
                Question::Peers(answer) => {
                    let current = self.current.as_ref();
                    let mode = |peer: &RealmName| current?.mode(peer);
                    let _ = answer.send(desk.peers(self.realm.peers(), mode, now));
                }
                Question::Peer(order, peer, answer) => match self.order(order, &peer, now) {
                    Ok(sentence) => {
                        self.journal.operated(&sentence);
                        if let Some(desk) = &mut self.desk {
                            desk.answer_later(answer, sentence);
                        }
                    }
                    Err(sentence) => {
                        let _ = answer.send(Err(sentence));
                    }
                },
                Question::Reload(prepared, answer) => {
                    let _ = answer.send(self.reload(&prepared, now));
                }
            }
        }
    }

    fn order(&mut self, order: PeerOrder, peer: &RealmName, now: Now) -> Result<String, String> {
        let current = self.current.as_ref();
        if current.is_some_and(|current| current.classic.contains_key(peer)) {
            return Err(format!(
                "{peer} is a classic neighbour, with which there is no link"
            ));
        }
        let done = match order {
            PeerOrder::Retry => self.retry(peer, now),
            PeerOrder::Pause => {
                let paused = self.realm.pause_peer(peer, true, now);
                paused.map(|()| {
                    format!(
                        "{peer} is paused until realmd peer resume, beyond a restart too; messages for it wait"
                    )
                })
            }
            PeerOrder::Resume => {
                let resumed = self.realm.pause_peer(peer, false, now);
                resumed.map(|()| format!("{peer} is paused no more"))
            }
            PeerOrder::Remove { is_bouncing } => self.remove(peer, is_bouncing, now),
        };
        if let (Ok(_), PeerOrder::Pause | PeerOrder::Resume, Some(desk)) =
            (&done, order, &mut self.desk)
        {
            desk.paused(peer, now);
        }
        done.map_err(|error| match error {
            PeerError::Unknown => format!("{peer} is no peer of {}", self.realm.name()),
            PeerError::HasMail { messages } => format!(
                "{}: put it back into the realm file to have them sent, or add --bounce: then what never left goes \
                 back to its senders, and what was under way is told to them as unknown",
                waiting(messages, peer)
            ),
            other => other.to_string(),
        })
    }

    fn retry(&mut self, peer: &RealmName, now: Now) -> Result<String, PeerError> {
        self.realm.retry_peer(peer, now)?;
        let current = self.current.as_ref();
        let named = current.and_then(|current| current.peers.get(peer));
        Ok(match named.and_then(|peer| peer.address) {
            Some(address) => format!(
                "{peer} is called at {address} now, unless the link is up or paused; realmd peers shows what comes of it"
            ),
            None => format!("{peer} has no address here: it calls, and that is waited for"),
        })
    }

    fn remove(
        &mut self,
        peer: &RealmName,
        is_bouncing: bool,
        now: Now,
    ) -> Result<String, PeerError> {
        self.realm.remove_peer(peer, is_bouncing, now)?;
        if let Some(current) = &mut self.current
            && current.peers.remove(peer).is_some()
            && let Some(links) = &mut self.links
        {
            links.meet(current.peers.clone());
        }
        self.meet(now);
        Ok(format!("{peer} is no peer any more"))
    }

    /// Takes what can be taken of other settings.
    fn reload(&mut self, prepared: &Prepared, now: Now) -> Result<Vec<String>, ReloadError> {
        let Some(current) = &self.current else {
            return Err(io::Error::other("the realm is ending").into());
        };
        let restart = current.to_restart_for(prepared, self.links.is_some())?;
        let changes = current.changes(&prepared.settings.peers);
        // Whatever can fail comes first.
        let link = prepared.settings.link.as_ref();
        let is_first = self.links.is_none() && prepared.settings.is_linked();
        let listener = open_link(link.filter(|_| is_first));
        let listener = listener.map_err(|error| ReloadError::Refused(error.to_string()))?;
        let Some(current) = &mut self.current else {
            return Ok(Vec::new());
        };
        current.take(prepared);
        let fresh =
            |name: &RealmName| changes.added.contains(name) || changes.secured.contains(name);
        let mut loud = current.peers.clone();
        loud.retain(|name, _| fresh(name));
        warn_of_plain_links(self.realm.name(), &loud);
        if is_first {
            current.link_at(link);
            self.link(listener)?;
        } else if let Some(links) = &mut self.links {
            links.meet(current.peers.clone());
        }
        let mut told = Vec::new();
        for (names, what) in [
            (&changes.added, "is a peer now"),
            (&changes.moved, "is called at another address now"),
            (
                &changes.secured,
                "is linked with by another key or mode now",
            ),
        ] {
            for name in names {
                self.set_peer(name, now);
                told.push(format!("{name} {what}"));
            }
        }
        told.extend(self.remove_unnamed(now));
        self.meet(now);
        if told.is_empty() {
            told.push("its peers are as before".to_owned());
        }
        told.extend(restart);
        for sentence in &told {
            self.journal.operated(sentence);
        }
        Ok(told)
    }

    fn set_peer(&mut self, name: &RealmName, now: Now) {
        let current = self.current.as_ref();
        let peer = current.and_then(|current| current.peers.get(name));
        let config = match peer.and_then(|peer| peer.address) {
            Some(_) => PeerConfig::new(name.clone()),
            None => PeerConfig::incoming_only(name.clone()),
        };
        if let Err(error) = self.realm.set_peer(config, now) {
            tracing::error!("a bug in this server: {error}");
        }
    }

    /// Takes out the peers that the file does not name, but those that messages wait for.
    fn remove_unnamed(&mut self, now: Now) -> Vec<String> {
        let is_named = |name: &RealmName| {
            let current = self.current.as_ref();
            current.is_some_and(|current| {
                current.peers.contains_key(name) || current.classic.contains_key(name)
            })
        };
        let unnamed = self.realm.peers().map(|status| status.name);
        let unnamed: Vec<RealmName> = unnamed.filter(|name| !is_named(name)).collect();
        let mut told = Vec::new();
        for name in unnamed {
            told.push(match self.realm.remove_peer(&name, false, now) {
                Err(PeerError::HasMail { messages }) => {
                    let waiting = waiting(messages, &name);
                    self.set_peer(&name, now);
                    format!(
                        "{waiting}, which the file does not name any more: it is kept, with no link; put it back, or run \
                         realmd peer remove FILE {name} --bounce"
                    )
                }
                _ => format!("{name} is no peer any more"),
            });
        }
        told
    }

    /// Starts the thread for links with the peers in force.
    pub(crate) fn link(&mut self, listener: Option<TcpListener>) -> io::Result<()> {
        let Some(current) = &self.current else {
            return Ok(());
        };
        let beginning = Beginning {
            realm: self.realm.name().clone(),
            key: current.key.clone(),
            limits: current.limits.clone(),
            peers: current.peers.clone(),
            listener,
        };
        self.links = Some(Links::start(beginning, self.clock, self.waker())?);
        Ok(())
    }

    /// Has the desk know the peers that there are.
    pub(super) fn meet(&mut self, now: Now) {
        if let Some(desk) = &mut self.desk {
            let current = self.current.as_ref();
            let is_linked = |name: &RealmName| {
                current.is_none_or(|current| !current.classic.contains_key(name))
            };
            let names = self.realm.peers().map(|status| status.name);
            let names: Vec<RealmName> = names.filter(is_linked).collect();
            desk.meet(names.iter(), now);
        }
    }
}

fn waiting(messages: u64, peer: &RealmName) -> String {
    match messages {
        1 => format!("one message waits for {peer}"),
        many => format!("{many} messages wait for {peer}"),
    }
}
