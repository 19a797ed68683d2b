//! Live groups: joining, talking, leaving, here and across realms.

use super::Realm;
use super::clients::{Client, Live, Mode, Wait};
use super::questions::Topic;
use super::timers::Timer;
use crate::error::ErrorCode;
use crate::group::{GroupId, Home};
use crate::id::{PeerId, UserId};
use crate::link::frame::LiveKind;
use crate::name::{Address, GroupName, RealmName};
use crate::output::{ConnectionId, Event};
use crate::time::Now;

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

    // Leaving.

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
}
