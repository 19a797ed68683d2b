//! What goes over a link, opaque to Python.

use chatproto::Frame as EngineFrame;
use pyo3::prelude::*;

/// What one realm tells another over a link. It is made by a realm or a `LinkTransport` and handed to
/// the other of the two as it is.
#[pyclass(frozen, eq, module = "chatproto")]
#[derive(PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) frame: EngineFrame,
}

impl Frame {
    /// Makes objects of frames.
    pub(crate) fn all(frames: Vec<EngineFrame>) -> Vec<Self> {
        frames.into_iter().map(|frame| Self { frame }).collect()
    }
}

#[pymethods]
impl Frame {
    /// The frame's type: "hello", "env", "ack" and so on.
    #[getter]
    fn kind(&self) -> &'static str {
        match &self.frame {
            EngineFrame::Hello(_) => "hello",
            EngineFrame::Resume(_) => "resume",
            EngineFrame::Credit { .. } => "credit",
            EngineFrame::Env { .. } => "env",
            EngineFrame::Void { .. } => "void",
            EngineFrame::Ack { .. } => "ack",
            EngineFrame::Live(_) => "live",
            EngineFrame::Ask { .. } => "ask",
            EngineFrame::Answer { .. } => "answer",
            EngineFrame::Ping { .. } => "ping",
            EngineFrame::Pong { .. } => "pong",
            EngineFrame::Error { .. } => "error",
            EngineFrame::Bye { .. } => "bye",
            _ => "other",
        }
    }

    /// Returns the frame as it goes over a link, the texts of messages included; for a look at it.
    fn json(&self) -> String {
        self.frame.to_json()
    }

    fn __repr__(&self) -> String {
        format!("Frame(kind='{}')", self.kind())
    }
}
