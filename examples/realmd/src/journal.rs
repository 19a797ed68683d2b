//! What a realm tells of itself, in the words of the classic servers' log.

use crate::escape::Escaped;
use crate::rare::Rare;
use chatproto::store::StoreError;
use chatproto::{CloseReason, ConnectionId, ErrorCode, Event, LinkCloseReason, Now, RealmName};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use tracing::{debug, error, info, warn};

/// One realm's voice in the log.
pub(crate) struct Journal {
    realm: RealmName,
    /// Why the store takes nothing, as it was told last.
    full: Option<String>,
    /// Why peers end the link, as each said last.
    said: BTreeMap<RealmName, String>,
    /// Mail that was refused, by its peer and the reason.
    refused: BTreeMap<(RealmName, &'static str), Rare>,
}

impl Journal {
    pub(crate) fn new(realm: RealmName) -> Self {
        Self {
            realm,
            full: None,
            said: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Tells of a store that takes nothing for now, once for each reason.
    pub(crate) fn full(&mut self, why: &str) {
        if self.full.as_deref() != Some(why) {
            warn!(
                "{}: {why}; until then changes are refused, and what was answered stands",
                self.realm
            );
            self.full = Some(why.to_owned());
        }
    }

    /// Notes that the store takes what it is given.
    pub(crate) fn stored(&mut self) {
        self.full = None;
    }

    /// Tells of a store of which nothing is known any more.
    pub(crate) fn broken(&self, why: &StoreError) {
        error!("{}: {why}", self.realm);
    }

    /// Tells of the end, and what comes of what the realm knew.
    pub(crate) fn ended(&self, file: Option<&Path>) {
        let realm = &self.realm;
        if self.full.is_some() {
            warn!(
                "{realm}: the store had no room to the end: changes that were not answered are lost"
            );
        }
        let data = file.map_or_else(
            || "and with it all that it knew: it had no [store]".to_owned(),
            |file| format!("its data are in {}", file.display()),
        );
        info!("{realm} has ended, {data}");
    }

    /// Tells what an operator has done, or what came of it.
    pub(crate) fn operated(&self, sentence: &str) {
        info!("{}: {}", self.realm, Escaped(sentence));
    }

    /// Tells of a new connection, the way Python shows an address.
    pub(crate) fn connection(
        &self,
        id: ConnectionId,
        from: SocketAddr,
        neighbour: Option<&RealmName>,
    ) {
        let (ip, port) = (from.ip().to_canonical(), from.port());
        let of =
            neighbour.map_or_else(String::new, |name| format!(" for classic neighbour {name}"));
        info!(
            "{} [{}]: connection from ('{ip}', {port}){of}",
            self.realm,
            id.index()
        );
    }

    /// Tells of a connection that ends for another reason than that the client left.
    pub(crate) fn closed(&self, id: ConnectionId, reason: CloseReason) {
        if !matches!(reason, CloseReason::Ended | CloseReason::ShutDown) {
            info!(
                "{} [{}]: connection closed: {reason}",
                self.realm,
                id.index()
            );
        }
    }

    /// Tells what the engine tells.
    pub(crate) fn event(&mut self, event: &Event, now: Now) {
        match event {
            Event::Received { .. } | Event::Replied { .. } => self.wire(event),
            Event::Refused { .. }
            | Event::LoginFailed { .. }
            | Event::LoggedIn { .. }
            | Event::LoggedOut { .. } => self.session(event),
            Event::LinkUp { .. }
            | Event::LinkFailed { .. }
            | Event::LinkDown { .. }
            | Event::PeerSaid { .. }
            | Event::PeerMisbehaved { .. } => self.link(event),
            Event::HistoryTruncated { .. }
            | Event::OlderCopy { .. }
            | Event::PeerRenewed { .. }
            | Event::MailGivenUp { .. }
            | Event::MailUnknown { .. } => self.mail(event),
            Event::MailRefused { peer, code } => self.refused(peer, *code, now),
            Event::ClassicReceived { .. } | Event::ClassicFailed { .. } => self.classic(event),
            _ => self.command(event),
        }
    }

    fn wire(&self, event: &Event) {
        let realm = &self.realm;
        match event {
            Event::Received { connection, text } => {
                info!(
                    "{realm} [{}]: data dari client: {}",
                    connection.index(),
                    Escaped(line(text))
                );
            }
            Event::Replied { connection, text } => {
                info!(
                    "{realm} [{}]: balas ke  client: {}",
                    connection.index(),
                    Escaped(line(text))
                );
            }
            _ => {}
        }
    }

    fn session(&self, event: &Event) {
        let realm = &self.realm;
        match event {
            Event::Refused { connection, code } => {
                info!(
                    "{realm} [{}]: connection refused: {}",
                    connection.index(),
                    code.code()
                );
            }
            Event::LoginFailed {
                connection,
                user,
                code,
            } => {
                let (user, code) = (Escaped(user), code.code());
                info!(
                    "{realm} [{}]: AUTH: auth {user} *** failed: {code}",
                    connection.index()
                );
            }
            Event::LoggedIn {
                connection,
                user,
                session,
            } => {
                info!(
                    "{realm} [{}]: AUTH: auth {user} *** is session {session}",
                    connection.index()
                );
            }
            Event::LoggedOut { user, session } => {
                info!("{realm}: Logout: {user}, session {session}");
            }
            _ => {}
        }
    }

    fn command(&self, event: &Event) {
        let realm = &self.realm;
        match event {
            Event::Sent { session, from, to } => {
                info!(
                    "{realm}: SEND: session {session} send message from {from} to {}",
                    Escaped(to)
                );
            }
            Event::InboxRead { user, messages } => {
                info!("{realm}: INBOX: {user}, messages: {messages}");
            }
            Event::InboxPeeked { user, messages } => {
                info!("{realm}: PEEK: {user}, messages: {messages}");
            }
            Event::InboxAcked { user, messages } => {
                info!("{realm}: ACK: {user}, messages: {messages}");
            }
            Event::HistoryRead { user, messages } => {
                info!("{realm}: HISTORY: {user}, messages: {messages}");
            }
            Event::ActiveUsersRead { user } => info!("{realm}: ACTIVE USER: {user}"),
            Event::GroupJoined {
                connection,
                user,
                group,
                home,
            } => {
                let group = Escaped(group);
                info!(
                    "{realm} [{}]: GROUP: {group}, {user} joined at {home}",
                    connection.index()
                );
            }
            Event::GroupLeft {
                connection,
                user,
                group,
            } => {
                info!(
                    "{realm} [{}]: GROUP: {}, {user} left",
                    connection.index(),
                    Escaped(group)
                );
            }
            Event::StoreFull => {
                error!("{realm}: the store is full, changes are refused until it has room");
            }
            Event::PasswordFailed => {
                error!(
                    "{realm}: a password could not be checked: this machine has too little memory free"
                );
            }
            Event::StoreRecovered => info!("{realm}: the store takes changes again"),
            // Told with their reasons where they happen: StoreFull, StoreBroken, FetchFailed.
            other => debug!("{realm}: {}", Escaped(&format!("{other:?}"))),
        }
    }

    /// Tells of refused mail, of which a peer may send any amount.
    fn refused(&mut self, peer: &RealmName, code: ErrorCode, now: Now) {
        let reason = (peer.clone(), code.code());
        let refused = self.refused.entry(reason).or_default();
        if let Some(more) = refused.happened(now.mono_ms) {
            warn!(
                "{}: mail from {peer} was refused and its sender told: {}{more}",
                self.realm,
                code.code()
            );
        }
    }

    /// What became of mail between realms, where it was not what people expect.
    fn mail(&self, event: &Event) {
        let realm = &self.realm;
        match event {
            Event::HistoryTruncated { peer, missing } => warn!(
                "{realm}: history_truncated: the data of {peer}, or those of {realm}, are older than what the two had \
                 agreed on, as after a backup was put back: {missing} messages between them are not in these data and are \
                 not sent again; from now on nothing is lost or doubled"
            ),
            Event::OlderCopy { peer } => warn!(
                "{realm}: its data are an older copy: {peer} has had messages that they do not know of; what waits for \
                 {peer} is numbered anew and sent, and {peer} knows again what it had before; messages since that copy are \
                 not in these data, and from now on nothing is lost or doubled"
            ),
            Event::PeerRenewed { peer } => warn!(
                "{realm}: {peer} has begun its messages anew: its data are new or an older copy; what it had accepted and \
                 not sent may be lost, and only whoever runs {peer} can put that back"
            ),
            Event::MailGivenUp {
                peer,
                messages: count,
                code,
            } => {
                let count = messages(*count);
                if *code == ErrorCode::PeerRemoved {
                    warn!(
                        "{realm}: {count} for {peer}, which is no peer any more, never left and went back to the senders"
                    );
                } else {
                    warn!(
                        "{realm}: {count} for {peer} could not be sent ({}) and went back to the senders; see whether {peer} \
                         runs and the link comes up",
                        code.code()
                    );
                }
            }
            Event::MailUnknown {
                peer,
                messages: count,
            } => {
                let count = messages(*count);
                warn!(
                    "{realm}: {count} under way to {peer}, which is no peer any more: nobody will ever say whether they \
                     arrived; the senders see them as unknown in their outbox"
                );
            }
            _ => {}
        }
    }

    fn classic(&self, event: &Event) {
        let realm = &self.realm;
        match event {
            Event::ClassicReceived {
                connection,
                peer,
                from,
                to,
            } => info!(
                "{realm} [{}]: SEND: classic neighbour {peer} send message from {from} to {to}",
                connection.index()
            ),
            Event::ClassicFailed { peer, code } => {
                let why = match code {
                    ErrorCode::RealmAway => "it cannot be reached, nothing was sent",
                    ErrorCode::DeliveryUnknown => {
                        "it gave no clear answer, the message may have arrived or not"
                    }
                    _ => "it refused the message",
                };
                warn!(
                    "{realm}: a message to classic neighbour {peer} was not confirmed and its sender told: {why}"
                );
            }
            _ => {}
        }
    }

    fn link(&mut self, event: &Event) {
        let realm = &self.realm;
        match event {
            Event::LinkUp { peer } => {
                self.said.remove(peer);
                info!("{realm}: link to {peer} is up");
            }
            Event::LinkDown {
                peer,
                why: why @ (LinkCloseReason::Bye | LinkCloseReason::ShutDown),
            } => {
                info!("{realm}: link to {peer} is closed: {why}");
            }
            Event::LinkFailed { peer, why } => warn!(
                "{realm}: no link to {peer}: {why} before it said hello; has it a peer named {realm} in its file, and is its [link] address right here? It is called again and again"
            ),
            Event::LinkDown { peer, why } => warn!("{realm}: link to {peer} is down: {why}"),
            Event::PeerSaid { peer, code, text } => {
                let words = format!("{}, {}", Escaped(code), Escaped(text));
                // It may say so each time it is called, for days.
                if self.said.get(peer) != Some(&words) {
                    info!("{realm}: {peer} ends the link: {words}");
                    self.said.insert(peer.clone(), words);
                }
            }
            Event::PeerMisbehaved { peer, what } => {
                warn!(
                    "{realm}: {peer} broke the rules of the link: {}",
                    Escaped(what)
                );
            }
            _ => {}
        }
    }
}

/// So many messages.
fn messages(count: u64) -> String {
    match count {
        1 => "one message".to_owned(),
        many => format!("{many} messages"),
    }
}

/// A line or a reply without its end, which every one has.
fn line(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}
