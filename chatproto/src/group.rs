//! Live groups: who is in them, here and in other realms.

use crate::id::{PeerId, UserId};
use crate::name::{Address, GroupName, RealmName, UserName};
use crate::slots::{Key, Slots};
use std::collections::BTreeMap;

/// A group's place in the table.
pub(crate) type GroupId = Key;

/// Which realm puts a group's events in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Home {
    /// This one.
    Here,
    /// A peer.
    Peer(PeerId),
}

/// A live group as one realm sees it.
#[derive(Clone, Debug)]
pub(crate) struct LiveGroup<C> {
    pub(crate) name: GroupName,
    pub(crate) home: Home,
    /// Members whose connections are here.
    pub(crate) here: Vec<C>,
    /// Who waits for the home's word, in the order of asking; away from home alone. One that has
    /// given up stays without its connection: the home's word will come.
    pub(crate) joining: Vec<(UserId, Option<C>)>,
    /// Members of other realms; at home alone. One entry a connection.
    pub(crate) elsewhere: Vec<(PeerId, Address)>,
    /// Members of realms that this one has not met, by name: the first of each name is shown by it
    /// alone.
    pub(crate) strangers: BTreeMap<UserName, RealmName>,
    /// The home is not linked, or no longer knows the group.
    pub(crate) is_away: bool,
}

impl<C> LiveGroup<C> {
    pub(crate) fn len(&self) -> usize {
        self.here.len() + self.joining.len() + self.elsewhere.len()
    }

    /// Each realm with members elsewhere, once.
    pub(crate) fn member_realms(&self) -> Vec<PeerId> {
        let mut peers: Vec<_> = self.elsewhere.iter().map(|(peer, _)| *peer).collect();
        peers.sort_unstable();
        peers.dedup();
        peers
    }
}

/// All live groups with members here, and those whose home this is.
#[derive(Clone, Debug)]
pub(crate) struct LiveGroups<C> {
    groups: Slots<LiveGroup<C>>,
    by_name: BTreeMap<(GroupName, Home), GroupId>,
}

impl<C: Copy + PartialEq> LiveGroups<C> {
    pub(crate) fn new() -> Self {
        Self {
            groups: Slots::new(),
            by_name: BTreeMap::new(),
        }
    }

    pub(crate) fn find(&self, name: &GroupName, home: Home) -> Option<GroupId> {
        self.by_name.get(&(name.clone(), home)).copied()
    }

    /// Where there are groups of that name; here comes first.
    pub(crate) fn homes_of(&self, name: &GroupName) -> Vec<Home> {
        let all = self.by_name.range((name.clone(), Home::Here)..);
        all.map(|((other, home), _)| (other, *home))
            .take_while(|(other, _)| *other == name)
            .map(|(_, home)| home)
            .collect()
    }

    pub(crate) fn find_or_make(&mut self, name: &GroupName, home: Home) -> GroupId {
        if let Some(id) = self.find(name, home) {
            return id;
        }
        let group = LiveGroup {
            name: name.clone(),
            home,
            here: Vec::new(),
            joining: Vec::new(),
            elsewhere: Vec::new(),
            strangers: BTreeMap::new(),
            is_away: false,
        };
        let id = self.groups.insert(group);
        self.by_name.insert((name.clone(), home), id);
        id
    }

    pub(crate) fn get(&self, id: GroupId) -> Option<&LiveGroup<C>> {
        self.groups.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: GroupId) -> Option<&mut LiveGroup<C>> {
        self.groups.get_mut(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(crate) fn ids(&self) -> Vec<GroupId> {
        self.groups.keys()
    }

    /// Takes a member's connection out; false when it was not in.
    pub(crate) fn remove_here(&mut self, id: GroupId, connection: C) -> bool {
        let Some(group) = self.groups.get_mut(id) else {
            return false;
        };
        let Some(at) = group.here.iter().position(|other| *other == connection) else {
            return false;
        };
        group.here.remove(at);
        true
    }

    /// Takes one connection of a member elsewhere out; false when it was not in.
    pub(crate) fn remove_elsewhere(&mut self, id: GroupId, member: &Address) -> bool {
        let Some(group) = self.groups.get_mut(id) else {
            return false;
        };
        let Some(at) = group
            .elsewhere
            .iter()
            .position(|(_, other)| other == member)
        else {
            return false;
        };
        group.elsewhere.remove(at);
        true
    }

    /// Forgets the group if its last member has left.
    pub(crate) fn drop_if_empty(&mut self, id: GroupId) {
        if self.groups.get(id).is_some_and(|group| group.len() == 0)
            && let Some(group) = self.groups.remove(id)
        {
            self.by_name.remove(&(group.name, group.home));
        }
    }
}

/// The longest event, so that a client which reads 1,024 bytes at a time gets it in one piece.
pub(crate) const EVENT_BYTES_MAX: usize = 900;

/// Cuts what a member wrote into texts that fit one event each, never within a character.
pub(crate) fn pieces(text: &str, bytes_max: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = bytes_max.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after;
        Some(piece)
    })
}

/// Splits off the characters at the front that are whole. Bytes that can never become UTF-8 are
/// replaced; up to three bytes of a character that has only begun are returned beside.
pub(crate) fn whole_characters(bytes: &[u8]) -> (std::borrow::Cow<'_, str>, &[u8]) {
    let begun = bytes
        .utf8_chunks()
        .last()
        .map_or(&[][..], |last| last.invalid());
    // A chunk at the very end is either a beginning, which more bytes could complete, or garbage.
    let is_beginning = !begun.is_empty()
        && std::str::from_utf8(begun).is_err_and(|error| error.error_len().is_none());
    let split = bytes.len() - if is_beginning { begun.len() } else { 0 };
    let (whole, rest) = bytes.split_at_checked(split).unwrap_or((bytes, &[]));
    (String::from_utf8_lossy(whole), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_respect_characters() {
        assert_eq!(pieces("aéé", 3).collect::<Vec<_>>(), ["aé", "é"]);
        assert_eq!(pieces("😀😀", 7).collect::<Vec<_>>(), ["😀", "😀"]);
        assert_eq!(pieces("", 7).count(), 0);
    }

    #[test]
    fn a_character_that_has_begun_waits() {
        let smile = "😀".as_bytes();

        assert_eq!(whole_characters(b"abc"), ("abc".into(), &[][..]));
        assert_eq!(whole_characters(&smile[..3]), ("".into(), &smile[..3]));
        assert_eq!(
            whole_characters(b"a\xff\xe2\x82"),
            ("a\u{fffd}".into(), &b"\xe2\x82"[..])
        );
        assert_eq!(
            whole_characters(b"a\xe2\x82b"),
            ("a\u{fffd}b".into(), &[][..])
        );
        assert_eq!(whole_characters(b"a\xff"), ("a\u{fffd}".into(), &[][..]));
    }

    #[test]
    fn the_last_member_takes_the_group_along() {
        let mut groups = LiveGroups::new();
        let name = GroupName::parse("bukber").unwrap();
        let id = groups.find_or_make(&name, Home::Here);
        groups.get_mut(id).unwrap().here.push(7);

        groups.drop_if_empty(id);
        assert_eq!(groups.find(&name, Home::Here), Some(id));

        assert!(groups.remove_here(id, 7));
        groups.drop_if_empty(id);
        assert_eq!((groups.find(&name, Home::Here), groups.len()), (None, 0));
    }
}
