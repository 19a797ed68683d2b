//! The handshake and the channel.
