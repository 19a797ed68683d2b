//! The native half of the Python package `chatproto`.
#![forbid(unsafe_code)]
#![allow(
    clippy::doc_markdown,
    reason = "what is said of classes and methods is read with Python's `help`, where their names stand bare"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "what Python gives is given by value"
)]

use pyo3::prelude::*;

mod bytes;
mod chat;
mod class;
mod clock;
mod desk;
mod driver;
mod error;
mod event;
mod fork;
mod frame;
mod inbox;
mod json;
mod key;
mod output;
mod peer;
mod realm;
mod settings;
mod transport;
mod user;
mod work;

/// What `chatproto` is made of; import that instead.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::error::{
        ChatProtoError, ConfigError, ForkError, InternalError, InvalidNameError, LimitError,
        LinkError, MisuseError, StoreError, error_codes,
    };
    #[pymodule_export]
    use super::event::{
        ActiveUsersRead, Event, FetchFailed, GroupJoined, GroupLeft, HistoryRead, HistoryTruncated,
        InboxAcked, InboxPeeked, InboxRead, LinkDown, LinkFailed, LinkUp, LoggedIn, LoggedOut,
        LoginFailed, MailGivenUp, MailRefused, MailUnknown, OlderCopy, PasswordFailed,
        PeerMisbehaved, PeerRenewed, PeerSaid, Received, Refused, Replied, Sent, StoreBroken,
        StoreFull, StoreRecovered,
    };
    #[pymodule_export]
    use super::output::{
        Close, Dial, LinkClose, LinkSend, Output, PauseRead, Reply, ResumeRead, Send,
    };
    #[pymodule_export]
    use super::{
        chat::BaseChat,
        clock::Moment,
        frame::Frame,
        key::StaticKey,
        peer::{Peer, PeerStatus},
        realm::Realm,
        transport::{LinkTransport, TransportConfig, Up},
        user::User,
        work::Work,
    };
    use super::{error, fork};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        error::set_codes(module.py())?;
        fork::watch(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
