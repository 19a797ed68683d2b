//! How much may happen in a model, and which rule is broken in it.

/// How often each thing may happen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope {
    /// The realms have met before, and the link is up; else they never have.
    pub(super) is_linked: bool,
    /// Messages that each realm's user sends.
    pub(super) mail: [u8; 2],
    /// How many of the first messages of each are too long for the peer.
    pub(super) too_long: [u8; 2],
    /// Deaths of each realm.
    pub(super) crashes: [u8; 2],
    /// Breaks of the link.
    pub(super) cuts: u8,
    /// Messages that each realm refuses.
    pub(super) refusals: [u8; 2],
    /// Messages that each realm gives up.
    pub(super) expiries: [u8; 2],
    /// Copies that are made of each realm's disk and put back later.
    pub(super) copies: [u8; 2],
    /// Empty disks that each realm starts with again.
    pub(super) replaced: [u8; 2],
    /// Things go on while a batch is under way, not only between commits.
    pub(super) is_split: bool,
    /// Envelopes that each side gives credit for.
    pub(super) credit: u64,
    /// Ids that each realm remembers of what it kept.
    pub(super) seen: u64,
}

impl Scope {
    /// Nothing happens but what is said in addition.
    pub(super) fn quiet() -> Self {
        Self {
            is_linked: true,
            credit: 8,
            seen: 64,
            ..Self::default()
        }
    }
}

/// A rule that is broken, to see that the claims notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    /// The receiver says at a resume only what it has in memory: the sender prunes that.
    OneNumberInResume,
    /// A cursor counts as stored as soon as it is given to the store.
    AckBeforeCommit,
    /// The cursor is in the store before the inbox row.
    CursorCommittedFirst,
    /// The inbox row is in the store before the cursor and the note that the message was seen.
    InboxCommittedFirst,
    /// A row is gone once it was sent.
    PruneOnSend,
    /// A realm's streams have the same ids whatever disk it starts with.
    SameStreamOnNewDisk,
    /// The bounce is committed after the cursor that passed the refused message.
    RefusalBesideCursor,
    /// The store is not told which rows may have been sent.
    ExpiryWithoutMark,
    /// No ids are told at a resume.
    IdsNotCompared,
    /// No note is taken of the messages that were kept.
    NothingSeen,
    /// The user reads OK before the message is in the store.
    OkBeforeCommit,
    /// A message is sent before it is in the store.
    SentBeforeCommit,
    /// A row goes as a void before the store has the bounce.
    VoidBeforeCommit,
    /// Bounces go out before the acks that tell of the refusals.
    BounceBeforeAck,
    /// Refusals are kept in memory only.
    RefusalsForgotten,
    /// A row is sent before the store knows that it may be.
    SentBeforeMark,
    /// Which refusal a bounce tells of is known by the message's id alone.
    BounceKnownByMessage,
    /// Nobody is told what is missing.
    LossUnreported,
}
