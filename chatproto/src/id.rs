//! Small numbers for what has a long name: a name is looked up once, and is a number ever after.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The number of an entry in its table.
            pub(crate) fn new(index: usize) -> Self {
                Self(index as u32)
            }

            /// The entry's place in its table.
            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }

            /// The number, as a store keeps it.
            #[must_use]
            pub fn number(self) -> u32 {
                self.0
            }

            /// What has that number.
            #[must_use]
            pub fn from_number(number: u32) -> Self {
                Self(number)
            }
        }
    )*};
}

ids! {
    /// A user of this realm, counted from 0.
    UserId
    /// Another realm, counted from 0.
    PeerId
    /// A user of another realm, counted from 0.
    RemoteId
}
