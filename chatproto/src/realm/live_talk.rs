//! What is said in live groups, and who hears it.

use super::Realm;
use super::clients::Mode;
use super::commands::{masked_reply, masked_text};
use super::input::is_exit;
use crate::group::{EVENT_BYTES_MAX, GroupId, Home, pieces, whole_characters};
use crate::id::{PeerId, UserId};
use crate::link::frame::{Frame, Live as LiveFrame, LiveKind};
use crate::name::{Address, GroupName};
use crate::output::{ConnectionId, Event};
use crate::time::Now;
use std::sync::Arc;

/// What is said in one frame, so that it fits a link's line even if each byte needs six.
const SAID_BYTES_MAX: u64 = 8_192;

/// The names and numbers of a `live` frame.
const FRAME_OVERHEAD_BYTES: u64 = 1_024;

impl Realm {
    /// Takes one read of a member.
    pub(super) fn live_input(&mut self, id: ConnectionId, read: &[u8], now: Now) {
        if read.is_empty() {
            return;
        }
        // Who has never ended a line by CR LF ends this one as the others.
        let client = self.clients.get(id);
        let is_plain = client.is_some_and(|client| !client.framer.is_strict());
        if is_exit(read) || (is_plain && read == b"exit\n") {
            return self.exit(id, now);
        }
        let Some(Mode::Live(live)) = self.clients.get_mut(id).map(|client| &mut client.mode) else {
            return;
        };
        let (user, group) = (live.user, live.group);
        let mut bytes = std::mem::take(&mut live.begun);
        let whole = if bytes.is_empty() {
            let (whole, begun) = whole_characters(read);
            live.begun = begun.to_vec();
            whole
        } else {
            bytes.extend_from_slice(read);
            let (whole, begun) = whole_characters(&bytes);
            live.begun = begun.to_vec();
            whole
        };
        if whole.is_empty() {
            return;
        }
        self.event_at(crate::Detail::Wire, |_| {
            Some(Event::Received {
                connection: id,
                text: masked_text(&whole),
            })
        });
        self.say(id, user, group, &whole);
    }

    pub(super) fn say(&mut self, id: ConnectionId, user: UserId, group: GroupId, text: &str) {
        let Some(place) = self.groups.get(group) else {
            return;
        };
        let Home::Peer(peer) = place.home else {
            if let Some(own) = self.own_address(user) {
                self.announce(group, LiveKind::Say, &own, text);
            }
            return;
        };
        if place.is_away {
            let line = self.away_line(group);
            return self.write(id, None, |out| out.extend_from_slice(line.as_bytes()));
        }
        let name = place.name.clone();
        if let Some(own) = self.own_address(user) {
            for piece in pieces(text, self.said_bytes_max()) {
                self.send_live(peer, &name, LiveKind::Say, &own.to_string(), piece, false);
            }
        }
    }

    pub(super) fn said_bytes_max(&self) -> usize {
        let lines = self.peers.iter().map(|peer| peer.line_bytes_max);
        let line_max = lines.min().unwrap_or(u64::MAX);
        let room = line_max.saturating_sub(FRAME_OVERHEAD_BYTES) / 6;
        room.clamp(64, SAID_BYTES_MAX) as usize
    }

    /// Tells all members of a group at home what happens, in the one order that there is.
    pub(super) fn announce(&mut self, group: GroupId, kind: LiveKind, who: &Address, text: &str) {
        self.tell_here(group, kind, who, text);
        let Some(place) = self
            .groups
            .get(group)
            .filter(|place| !place.elsewhere.is_empty())
        else {
            return;
        };
        let (name, realms, from) = (place.name.clone(), place.member_realms(), who.to_string());
        let size = self.said_bytes_max();
        let said: Vec<Arc<str>> = match kind {
            LiveKind::Say => pieces(text, size).map(Arc::from).collect(),
            LiveKind::Join | LiveKind::Members | LiveKind::Leave | LiveKind::Gone => {
                vec!["".into()]
            }
        };
        for peer in realms {
            for text in &said {
                let live = LiveFrame {
                    group: name.to_string(),
                    kind,
                    from: from.clone(),
                    text: Arc::clone(text),
                    members: Vec::new(),
                    home: true,
                };
                self.push_live(peer, live);
            }
        }
    }

    /// Writes an event to the members whose connections are here: one write an event.
    pub(super) fn tell_here(&mut self, group: GroupId, kind: LiveKind, who: &Address, text: &str) {
        let shown = self.shown_in(group, who);
        match kind {
            LiveKind::Join => self.write_here(group, &[shown.as_str(), " telah bergabung"]),
            LiveKind::Leave => self.write_here(group, &[shown.as_str(), " meninggalkan group"]),
            LiveKind::Say => {
                let room = EVENT_BYTES_MAX - shown.len() - 2;
                for piece in pieces(text, room) {
                    self.write_here(group, &[shown.as_str(), ": ", piece]);
                }
            }
            LiveKind::Members | LiveKind::Gone => {}
        }
    }

    /// What a member is called in a group. Of realms that are linked with its home but not with
    /// this one nothing is known, so the first of a name has it.
    pub(super) fn shown_in(&mut self, group: GroupId, who: &Address) -> String {
        let user = who.user.as_str();
        let is_known = who.realm == self.name
            || self.accounts.find(user).is_some()
            || !self.directory.homes(user).is_empty();
        if is_known {
            return self.shown(who);
        }
        let strangers_max = self.limits.live_members_max as usize;
        let Some(place) = self.groups.get_mut(group) else {
            return who.to_string();
        };
        if place.strangers.len() < strangers_max {
            let first = place.strangers.entry(who.user.clone());
            first.or_insert_with(|| who.realm.clone());
        }
        if place.strangers.get(user) == Some(&who.realm) {
            who.user.to_string()
        } else {
            who.to_string()
        }
    }

    pub(super) fn write_here(&mut self, group: GroupId, parts: &[&str]) {
        let Some(place) = self.groups.get(group) else {
            return;
        };
        self.scratch.clear();
        for part in parts {
            self.scratch.extend_from_slice(part.as_bytes());
        }
        let is_traced = self.detail >= crate::Detail::Wire;
        let outgoing_max = self.limits.outgoing_bytes_max as usize;
        for id in &place.here {
            let event = self.scratch.as_slice();
            if self
                .clients
                .get(*id)
                .is_some_and(|client| client.backlog() + event.len() > outgoing_max)
            {
                self.slow_members.push(*id);
                continue;
            }
            self.clients.write(*id, None, &mut self.outputs, |out| {
                out.extend_from_slice(event);
            });
            if is_traced {
                let text = masked_reply(event);
                self.outputs.push_back(crate::Output::Event(Event::Replied {
                    connection: *id,
                    text,
                }));
            }
        }
    }

    /// What members are told while their group's home is away.
    pub(super) fn away_line(&self, group: GroupId) -> String {
        let Some(place) = self.groups.get(group) else {
            return String::new();
        };
        let Home::Peer(peer) = place.home else {
            return String::new();
        };
        let home = self
            .peer(peer)
            .map(|peer| peer.name.as_str())
            .unwrap_or_default();
        format!("*{home}* tidak terhubung, grup {} menunggu", place.name)
    }

    pub(super) fn write_away_line(&mut self, group: GroupId) {
        let line = self.away_line(group);
        self.write_here(group, &[line.as_str()]);
    }

    pub(super) fn send_live(
        &mut self,
        peer: PeerId,
        group: &GroupName,
        kind: LiveKind,
        from: &str,
        text: &str,
        home: bool,
    ) {
        let live = LiveFrame {
            group: group.to_string(),
            kind,
            from: from.to_owned(),
            text: text.into(),
            members: Vec::new(),
            home,
        };
        self.push_live(peer, live);
    }

    pub(super) fn push_live(&mut self, peer: PeerId, live: LiveFrame) {
        self.push_frame(peer, Frame::Live(live));
    }
}
