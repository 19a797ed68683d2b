//! The realm server: chat realms on sockets, around the engine of [`chatproto`].
//!
//! A whole server inside another program takes a few lines:
//!
//! ```
//! let settings = realmd::Settings::from_toml(
//!     r#"
//!     name = "realm1"
//!     client = { address = "127.0.0.1:0" }
//!     users = [{ name = "messi", display_name = "Lionel Messi", password = "surabaya" }]
//!     "#,
//! )?;
//! let server = realmd::Server::start(settings)?;
//! println!("{} listens on {}", server.name(), server.client_address());
//! server.stop()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod chat;
mod classic;
mod cli;
mod clients;
mod clock;
mod driver;
mod escape;
mod hash_password;
mod hashes;
mod journal;
mod keygen;
mod keys;
mod links;
mod listener;
mod log;
mod operate;
mod peer_show;
mod rare;
mod reload;
mod run;
mod server;
mod settings;
mod signals;
mod store;

pub use cli::main;
pub use keys::KeyFileError;
pub use listener::ListenError;
pub use reload::ReloadError;
pub use server::{Server, StartError};
pub use settings::{
    ClassicSettings, Listen, PeerSecurity, PeerSettings, Settings, SettingsError, StoreSettings,
    check_together,
};
