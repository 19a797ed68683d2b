//! Links between realms: the frames, the streams and the transport that carries them.
//!
//! What goes over a link, the rules, and what each of them prevents: [`protocol`].

mod codec;
pub mod frame;
pub mod key;
#[cfg(test)]
mod model;
mod noise;
pub mod protocol;
pub(crate) mod seen;
pub(crate) mod stream;
mod strict;
pub mod transport;
