//! Bytes to types and back: lines, commands, replies. No state but a half-read line.

pub mod classic;
pub mod command;
pub mod frame;
pub mod json;
pub mod packed;
pub mod reply;
