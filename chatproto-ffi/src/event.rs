//! What a realm tells: a number, a word and, as JSON, the fields of each event of the engine.

use crate::clock::NEVER;
use chatproto::wire::json;
use chatproto::{ConnectionId, ErrorCode, Event, LinkCloseReason, RealmName, UserName};

/// Which event it is: one of the numbers `CHATPROTO_EVENT_...`.
///
/// What is said of each here are the fields of its JSON object. There a connection or a session is
/// a number; users, realms and groups go by their names; a `code` is the name of an error, as
/// `chatproto_error_name` has it, and a `why` the word for the reason why a link was closed. No
/// secret is ever in it.
pub type chatproto_event = i32;

/// A connection was one too many. Fields: connection, code.
pub const CHATPROTO_EVENT_REFUSED: chatproto_event = 1;
/// A login failed. Fields: connection, user, code.
pub const CHATPROTO_EVENT_LOGIN_FAILED: chatproto_event = 2;
/// Somebody logged in. Fields: connection, user, session.
pub const CHATPROTO_EVENT_LOGGED_IN: chatproto_event = 3;
/// A session ended. Fields: user, session.
pub const CHATPROTO_EVENT_LOGGED_OUT: chatproto_event = 4;
/// A private message was taken. Fields: session, from, to.
pub const CHATPROTO_EVENT_SENT: chatproto_event = 5;
/// An inbox was emptied. Fields: user, messages.
pub const CHATPROTO_EVENT_INBOX_READ: chatproto_event = 6;
/// Messages of an inbox were shown and left in place. Fields: user, messages.
pub const CHATPROTO_EVENT_INBOX_PEEKED: chatproto_event = 7;
/// Messages that had been shown were taken out of an inbox. Fields: user, messages.
pub const CHATPROTO_EVENT_INBOX_ACKED: chatproto_event = 8;
/// Messages that had been taken out before were shown. Fields: user, messages.
pub const CHATPROTO_EVENT_HISTORY_READ: chatproto_event = 9;
/// Somebody asked who is logged in. Fields: user.
pub const CHATPROTO_EVENT_ACTIVE_USERS_READ: chatproto_event = 10;
/// A connection joined a live group. Fields: connection, user, group, home.
pub const CHATPROTO_EVENT_GROUP_JOINED: chatproto_event = 11;
/// A connection left a live group. Fields: connection, user, group.
pub const CHATPROTO_EVENT_GROUP_LEFT: chatproto_event = 12;
/// A line or a live message came in; secrets are masked, control characters are as they came.
/// Fields: connection, text.
pub const CHATPROTO_EVENT_RECEIVED: chatproto_event = 13;
/// A reply went out; secrets are masked. Fields: connection, text.
pub const CHATPROTO_EVENT_REPLIED: chatproto_event = 14;
/// A link with a peer is up. Fields: peer.
pub const CHATPROTO_EVENT_LINK_UP: chatproto_event = 15;
/// A connection with a peer ended before the peer had said hello; told once in a row. Fields: peer,
/// why.
pub const CHATPROTO_EVENT_LINK_FAILED: chatproto_event = 16;
/// The link with a peer is gone. Fields: peer, why.
pub const CHATPROTO_EVENT_LINK_DOWN: chatproto_event = 17;
/// Mail of a peer could not be kept; its sender is told. Fields: peer, code.
pub const CHATPROTO_EVENT_MAIL_REFUSED: chatproto_event = 18;
/// One side of a link has forgotten what it had acknowledged: its data are older than that, or
/// gone. Fields: peer, missing.
pub const CHATPROTO_EVENT_HISTORY_TRUNCATED: chatproto_event = 19;
/// A peer has had more of this realm's messages than the realm knows of: its data are an older
/// copy. What waits is numbered anew, so that nothing is lost or doubled from now on. Fields: peer.
pub const CHATPROTO_EVENT_OLDER_COPY: chatproto_event = 20;
/// A peer has begun its messages anew: its data are new, or an older copy. What it had accepted and
/// not sent may be lost. Fields: peer.
pub const CHATPROTO_EVENT_PEER_RENEWED: chatproto_event = 21;
/// Messages for a peer were given up, since they were too old or the peer is none any more; their
/// senders are told. Fields: peer, messages, code.
pub const CHATPROTO_EVENT_MAIL_GIVEN_UP: chatproto_event = 22;
/// Messages for a peer that is none any more were under way: nobody will ever say whether they
/// arrived. Fields: peer, messages.
pub const CHATPROTO_EVENT_MAIL_UNKNOWN: chatproto_event = 23;
/// A peer said why it closes the link. Fields: peer, code, text.
pub const CHATPROTO_EVENT_PEER_SAID: chatproto_event = 24;
/// A peer broke the protocol. Fields: peer, what.
pub const CHATPROTO_EVENT_PEER_MISBEHAVED: chatproto_event = 25;
/// A message of a classic neighbour was taken. Nothing proves who wrote it. Fields: connection,
/// peer, from, to.
pub const CHATPROTO_EVENT_CLASSIC_RECEIVED: chatproto_event = 26;
/// A message to a classic neighbour came to nothing, or it is not known what came of it; its sender
/// was told. Told once in a row for each neighbour and reason. Fields: peer, code.
pub const CHATPROTO_EVENT_CLASSIC_FAILED: chatproto_event = 27;
/// The store is full; changes are refused until it is not.
pub const CHATPROTO_EVENT_STORE_FULL: chatproto_event = 28;
/// The store has room again.
pub const CHATPROTO_EVENT_STORE_RECOVERED: chatproto_event = 29;
/// Messages could not be read from the store.
pub const CHATPROTO_EVENT_FETCH_FAILED: chatproto_event = 30;
/// A password could not be hashed or checked: the machine lacks memory for it.
pub const CHATPROTO_EVENT_PASSWORD_FAILED: chatproto_event = 31;
/// The store is broken; the realm has stopped.
pub const CHATPROTO_EVENT_STORE_BROKEN: chatproto_event = 32;

/// An event as C is told of it.
pub(crate) struct Told {
    pub(crate) number: chatproto_event,
    pub(crate) name: &'static str,
    /// The connection it is about; `NEVER` if it is about none.
    pub(crate) connection: u64,
}

macro_rules! events {
    ($($variant:ident { $($field:ident),* } = $number:ident $name:literal;)*) => {
        /// Tells of an event and writes its fields as one JSON object into `json`, in place of what
        /// is there; nothing of one that is newer than this file, of which a test would tell.
        pub(crate) fn told(event: &Event, json: &mut Vec<u8>) -> Option<Told> {
            let mut object = Object::new(json);
            let (number, name) = match event {
                $(Event::$variant { $($field),* } => {
                    $(object.field(stringify!($field), $field);)*
                    ($number, $name)
                })*
                _ => return None,
            };
            Some(object.told(number, name))
        }

        /// The variants, as they are called here.
        #[cfg(test)]
        const ALL: &[(&str, chatproto_event, &str)] =
            &[$((stringify!($variant), $number, $name),)*];
    };
}

events! {
    Refused { connection, code } = CHATPROTO_EVENT_REFUSED "refused";
    LoginFailed { connection, user, code } = CHATPROTO_EVENT_LOGIN_FAILED "login_failed";
    LoggedIn { connection, user, session } = CHATPROTO_EVENT_LOGGED_IN "logged_in";
    LoggedOut { user, session } = CHATPROTO_EVENT_LOGGED_OUT "logged_out";
    Sent { session, from, to } = CHATPROTO_EVENT_SENT "sent";
    InboxRead { user, messages } = CHATPROTO_EVENT_INBOX_READ "inbox_read";
    InboxPeeked { user, messages } = CHATPROTO_EVENT_INBOX_PEEKED "inbox_peeked";
    InboxAcked { user, messages } = CHATPROTO_EVENT_INBOX_ACKED "inbox_acked";
    HistoryRead { user, messages } = CHATPROTO_EVENT_HISTORY_READ "history_read";
    ActiveUsersRead { user } = CHATPROTO_EVENT_ACTIVE_USERS_READ "active_users_read";
    GroupJoined { connection, user, group, home } = CHATPROTO_EVENT_GROUP_JOINED "group_joined";
    GroupLeft { connection, user, group } = CHATPROTO_EVENT_GROUP_LEFT "group_left";
    Received { connection, text } = CHATPROTO_EVENT_RECEIVED "received";
    Replied { connection, text } = CHATPROTO_EVENT_REPLIED "replied";
    LinkUp { peer } = CHATPROTO_EVENT_LINK_UP "link_up";
    LinkFailed { peer, why } = CHATPROTO_EVENT_LINK_FAILED "link_failed";
    LinkDown { peer, why } = CHATPROTO_EVENT_LINK_DOWN "link_down";
    MailRefused { peer, code } = CHATPROTO_EVENT_MAIL_REFUSED "mail_refused";
    HistoryTruncated { peer, missing } = CHATPROTO_EVENT_HISTORY_TRUNCATED "history_truncated";
    OlderCopy { peer } = CHATPROTO_EVENT_OLDER_COPY "older_copy";
    PeerRenewed { peer } = CHATPROTO_EVENT_PEER_RENEWED "peer_renewed";
    MailGivenUp { peer, messages, code } = CHATPROTO_EVENT_MAIL_GIVEN_UP "mail_given_up";
    MailUnknown { peer, messages } = CHATPROTO_EVENT_MAIL_UNKNOWN "mail_unknown";
    PeerSaid { peer, code, text } = CHATPROTO_EVENT_PEER_SAID "peer_said";
    PeerMisbehaved { peer, what } = CHATPROTO_EVENT_PEER_MISBEHAVED "peer_misbehaved";
    ClassicReceived { connection, peer, from, to } = CHATPROTO_EVENT_CLASSIC_RECEIVED "classic_received";
    ClassicFailed { peer, code } = CHATPROTO_EVENT_CLASSIC_FAILED "classic_failed";
    StoreFull {} = CHATPROTO_EVENT_STORE_FULL "store_full";
    StoreRecovered {} = CHATPROTO_EVENT_STORE_RECOVERED "store_recovered";
    FetchFailed {} = CHATPROTO_EVENT_FETCH_FAILED "fetch_failed";
    PasswordFailed {} = CHATPROTO_EVENT_PASSWORD_FAILED "password_failed";
    StoreBroken {} = CHATPROTO_EVENT_STORE_BROKEN "store_broken";
}

/// A JSON object under way, in memory that is used again: an event may come with each command.
struct Object<'a> {
    json: &'a mut Vec<u8>,
    connection: u64,
}

impl<'a> Object<'a> {
    fn new(json: &'a mut Vec<u8>) -> Self {
        json.clear();
        json.push(b'{');
        let connection = NEVER;
        Self { json, connection }
    }

    fn field(&mut self, name: &str, value: &impl Field) {
        if self.json.len() > 1 {
            self.json.extend_from_slice(b", ");
        }
        json::string(self.json, name);
        self.json.extend_from_slice(b": ");
        value.put(self);
    }

    fn text(&mut self, text: &str) {
        json::string(self.json, text);
    }

    fn number(&mut self, number: u64) {
        json::number(self.json, number);
    }

    fn told(self, number: chatproto_event, name: &'static str) -> Told {
        self.json.push(b'}');
        Told {
            number,
            name,
            connection: self.connection,
        }
    }
}

/// What stands in a field of an event.
trait Field {
    fn put(&self, object: &mut Object<'_>);
}

macro_rules! fields {
    ($($value:ident, $object:ident: $type:ty => $put:expr;)*) => {$(
        impl Field for $type {
            fn put(&self, $object: &mut Object<'_>) {
                let $value = self;
                $put;
            }
        }
    )*};
}

fields! {
    number, object: u64 => object.number(*number);
    id, object: ConnectionId => {
        object.connection = id.as_u64();
        object.number(id.as_u64());
    };
    text, object: String => object.text(text);
    name, object: UserName => object.text(name.as_str());
    name, object: RealmName => object.text(name.as_str());
    code, object: ErrorCode => object.text(code.code());
    why, object: LinkCloseReason => object.text(why.word());
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const OUTPUT: &str = include_str!("../../chatproto/src/output.rs");

    /// The variants of an enum of the engine, read off its source.
    pub(crate) fn variants(source: &'static str, name: &str) -> Vec<&'static str> {
        let (_, rest) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
        let (body, _) = rest.split_once("\n}\n").unwrap();
        let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
        lines
            .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
            .map(|line| line.split([' ', ',', '(']).next().unwrap())
            .collect()
    }

    /// `LoggedIn` as `logged_in`.
    pub(crate) fn snake(name: &str) -> String {
        let mut word = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && !word.is_empty() {
                word.push('_');
            }
            word.push(letter.to_ascii_lowercase());
        }
        word
    }

    #[test]
    fn every_event_has_a_number_and_its_own_name() {
        let engines = variants(OUTPUT, "Event");

        let here: Vec<_> = ALL.iter().map(|(variant, ..)| *variant).collect();
        assert_eq!(here, engines);
        for (at, (variant, number, name)) in ALL.iter().enumerate() {
            assert_eq!(*number, i32::try_from(at).unwrap() + 1, "{variant}");
            assert_eq!(*name, snake(variant));
        }
    }

    #[test]
    fn fields_are_one_json_object() {
        let event = Event::LoginFailed {
            connection: ConnectionId::from_u64(7),
            user: "a\"é".to_owned(),
            code: ErrorCode::WrongPassword,
        };

        let mut json = b"what was there".to_vec();
        let told = told(&event, &mut json).unwrap();

        assert_eq!(
            (told.number, told.name, told.connection),
            (2, "login_failed", 7)
        );
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"connection": 7, "user": "a\"\u00e9", "code": "wrong_password"}"#
        );
    }

    #[test]
    fn an_event_without_fields_has_an_empty_object() {
        let mut json = Vec::new();
        let told = told(&Event::StoreFull, &mut json).unwrap();

        assert_eq!((told.name, told.connection), ("store_full", NEVER));
        assert_eq!(json, b"{}");
    }
}
