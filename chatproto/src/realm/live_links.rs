//! Live groups that span realms: one home puts everything in order, the others follow it.

use super::Realm;
use super::live::Decided;
use crate::error::ErrorCode;
use crate::group::{GroupId, Home};
use crate::id::PeerId;
use crate::link::frame::{Frame, Live, LiveKind};
use crate::link::stream::Violation;
use crate::name::{Address, GroupName};
use crate::time::Now;

/// Members that one `members` frame names, so that it fits any link's line.
const MEMBERS_A_FRAME: usize = 16;

impl Realm {
    pub(super) fn take_live(
        &mut self,
        peer: PeerId,
        live: &Live,
        now: Now,
    ) -> Result<(), Violation> {
        let name =
            GroupName::parse(&live.group).map_err(|_| Violation("a live frame for no group"))?;
        if live.home {
            return self.live_from_home(peer, &name, live, now);
        }
        let members = match live.kind {
            LiveKind::Members => live.members.as_slice(),
            LiveKind::Join | LiveKind::Say | LiveKind::Leave | LiveKind::Gone => {
                std::slice::from_ref(&live.from)
            }
        };
        for member in members {
            let member =
                Address::parse(member).map_err(|_| Violation("a live frame from nobody"))?;
            if self.peer(peer).is_none_or(|peer| peer.name != member.realm) {
                return Err(Violation("a live frame from another realm's user"));
            }
            self.live_from_member(peer, &name, &member, live);
        }
        Ok(())
    }

    /// A member elsewhere does something in a group whose home is here.
    fn live_from_member(&mut self, peer: PeerId, name: &GroupName, member: &Address, live: &Live) {
        let is_joining = matches!(live.kind, LiveKind::Join | LiveKind::Members);
        if is_joining {
            self.meet(peer, member);
            match self.place_for_peer(name) {
                Ok(group) => {
                    if let Some(place) = self.groups.get_mut(group) {
                        place.elsewhere.push((peer, member.clone()));
                    }
                    self.announce(group, LiveKind::Join, member, "");
                }
                Err(code) => self.send_live(
                    peer,
                    name,
                    LiveKind::Gone,
                    &member.to_string(),
                    code.code(),
                    true,
                ),
            }
            return;
        }
        let Some(group) = self.groups.find(name, Home::Here) else {
            return;
        };
        let is_member = self
            .groups
            .get(group)
            .is_some_and(|place| place.elsewhere.iter().any(|(_, known)| known == member));
        match live.kind {
            LiveKind::Say if is_member => self.announce(group, LiveKind::Say, member, &live.text),
            LiveKind::Leave if self.groups.remove_elsewhere(group, member) => {
                self.announce(group, LiveKind::Leave, member, "");
                self.groups.drop_if_empty(group);
            }
            LiveKind::Say
            | LiveKind::Leave
            | LiveKind::Join
            | LiveKind::Members
            | LiveKind::Gone => {}
        }
    }

    /// A group at home for a member elsewhere. Such members make up to half of all groups, so that
    /// there is room for those of this realm.
    fn place_for_peer(&mut self, name: &GroupName) -> Result<GroupId, ErrorCode> {
        let is_new = self.groups.find(name, Home::Here).is_none();
        if is_new && self.groups.len() as u64 >= self.limits.live_groups_max.div_ceil(2) {
            return Err(ErrorCode::TooManyGroups);
        }
        self.place_here(name)
    }

    /// The home of a group tells what happens in it.
    fn live_from_home(
        &mut self,
        peer: PeerId,
        name: &GroupName,
        live: &Live,
        now: Now,
    ) -> Result<(), Violation> {
        let Some(group) = self.groups.find(name, Home::Peer(peer)) else {
            return Ok(());
        };
        if live.kind == LiveKind::Gone && live.from.is_empty() {
            if let Some(place) = self.groups.get_mut(group) {
                place.is_away = true;
            }
            self.write_away_line(group);
            return Ok(());
        }
        let member =
            Address::parse(&live.from).map_err(|_| Violation("a live frame from nobody"))?;
        if self
            .peer(peer)
            .is_some_and(|peer| peer.name == member.realm)
        {
            self.meet(peer, &member);
        }
        // One of our own, about whom the home decides.
        let own = if member.realm == self.name {
            self.accounts.find(member.user.as_str())
        } else {
            None
        };
        match live.kind {
            LiveKind::Join => {
                if let Some(place) = self.groups.get_mut(group) {
                    place.is_away = false;
                }
                let decided = own.map(|own| self.join_decided(group, own, None, now));
                self.tell_here(group, LiveKind::Join, &member, "");
                match decided {
                    Some(Decided::For(joined)) => self.resume_client(joined, now),
                    Some(Decided::GivenUp) => {
                        self.send_live(peer, name, LiveKind::Leave, &member.to_string(), "", false);
                    }
                    Some(Decided::Nobody) | None => {}
                }
            }
            LiveKind::Gone => {
                let known = ErrorCode::ALL.iter();
                let code = known.copied().find(|code| code.code() == &*live.text);
                let code = code.unwrap_or(ErrorCode::GroupFull);
                if let Some(own) = own
                    && self.join_decided(group, own, Some(code), now) == Decided::Nobody
                {
                    self.put_out(group, own, code);
                }
            }
            LiveKind::Say | LiveKind::Leave => {
                self.tell_here(group, live.kind, &member, &live.text);
            }
            LiveKind::Members => {}
        }
        Ok(())
    }

    /// The link with a peer is gone: its members have left our groups, ours wait in its.
    pub(super) fn groups_lose(&mut self, peer: PeerId, now: Now) {
        for group in self.groups.ids() {
            let Some(place) = self.groups.get_mut(group) else {
                continue;
            };
            if place.home == Home::Peer(peer) {
                place.is_away = true;
                let joining = std::mem::take(&mut place.joining);
                self.write_away_line(group);
                for id in joining.into_iter().filter_map(|(_, connection)| connection) {
                    self.join_failed(id, now);
                }
                self.groups.drop_if_empty(group);
                continue;
            }
            let (lost, stay) = std::mem::take(&mut place.elsewhere)
                .into_iter()
                .partition(|(of, _)| *of == peer);
            place.elsewhere = stay;
            let lost: Vec<(PeerId, Address)> = lost;
            for (_, member) in lost {
                self.announce(group, LiveKind::Leave, &member, "");
            }
            self.groups.drop_if_empty(group);
        }
    }

    /// The link with a peer is back: our members join its groups again.
    pub(super) fn groups_regain(&mut self, peer: PeerId) {
        for group in self.groups.ids() {
            let Some(place) = self
                .groups
                .get_mut(group)
                .filter(|place| place.home == Home::Peer(peer))
            else {
                continue;
            };
            place.is_away = false;
            let (name, here) = (place.name.to_string(), place.here.clone());
            let users = here
                .iter()
                .filter_map(|id| self.clients.get(*id)?.live().map(|live| live.user));
            let members: Vec<_> = users
                .filter_map(|user| self.own_address(user))
                .map(|own| own.to_string())
                .collect();
            for some in members.chunks(MEMBERS_A_FRAME) {
                let live = Live {
                    group: name.clone(),
                    kind: LiveKind::Members,
                    from: String::new(),
                    text: "".into(),
                    members: some.to_vec(),
                    home: false,
                };
                self.push_frame(peer, Frame::Live(live));
            }
        }
    }
}
