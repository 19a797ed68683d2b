//! What an outside observer knows: what was promised, reported and broken so far.

use super::ids::At;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What the operators were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Report {
    /// The receiver's history lacks something.
    Truncated,
    /// This realm's disk is an older copy.
    OlderCopy,
    /// The peer has begun anew.
    PeerRenewed,
}

/// How often what happened, in each realm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Counts {
    pub(super) mail: u8,
    pub(super) crashes: u8,
    pub(super) refusals: u8,
    pub(super) expiries: u8,
    pub(super) copies: u8,
    pub(super) replaced: u8,
    /// Streams begun.
    pub(super) streams: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ledger {
    pub(super) counts: [Counts; 2],
    pub(super) cuts: u8,
    /// Messages whose senders read OK.
    pub(super) promised: BTreeSet<Uuid>,
    /// Promised messages that were lost with a disk: no more is claimed of them.
    pub(super) lost: BTreeSet<Uuid>,
    /// Disks that were put back or replaced.
    pub(super) disks_changed: u8,
    /// Those among them of which the peer had let go: they are to be reported, unless they turn up
    /// again.
    pub(super) owed: BTreeSet<Uuid>,
    /// How many messages had been sent when a disk was last changed.
    pub(super) sent_before: [u8; 2],
    pub(super) reports: BTreeSet<(At, Report)>,
    /// A store took what no realm can be restored of.
    pub(super) is_contradicted: bool,
    /// What a realm held against its peer at last.
    pub(super) accusation: Option<&'static str>,
}
