//! Every bound of a realm, in one object: `hello` shows it, a configuration sets it.

use thiserror::Error;

/// Why a limit could not be set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LimitError {
    /// No limit of this name.
    #[error("there is no limit called {0:?}")]
    Unknown(String),
    /// Outside what makes sense.
    #[error("{name} must be from {low} to {high}")]
    Range {
        /// The limit.
        name: &'static str,
        /// The least value.
        low: u64,
        /// The greatest value.
        high: u64,
    },
    /// Two limits that contradict each other.
    #[error("{less} must not be more than {more}")]
    Order {
        /// The one that should be less.
        less: &'static str,
        /// The one that should be more.
        more: &'static str,
    },
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $default:expr, $low:literal ..= $high:expr;)*) => {
        /// The bounds of a realm. Units stand last in the names.
        ///
        /// # Examples
        ///
        /// ```
        /// let mut limits = chatproto::Limits::default();
        /// limits.set("inbox_messages_max", 500)?;
        /// assert_eq!(limits.inbox_messages_max, 500);
        /// assert!(limits.set("line_bytes_max", 0).is_err());
        /// # Ok::<(), chatproto::LimitError>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// Sets the limit of that name.
            ///
            /// # Errors
            ///
            /// No limit has that name, or the value is out of its range.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), LimitError> {
                match name {
                    $(stringify!($name) => {
                        if !($low..=$high).contains(&value) {
                            return Err(LimitError::Range { name: stringify!($name), low: $low, high: $high });
                        }
                        self.$name = value;
                    })*
                    _ => return Err(LimitError::Unknown(name.to_owned())),
                }
                Ok(())
            }

            /// Checks that each value is in its range, and that they go together.
            ///
            /// # Errors
            ///
            /// The first one that does not.
            pub fn check(&self) -> Result<(), LimitError> {
                let mut other = Self::default();
                for (name, value) in self.iter() {
                    other.set(name, value)?;
                }
                if self.link_ping_ms > self.link_dead_ms {
                    return Err(LimitError::Order { less: "link_ping_ms", more: "link_dead_ms" });
                }
                if self.redial_ms_min > self.redial_ms_max {
                    return Err(LimitError::Order { less: "redial_ms_min", more: "redial_ms_max" });
                }
                Ok(())
            }

            /// All limits by name, in the order of the documentation.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

/// A count or size no configuration needs to exceed; keeps sums far from overflow.
const HUGE: u64 = 1 << 40;

limits! {
    /// Client connections in all. At the limit the longest idle one makes room.
    connections_max = 16_384, 1..=1_000_000;
    /// Client connections from one address; a class behind one router fits. At the limit its longest
    /// idle one makes room.
    connections_per_address_max = 256, 1..=1_000_000;
    /// A connection idle for less than this never has to make room for a new one.
    idle_ms_min = 60_000, 0..=HUGE;
    /// The longest request line, its end included.
    line_bytes_max = 65_536, 256..=16_777_216;
    /// Time for a line that has begun to end.
    line_ms_max = 30_000, 1..=HUGE;
    /// What is kept of a connection's input while one of its lines waits; above it, reading pauses.
    waiting_bytes_max = 131_072, 1..=HUGE;
    /// Output that a connection may leave unread: then its next lines wait, and a member of a live
    /// group is dropped.
    outgoing_bytes_max = 1_048_576, 1_024..=HUGE;
    /// How long last words may take to be read before a closing connection is cut.
    close_ms_max = 5_000, 0..=HUGE;
    /// Messages that wait in one inbox.
    inbox_messages_max = 10_000, 1..=HUGE;
    /// Bytes of text that wait in one inbox.
    inbox_bytes_max = 8_388_608, 1..=HUGE;
    /// Senders listed in one inbox, those of other realms up to half; a sender once listed stays.
    inbox_senders_max = 10_000, 1..=HUGE;
    /// Bytes that the messages of one inbox take in memory, 16 beside the text for each; older ones are
    /// fetched from the store.
    inbox_memory_bytes_max = 16_384, 0..=HUGE;
    /// Messages shown by one `peek` or `history`.
    page_messages_max = 100, 1..=100_000;
    /// Bytes of text after which one `peek` or `history` shows no further message.
    page_bytes_max = 262_144, 1..=HUGE;
    /// Keys of one user that `sendid` remembers, the newest.
    send_keys_max = 256, 1..=1_000_000;
    /// Failed logins of one user from one address at a time, before they have to wait there.
    failed_logins_max = 30, 1..=1_000_000;
    /// How long it takes until failed logins that were used up may all be tried again.
    failed_logins_ms = 60_000, 1..=HUGE;
    /// Passwords that are hashed or checked at a time; further logins wait for their turn.
    hashes_max = 2, 1..=1_024;
    /// Bytes of records that the store has not taken; above it, lines wait.
    uncommitted_bytes_max = 67_108_864, 1..=HUGE;
    /// The pause before a full store is offered a batch again.
    store_retry_ms = 1_000, 1..=HUGE;
    /// Live tokens of one user; a further login ends the one unused for longest.
    sessions_per_user_max = 64, 1..=1_000_000;
    /// A token unused for this long expires.
    session_idle_ms_max = 2_592_000_000, 1..=HUGE;
    /// Live groups at a time, those that users of other realms made up to half.
    live_groups_max = 10_000, 1..=HUGE;
    /// Members of a live group, those in other realms included.
    live_members_max = 1_000, 1..=1_000_000;
    /// The pause around `exit` that lets a classic client read it by itself.
    exit_gap_ms = 200, 0..=60_000;
    /// How long linked peers have to say whose a name is.
    ask_ms_max = 1_000, 1..=HUGE;
    /// Names of other realms' users that are remembered, for each peer the same share.
    directory_names_max = 1_000_000, 0..=HUGE;
    /// Messages to other realms of one user that `outbox` shows, the newest.
    outbox_messages_max = 100, 1..=100_000;
    /// Messages under way to one classic neighbour.
    classic_calls_max = 16, 1..=1_024;
    /// How long a classic neighbour has to take a message and answer.
    classic_ms_max = 5_000, 1..=HUGE;
    /// Names of one classic neighbour's users that are remembered; mail from others is refused, since
    /// anybody can make up names there.
    classic_names_max = 1_000, 0..=HUGE;
    /// Messages that wait for one peer.
    queue_messages_max = 100_000, 1..=HUGE;
    /// Bytes that wait for one peer.
    queue_bytes_max = 67_108_864, 1..=HUGE;
    /// Bytes that wait for one peer and are held in memory; the others are read from the store when
    /// their turn comes.
    queue_memory_bytes_max = 16_777_216, 65_536..=HUGE;
    /// How long a message waits for a peer that is away, before its sender is told, and how long word of
    /// a refusal is awaited: 4 days.
    queue_ms_max = 345_600_000, 1..=HUGE;
    /// Messages of one peer that are recognised should they come again in another stream, the newest.
    seen_messages_max = 131_072, 1..=HUGE;
    /// How long an acknowledgement waits for more to acknowledge with it.
    ack_ms_max = 5, 0..=1_000;
    /// Envelopes a peer may send ahead of our acknowledgement, per stream.
    credit_envelopes_max = 4_096, 1..=1_000_000;
    /// Bytes of envelopes a peer may send ahead of our acknowledgement, per stream.
    credit_bytes_max = 4_194_304, 65_536..=HUGE;
    /// The longest line on a link.
    link_line_bytes_max = 65_536, 4_096..=16_777_216;
    /// What an unauthenticated link may send.
    handshake_bytes_max = 4_096, 512..=65_536;
    /// Time for a link's handshake.
    handshake_ms_max = 5_000, 1..=HUGE;
    /// Silence on a link after which we ask whether it is alive.
    link_ping_ms = 15_000, 1..=HUGE;
    /// Silence on a link after which it counts as dead.
    link_dead_ms = 40_000, 1..=HUGE;
    /// Time without an acknowledgement, while credit was given, after which a link counts as dead.
    unacknowledged_ms_max = 30_000, 1..=HUGE;
    /// The first pause before a peer is dialled again; it doubles with each failure.
    redial_ms_min = 500, 1..=HUGE;
    /// The longest pause before a peer is dialled again.
    redial_ms_max = 60_000, 1..=HUGE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_default_is_in_its_own_range() {
        let mut limits = Limits::default();

        for (name, value) in Limits::default().iter() {
            limits.set(name, value).unwrap();
        }
        assert_eq!(limits, Limits::default());
    }

    #[test]
    fn a_wrong_name_or_value_is_told() {
        let mut limits = Limits::default();

        assert_eq!(
            limits.set("lines", 1),
            Err(LimitError::Unknown("lines".into()))
        );
        let range = LimitError::Range {
            name: "line_bytes_max",
            low: 256,
            high: 16_777_216,
        };
        assert_eq!(limits.set("line_bytes_max", 255), Err(range));
        assert_eq!(limits.set("line_bytes_max", 256), Ok(()));
    }
}
