#![doc = include_str!("protocol.md")]
#![doc = include_str!("protocol/streams.md")]
#![doc = include_str!("protocol/names.md")]
#![doc = include_str!("protocol/traffic.md")]
#![doc = include_str!("protocol/reasons.md")]

#[cfg(test)]
mod tests;
