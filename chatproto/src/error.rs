//! The closed table of what can go wrong, the same in Rust, C and Python.

use thiserror::Error;

macro_rules! codes {
    ($($(#[$doc:meta])* $number:literal $variant:ident $code:literal $message:literal $classic:literal;)*) => {
        /// What a client or a peer did wrong, or what stands in its way.
        ///
        /// Numbers and codes never change and are never used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant = $number,)*
        }

        impl ErrorCode {
            /// Every code there is, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name, as in the `code` of a reply.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The sentence a client is shown, in Indonesian.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }

            /// Whether the classic dialect has this error, and so its reply no `code`.
            #[must_use]
            pub const fn is_classic(self) -> bool {
                match self { $(Self::$variant => $classic,)* }
            }
        }
    };
}

codes! {
    /// `auth`: no user of that name.
    1 NoSuchUser "no_such_user" "User Tidak Ada" true;
    /// `auth`: the password is another one.
    2 WrongPassword "wrong_password" "Password Salah" true;
    /// `send`: nobody of that name here or in a linked realm.
    3 RecipientUnknown "recipient_unknown" "User Tidak Ditemukan" true;
    /// The token is unknown or has expired.
    4 NoSession "no_session" "Informasi tidak ditemukan" true;
    /// A command with too few arguments.
    5 TooFewArguments "too_few_arguments" "--Protocol Tidak Benar" true;
    /// A command that does not exist.
    6 UnknownCommand "unknown_command" "**Protocol Tidak Benar" true;
    /// A line over the limit; it was thrown away to its end.
    7 LineTooLong "line_too_long" "Baris terlalu panjang, kirim dalam beberapa bagian" false;
    /// A line that is not UTF-8.
    8 InvalidUtf8 "invalid_utf8" "Baris bukan UTF-8 yang benar" false;
    /// A line that began and did not end in time; what had come of it was thrown away.
    9 LineTimeout "line_timeout" "Baris tidak selesai, akhiri setiap baris dengan CR LF" false;
    /// A name that cannot be one.
    10 InvalidName "invalid_name" "Nama tidak benar" false;
    /// The recipient's inbox is full.
    11 InboxFull "inbox_full" "Kotak masuk penerima penuh, coba lagi nanti" false;
    /// Several realms have a user of that name; the reply lists them.
    12 Ambiguous "ambiguous" "Nama ada di beberapa realm, tulis user@realm" false;
    /// No peer of that name is configured.
    13 RealmUnknown "realm_unknown" "Realm tidak dikenal" false;
    /// What waits for that peer is at its bound.
    14 QueueFull "queue_full" "Antrean ke realm tujuan penuh, coba lagi nanti" false;
    /// The realm is configured but not linked now.
    15 RealmAway "realm_away" "Realm tujuan sedang tidak terhubung" false;
    /// The message does not fit a link's longest line.
    16 MessageTooLong "message_too_long" "Pesan terlalu panjang untuk realm lain" false;
    /// The live group has as many members as it may.
    17 GroupFull "group_full" "Grup penuh" false;
    /// The realm has as many live groups as it may.
    18 TooManyGroups "too_many_groups" "Terlalu banyak grup, coba lagi nanti" false;
    /// The realm has as many connections as it may.
    19 TooManyConnections "too_many_connections" "Terlalu banyak koneksi, coba lagi nanti" false;
    /// The address has as many connections as it may.
    20 AddressConnections "address_connections" "Terlalu banyak koneksi dari alamat ini" false;
    /// The connection made room for another one.
    21 IdleEvicted "idle_evicted" "Koneksi diam terlalu lama dan tempatnya dibutuhkan" false;
    /// The client leaves too much unread.
    22 SlowReader "slow_reader" "Klien terlalu lambat membaca" false;
    /// The realm is going down.
    23 ShuttingDown "shutting_down" "Server sedang dimatikan" false;
    /// `group`, `listen` and `quit` want a connection of their own.
    24 NeedsConnection "needs_connection" "Perintah ini memerlukan koneksi" false;
    /// The store is full; nothing was changed.
    25 StoreFull "store_full" "Penyimpanan server penuh, coba lagi nanti" false;
    /// The store has failed; the realm has stopped.
    26 StoreBroken "store_broken" "Penyimpanan server rusak" false;
    /// An envelope of a kind this realm does not know.
    27 UnknownKind "unknown_kind" "Jenis pesan tidak dikenal" false;
    /// The sender's own inbox has no place for word of a message that may not arrive.
    28 OwnInboxFull "own_inbox_full" "Kotak masuk Anda penuh, baca dulu pesannya" false;
    /// Too many logins from this address have failed.
    29 TooManyLogins "too_many_logins" "Terlalu banyak login gagal, coba lagi nanti" false;
    /// The work of checking a password could not be done.
    30 PasswordUnchecked "password_unchecked" "Password tidak dapat diperiksa sekarang, coba lagi nanti" false;
    /// An argument that should be a whole number.
    31 InvalidNumber "invalid_number" "Angka tidak benar" false;
    /// `ack`: no message of that number has come yet; nothing was removed.
    32 NoSuchMessage "no_such_message" "Pesan dengan nomor itu belum ada" false;
    /// `sendid`: a key that cannot be one.
    33 InvalidKey "invalid_key" "Kunci tidak benar, pakai 1 sampai 64 huruf atau angka" false;
    /// `sendid`: the key was used for another message; nothing was sent.
    34 KeyReused "key_reused" "Kunci sudah dipakai untuk pesan lain" false;
    /// What is stored could not be read; it is still there.
    35 StoreUnreadable "store_unreadable" "Penyimpanan server tidak dapat dibaca, coba lagi nanti" false;
    /// The realm was away for so long that the message was given up.
    36 Expired "expired" "Realm tujuan terlalu lama tidak dapat dihubungi" false;
    /// The realm is no peer any more.
    37 PeerRemoved "peer_removed" "Realm tujuan tidak lagi terhubung dengan realm ini" false;
    /// A classic realm would keep another text than this one; nothing was sent.
    38 ClassicText "classic_text" "Pesan ke realm klasik harus satu baris dan tanpa kata server" false;
    /// A classic realm was sent the message and gave no clear answer: it may have it or not.
    39 DeliveryUnknown "delivery_unknown" "Realm tujuan tidak menjawab, tidak diketahui apakah pesan sampai" false;
    /// A classic realm answered that it does not take the message.
    40 RealmRefused "realm_refused" "Realm tujuan menolak pesan" false;
}

/// A caller used the engine in a way that its contract rules out: a bug in the driver.
///
/// What a client or a peer sends never leads here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misuse {
    /// More was said to be sent than there was.
    #[error("more was reported as sent than was outgoing")]
    SentTooMuch,
    /// A batch number other than that of the batch under way.
    #[error("no batch of that number is under way")]
    WrongBatch,
    /// An answer to what was not asked, or was answered before.
    #[error("no request of that number is open")]
    UnknownRequest,
    /// The peer is not in the configuration.
    #[error("no peer of that name is configured")]
    UnknownPeer,
}

/// Why an operator's word about a peer cannot be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PeerError {
    /// No realm of that name is a peer.
    #[error("no peer of that name is configured")]
    Unknown,
    /// The realm as its own peer.
    #[error("a realm cannot be its own peer")]
    OwnRealm,
    /// Messages wait for it, or are under way.
    #[error("{messages} messages wait for it: let them bounce, or keep it until they have arrived")]
    HasMail {
        /// How many.
        messages: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_numbered_without_gaps_and_named_once() {
        for (at, code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(*code as usize, at + 1);
            let same_name = ErrorCode::ALL
                .iter()
                .filter(|other| other.code() == code.code());
            assert_eq!(same_name.count(), 1, "{}", code.code());
        }
    }
}
