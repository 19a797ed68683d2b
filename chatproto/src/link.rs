//! Links between realms: the frames, the streams and the transport that carries them.

mod codec;
pub mod frame;
pub mod key;
#[cfg(test)]
mod model;
mod noise;
pub(crate) mod seen;
pub(crate) mod stream;
mod strict;
pub mod transport;
