//! Keys as texts.
