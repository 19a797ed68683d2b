//! Live groups: joining, talking, leaving, here and across realms.

use super::Realm;
use super::clients::{Client, Live, Mode, Wait};
use super::input::is_exit;
use super::questions::Topic;
use super::timers::Timer;
use crate::account::UserId;
use crate::directory::PeerId;
use crate::error::ErrorCode;
use crate::group::{EVENT_BYTES_MAX, GroupId, Home, pieces, whole_characters};
use crate::link::frame::{Frame, Live as LiveFrame, LiveKind};
use crate::name::{Address, GroupName, RealmName};
use crate::output::{ConnectionId, Event};
use crate::time::Now;
use crate::wire::reply;
use std::sync::Arc;

/// Whom the home's word on a join was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// This connection.
    For(ConnectionId),
    /// One that has given up.
    GivenUp,
    /// No connection waited for it.
    Nobody,
}

/// What is said in one frame, so that it fits a link's line even if each byte needs six.
const SAID_BYTES_MAX: u64 = 8_192;

/// The names and numbers of a `live` frame.
const FRAME_OVERHEAD_BYTES: u64 = 1_024;

impl Realm {
    /// `group`: joins a group where it is, or makes it here.
    pub(super) fn group(&mut self, id: ConnectionId, token: &str, group: &str, now: Now) {
        if self.clients.get(id).is_some_and(Client::is_request) {
            return self.reply_error(id, ErrorCode::NeedsConnection);
        }
        let Some(caller) = self.caller(id, token, now) else {
            return self.expect_late_exit(id, ErrorCode::NoSession);
        };
        let joined = match group.split_once('@') {
            Some((group, realm)) => self.join_explicit(id, caller.user, group, realm, now),
            None => self.join_named(id, caller.user, group, now),
        };
        if let Err(code) = joined {
            self.refuse_group(id, code);
        }
    }

    fn join_explicit(
        &mut self,
        id: ConnectionId,
        user: UserId,
        group: &str,
        realm: &str,
        now: Now,
    ) -> Result<(), ErrorCode> {
        let name = GroupName::parse(group).map_err(|_| ErrorCode::InvalidName)?;
        let realm = RealmName::parse(realm).map_err(|_| ErrorCode::InvalidName)?;
        if realm == self.name {
            return self.join_here(id, user, &name);
        }
        let peer = *self.peer_ids.get(&realm).ok_or(ErrorCode::RealmUnknown)?;
        self.join_there(id, user, &name, peer, now)
    }

    fn join_named(
        &mut self,
        id: ConnectionId,
        user: UserId,
        group: &str,
        now: Now,
    ) -> Result<(), ErrorCode> {
        let name = GroupName::parse(group).map_err(|_| ErrorCode::InvalidName)?;
        match self.groups.homes_of(&name).as_slice() {
            [Home::Here, ..] => self.join_here(id, user, &name),
            [Home::Peer(peer)] if self.is_ready(*peer) => {
                self.join_there(id, user, &name, *peer, now)
            }
            _ => {
                self.ask(
                    id,
                    Topic::Group(name.clone()),
                    Wait::GroupHome { user, name },
                    now,
                );
                Ok(())
            }
        }
    }

    pub(super) fn join_after_asking(
        &mut self,
        id: ConnectionId,
        user: UserId,
        name: &GroupName,
        found: &[PeerId],
        now: Now,
    ) {
        if self.clients.get(id).is_none_or(|client| client.is_gone) {
            return;
        }
        let is_here = self.groups.find(name, Home::Here).is_some();
        let joined = match found.first() {
            Some(peer) if !is_here => self.join_there(id, user, name, *peer, now),
            _ => self.join_here(id, user, name),
        };
        if let Err(code) = joined {
            self.refuse_group(id, code);
        }
    }

    /// Joins a group whose home is here, or makes it.
    fn join_here(
        &mut self,
        id: ConnectionId,
        user: UserId,
        name: &GroupName,
    ) -> Result<(), ErrorCode> {
        let group = self.place_here(name)?;
        let own = self.own_address(user).ok_or(ErrorCode::NoSession)?;
        self.go_live(id, user, group);
        self.announce(group, LiveKind::Join, &own, "");
        Ok(())
    }

    /// A group at home with room for one more.
    pub(super) fn place_here(&mut self, name: &GroupName) -> Result<GroupId, ErrorCode> {
        let known = self.groups.find(name, Home::Here);
        if known.is_none() && self.groups.len() as u64 >= self.limits.live_groups_max {
            return Err(ErrorCode::TooManyGroups);
        }
        let id = self.groups.find_or_make(name, Home::Here);
        let is_full = self
            .groups
            .get(id)
            .is_some_and(|group| group.len() as u64 >= self.limits.live_members_max);
        if is_full {
            Err(ErrorCode::GroupFull)
        } else {
            Ok(id)
        }
    }

    /// Asks a group's home in another realm to let a user in.
    fn join_there(
        &mut self,
        id: ConnectionId,
        user: UserId,
        name: &GroupName,
        peer: PeerId,
        now: Now,
    ) -> Result<(), ErrorCode> {
        if !self.is_ready(peer) {
            return Err(ErrorCode::RealmAway);
        }
        let known = self.groups.find(name, Home::Peer(peer));
        if known.is_none() && self.groups.len() as u64 >= self.limits.live_groups_max {
            return Err(ErrorCode::TooManyGroups);
        }
        let own = self.own_address(user).ok_or(ErrorCode::NoSession)?;
        let group = self.groups.find_or_make(name, Home::Peer(peer));
        if let Some(group) = self.groups.get_mut(group) {
            group.joining.push((user, Some(id)));
        }
        let until_ms = now.mono_ms.saturating_add(self.limits.ask_ms_max);
        if let Some(client) = self.clients.get_mut(id) {
            client.wait = Some(Box::new(Wait::Join { group, until_ms }));
        }
        self.send_live(peer, name, LiveKind::Join, &own.to_string(), "", false);
        self.timers.set(until_ms, Timer::Join(id));
        Ok(())
    }

    fn go_live(&mut self, id: ConnectionId, user: UserId, group: GroupId) {
        if let Some(client) = self.clients.get_mut(id) {
            client.mode = Mode::Live(Box::new(Live {
                group,
                user,
                begun: Vec::new(),
            }));
        }
        let Some(place) = self.groups.get_mut(group) else {
            return;
        };
        place.here.push(id);
        let (name, home) = (place.name.to_string(), place.home);
        let home = match home {
            Home::Here => Some(self.name.clone()),
            Home::Peer(peer) => self.peer(peer).map(|peer| peer.name.clone()),
        };
        if let Some((user, home)) = self.user_name(user).zip(home) {
            self.event(|| Event::GroupJoined {
                connection: id,
                user,
                group: name,
                home,
            });
        }
    }

    // What members say.

    /// Takes one read of a member.
    pub(super) fn live_input(&mut self, id: ConnectionId, read: &[u8], now: Now) {
        if read.is_empty() {
            return;
        }
        if is_exit(read) {
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
                text: whole.to_string(),
            })
        });
        self.say(id, user, group, &whole);
    }

    fn say(&mut self, id: ConnectionId, user: UserId, group: GroupId, text: &str) {
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

    fn said_bytes_max(&self) -> usize {
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
    fn shown_in(&mut self, group: GroupId, who: &Address) -> String {
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

    fn write_here(&mut self, group: GroupId, parts: &[&str]) {
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
                let text = String::from_utf8_lossy(event).into_owned();
                self.outputs.push_back(crate::Output::Event(Event::Replied {
                    connection: *id,
                    text,
                }));
            }
        }
    }

    // Leaving.

    fn exit(&mut self, id: ConnectionId, now: Now) {
        let live = self.clients.get(id).and_then(Client::live);
        let Some(name) = live
            .and_then(|live| self.groups.get(live.group))
            .map(|group| group.name.clone())
        else {
            return;
        };
        self.leave_group(id);
        self.say_exit(id, now, |out| reply::left_group(out, name.as_str()));
    }

    /// `exit` by itself, and the reply by itself.
    fn say_exit(&mut self, id: ConnectionId, now: Now, reply: impl FnOnce(&mut Vec<u8>)) {
        self.clients.gap(id);
        self.write(id, None, |out| out.extend_from_slice(b"exit"));
        self.clients.gap(id);
        self.write(id, None, reply);
        self.settle(id, now);
    }

    /// A classic client thinks it is live although its `group` was refused: it gets out all the same.
    pub(super) fn answer_late_exit(&mut self, id: ConnectionId, error: &[u8], now: Now) {
        self.say_exit(id, now, |out| out.extend_from_slice(error));
    }

    fn refuse_group(&mut self, id: ConnectionId, code: ErrorCode) {
        self.reply_error(id, code);
        self.expect_late_exit(id, code);
    }

    /// The client has gone on to something else.
    pub(super) fn forget_refused_group(&mut self, id: ConnectionId) {
        let client = self.clients.get_mut(id);
        if let Some(client) = client.filter(|client| matches!(client.mode, Mode::Refused(_))) {
            client.mode = Mode::Command;
        }
    }

    fn expect_late_exit(&mut self, id: ConnectionId, code: ErrorCode) {
        let mut error = Vec::new();
        reply::error(&mut error, code);
        if let Some(client) = self.clients.get_mut(id) {
            client.mode = Mode::Refused(error.into());
        }
    }

    /// Takes a connection out of its group, or off its way into one.
    pub(super) fn leave_group(&mut self, id: ConnectionId) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        if let Some(Wait::Join { group, .. }) = client.wait.as_deref() {
            let group = *group;
            client.wait = None;
            return self.cancel_join(id, group);
        }
        if client.live().is_none() {
            return;
        }
        let Mode::Live(live) = std::mem::replace(&mut client.mode, Mode::Command) else {
            return;
        };
        if !self.groups.remove_here(live.group, id) {
            return;
        }
        let Some(group) = self.groups.get(live.group) else {
            return;
        };
        let (name, home, is_away) = (group.name.clone(), group.home, group.is_away);
        if let Some(own) = self.own_address(live.user) {
            match home {
                Home::Here => self.announce(live.group, LiveKind::Leave, &own, ""),
                Home::Peer(peer) if !is_away => {
                    self.send_live(peer, &name, LiveKind::Leave, &own.to_string(), "", false);
                }
                Home::Peer(_) => {}
            }
        }
        self.groups.drop_if_empty(live.group);
        if let Some(user) = self.user_name(live.user) {
            self.event(|| Event::GroupLeft {
                connection: id,
                user,
                group: name.to_string(),
            });
        }
    }

    /// Gives up joining a group elsewhere. The home is told once it has let the member in, not
    /// before: it could not tell which of a user's connections is meant.
    fn cancel_join(&mut self, id: ConnectionId, group: GroupId) {
        let joining = self
            .groups
            .get_mut(group)
            .map(|place| place.joining.iter_mut());
        for (_, connection) in joining.into_iter().flatten() {
            if *connection == Some(id) {
                *connection = None;
            }
        }
    }

    pub(super) fn join_is_late(&mut self, id: ConnectionId, now: Now) {
        let wait = self
            .clients
            .get(id)
            .and_then(|client| client.wait.as_deref());
        // The timer of an earlier join says nothing about this one.
        if matches!(wait, Some(Wait::Join { until_ms, .. }) if *until_ms <= now.mono_ms) {
            self.leave_group(id);
            self.refuse_group(id, ErrorCode::RealmAway);
            self.resume_client(id, now);
        }
    }

    /// The home's word on a join: it is for the user's connection that has asked first. Returns
    /// whether any had.
    pub(super) fn join_decided(
        &mut self,
        group: GroupId,
        user: UserId,
        refused: Option<ErrorCode>,
        now: Now,
    ) -> Decided {
        let Some(place) = self.groups.get_mut(group) else {
            return Decided::Nobody;
        };
        let Some(at) = place.joining.iter().position(|(other, _)| *other == user) else {
            return Decided::Nobody;
        };
        let (_, connection) = place.joining.remove(at);
        let Some(id) = connection else {
            self.groups.drop_if_empty(group);
            return Decided::GivenUp;
        };
        if let Some(client) = self.clients.get_mut(id) {
            client.wait = None;
        }
        match refused {
            None => self.go_live(id, user, group),
            Some(code) => {
                self.groups.drop_if_empty(group);
                self.refuse_group(id, code);
                self.resume_client(id, now);
            }
        }
        Decided::For(id)
    }

    /// The home does not let a member in again, after its link was gone.
    pub(super) fn put_out(&mut self, group: GroupId, user: UserId, code: ErrorCode) {
        let is_member = |id: &&ConnectionId| {
            let live = self.clients.get(**id).and_then(Client::live);
            live.is_some_and(|live| live.user == user)
        };
        let here = self.groups.get(group).map(|place| place.here.iter());
        let Some(id) = here.and_then(|mut here| here.find(is_member)).copied() else {
            return;
        };
        let name = self.groups.get(group).map(|place| place.name.to_string());
        self.groups.remove_here(group, id);
        self.groups.drop_if_empty(group);
        self.refuse_group(id, code);
        if let Some((user, group)) = self.user_name(user).zip(name) {
            self.event(|| Event::GroupLeft {
                connection: id,
                user,
                group,
            });
        }
    }

    /// A join came to nothing because the link with the home is gone.
    pub(super) fn join_failed(&mut self, id: ConnectionId, now: Now) {
        if let Some(client) = self.clients.get_mut(id) {
            client.wait = None;
            self.refuse_group(id, ErrorCode::RealmAway);
            self.resume_client(id, now);
        }
    }

    pub(super) fn own_address(&self, user: UserId) -> Option<Address> {
        Some(Address {
            user: self.user_name(user)?,
            realm: self.name.clone(),
        })
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

    fn push_live(&mut self, peer: PeerId, live: LiveFrame) {
        self.push_frame(peer, Frame::Live(live));
    }
}
