//! How the numbers of records become the integer keys of rows, and back.

use super::fault::Fault;
use crate::id::{PeerId, RemoteId, UserId};
use crate::link::frame::StreamKind;
use crate::record::Sender;

/// The last number of a message, an envelope or a key: 40 bits.
pub(super) const NUMBER_MAX: u64 = (1 << NUMBER_BITS) - 1;
/// The last user: 23 bits, so that a key with a number is a positive integer of `SQLite`.
pub(super) const OWNER_MAX: u32 = (1 << 23) - 1;

/// What is read can only be a number that was written.
const NOTHING: Fault = Fault::Row("a number is of nothing there is");

const NUMBER_BITS: u32 = 40;
const POSITION_BITS: u32 = 32;

/// An owner and a number.
pub(super) fn key(owner: u32, number: u64) -> Result<i64, Fault> {
    if owner > OWNER_MAX || number > NUMBER_MAX {
        return Err(Fault::Beyond);
    }
    Ok(i64::from(owner) << NUMBER_BITS | number.cast_signed())
}

/// The first and the last key that an owner can have.
pub(super) fn range(owner: u32) -> Result<(i64, i64), Fault> {
    Ok((key(owner, 0)?, key(owner, NUMBER_MAX)?))
}

/// The two parts of a key.
pub(super) fn parts(key: i64) -> Result<(u32, u64), Fault> {
    let owner = u32::try_from(key >> NUMBER_BITS).map_err(|_| NOTHING)?;
    Ok((owner, key.cast_unsigned() & NUMBER_MAX))
}

/// The key of a place in a list.
pub(super) fn place(owner: UserId, position: u32) -> Result<i64, Fault> {
    if owner.number() > OWNER_MAX {
        return Err(Fault::Beyond);
    }
    Ok(i64::from(owner.number()) << POSITION_BITS | i64::from(position))
}

/// The two parts of the key of a place.
pub(super) fn place_parts(key: i64) -> Result<(UserId, u32), Fault> {
    let owner = u32::try_from(key >> POSITION_BITS).map_err(|_| NOTHING)?;
    Ok((UserId::from_number(owner), key.cast_unsigned() as u32))
}

/// A sender.
pub(super) fn sender(sender: Sender) -> i64 {
    let (number, tag) = match sender {
        Sender::Local(user) => (user.number(), 0),
        Sender::Remote(remote) => (remote.number(), 1),
        Sender::Realm(peer) => (peer.number(), 2),
    };
    i64::from(number) << 2 | tag
}

/// The sender of a number.
pub(super) fn sender_of(code: i64) -> Result<Sender, Fault> {
    let number = u32::try_from(code >> 2).map_err(|_| NOTHING)?;
    match code & 3 {
        0 => Ok(Sender::Local(UserId::from_number(number))),
        1 => Ok(Sender::Remote(RemoteId::from_number(number))),
        2 => Ok(Sender::Realm(PeerId::from_number(number))),
        _ => Err(NOTHING),
    }
}

/// A stream of a peer, either way.
pub(super) fn stream(peer: PeerId, kind: StreamKind) -> Result<u32, Fault> {
    let tag = match kind {
        StreamKind::Mail => 0,
        StreamKind::Bounce => 1,
    };
    let number = peer.number();
    if number > OWNER_MAX >> 2 {
        return Err(Fault::Beyond);
    }
    Ok(number << 2 | tag)
}

/// The peer and kind of a stream.
pub(super) fn stream_of(id: u32) -> Result<(PeerId, StreamKind), Fault> {
    let kind = match id & 3 {
        0 => StreamKind::Mail,
        1 => StreamKind::Bounce,
        _ => return Err(NOTHING),
    };
    Ok((PeerId::from_number(id >> 2), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_by_owner_and_then_by_number() {
        assert_eq!(key(0, 1).unwrap(), 1);
        assert_eq!(key(1, 0).unwrap(), 1_099_511_627_776);
        assert_eq!(key(OWNER_MAX, NUMBER_MAX).unwrap(), i64::MAX);
        assert_eq!(parts(i64::MAX).unwrap(), (8_388_607, 1_099_511_627_775));

        assert!(key(OWNER_MAX + 1, 0).is_err());
        assert!(key(0, NUMBER_MAX + 1).is_err());
        assert!(parts(-1).is_err());
    }

    #[test]
    fn what_wrote_a_message_is_told_by_two_bits() {
        let table = [
            (Sender::Local(UserId::from_number(5)), 20),
            (Sender::Remote(RemoteId::from_number(5)), 21),
            (Sender::Realm(PeerId::from_number(5)), 22),
            (
                Sender::Remote(RemoteId::from_number(u32::MAX)),
                17_179_869_181,
            ),
        ];
        for (who, code) in table {
            assert_eq!(sender(who), code);
            assert_eq!(sender_of(code).unwrap(), who);
        }
        assert!(sender_of(3).is_err());
        assert!(sender_of(-4).is_err());
    }
}
