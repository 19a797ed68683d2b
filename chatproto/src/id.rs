//! Small numbers for what has a long name: a name is looked up once, and is a number ever after.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(u32);

        impl $name {
            /// The number of an entry in its table.
            pub(crate) fn new(index: usize) -> Self {
                Self(index as u32)
            }

            /// The entry's place in its table.
            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A user of this realm.
    UserId
    /// A realm to link with.
    PeerId
    /// A user of another realm.
    RemoteId
}
