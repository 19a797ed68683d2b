//! chatproto: a chat realm as a deterministic state machine.
//!
//! The crate has all the rules of a realm (logins, inboxes, live groups, streams to other realms)
//! and no I/O: [`Realm`] takes bytes, frames and the time, and gives bytes, frames and records. A
//! driver of a few dozen lines makes it a server; `examples/realmd` is one for production.
//!
//! Begin at [`Realm`]; what it is made of is in [`Config`], what it asks for in [`Output`], and what
//! runs on a link's socket in [`link::transport::LinkTransport`]. How realms speak to each other is
//! specified, with diagrams and sample traffic, in [`link::protocol`].
#![forbid(unsafe_code)]

mod account;
pub mod client;
mod config;
mod directory;
mod envelope;
mod error;
mod group;
mod id;
mod inbox;
#[cfg(feature = "files")]
pub mod key_file;
mod limits;
pub mod link;
mod name;
mod output;
mod password;
mod post;
mod random;
mod realm;
mod record;
mod secret;
mod send_key;
mod session;
mod slots;
pub mod store;
mod time;
pub mod wire;
#[cfg(feature = "sqlite")]
pub mod work;

pub use config::{Config, ConfigError, Detail, PeerConfig, PeerKind, UserConfig};
pub use envelope::{Envelope, EnvelopeError, Kind, Vouched};
pub use error::{ErrorCode, Misuse, PeerError};
pub use id::{PeerId, RemoteId, UserId};
pub use limits::{LimitError, Limits};
pub use link::frame::Frame;
pub use link::transport::Direction;
pub use name::{Address, GroupName, NAME_BYTES_MAX, NameError, RealmName, UserName};
pub use output::{
    ClassicAnswer, ClassicCall, CloseReason, Connection, ConnectionId, Event, LinkCloseReason,
    LinkId, Output, RequestId,
};
pub use password::{
    Argon2Cost, Password, PasswordAnswer, PasswordError, PasswordHash, PasswordJob, Passwords,
};
pub use realm::{PeerState, PeerStatus, Profile, Realm, Restore, RestoreError};
pub use record::{Batch, Post, PostState, Record, Sender, StoreFailure};
pub use secret::{Secret, Token, TokenHash};
pub use time::{Deadline, Now};

/// The programs in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
