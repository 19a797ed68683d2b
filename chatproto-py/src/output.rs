//! What a realm asks for, as Python objects.

use crate::class::{PrivateBytes, plain_classes};
use crate::driver::{Driver, Step};
use crate::event;
use crate::work;
use chatproto::Output as EngineOutput;
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use std::sync::Arc;

/// Something that a realm asks for, or tells: what `Realm.outputs` gives.
#[pyclass(frozen, subclass, module = "chatproto")]
pub(crate) struct Output;

impl Output {
    pub(crate) fn above() -> PyClassInitializer<Self> {
        PyClassInitializer::from(Self)
    }
}

plain_classes! { Output Output::above();
    /// `Realm.outgoing` has bytes for a connection. It is not said again before all are sent.
    Send {
        /// The connection.
        connection: u64,
    }
    /// Read no more from a connection for now: enough waits inside.
    PauseRead {
        /// The connection.
        connection: u64,
    }
    /// Read from a connection again.
    ResumeRead {
        /// The connection.
        connection: u64,
    }
    /// Close a connection: all was written, or will not be. Its number means nothing any more.
    Close {
        /// The connection.
        connection: u64,
        /// Why: "ended", "quit", "refused", "idle_evicted", "slow_reader", "shut_down" or
        /// "store_broken".
        reason: String,
    }
    /// `Realm.link_outgoing` has frames that it had not when it was called last.
    LinkSend {
        /// The link.
        link: u64,
    }
    /// Write what was taken before, then close a link. Its number means nothing any more.
    LinkClose {
        /// The link.
        link: u64,
        /// Why: "down", "replaced", "dead", "protocol", "slow", "bye", "paused", "removed" or
        /// "shut_down".
        reason: String,
    }
    /// Connect to a peer, then call `Realm.link_up`, or `Realm.dial_failed`.
    Dial {
        /// The peer.
        peer: String,
    }
    /// The answer to `Realm.execute`, as a client would read it.
    Reply {
        /// What `Realm.execute` returned.
        request: u64,
        /// JSON and CR LF CR LF.
        data: PrivateBytes,
    }
}

/// Makes the object of a step; none for what this package cannot be asked for.
pub(crate) fn object(
    py: Python<'_>,
    step: Step,
    driver: &Arc<Driver>,
) -> PyResult<Option<Py<PyAny>>> {
    let output = match step {
        Step::Job(job) => return work::object(py, job, driver).map(Some),
        Step::Output(output) => output,
    };
    let object = match output {
        EngineOutput::Send(id) => Send {
            connection: id.as_u64(),
        }
        .object(py),
        EngineOutput::PauseRead(id) => PauseRead {
            connection: id.as_u64(),
        }
        .object(py),
        EngineOutput::ResumeRead(id) => ResumeRead {
            connection: id.as_u64(),
        }
        .object(py),
        EngineOutput::Close(id, reason) => Close {
            connection: id.as_u64(),
            reason: reason.word().to_owned(),
        }
        .object(py),
        EngineOutput::LinkSend(id) => LinkSend { link: id.as_u64() }.object(py),
        EngineOutput::LinkClose(id, reason) => LinkClose {
            link: id.as_u64(),
            reason: reason.word().to_owned(),
        }
        .object(py),
        EngineOutput::Dial(peer) => Dial {
            peer: peer.to_string(),
        }
        .object(py),
        EngineOutput::Reply(request, data) => Reply {
            request: request.0,
            data: PrivateBytes(data),
        }
        .object(py),
        EngineOutput::Event(event) => return event::object(py, event),
        // Classic neighbours cannot be configured here, so nobody is called.
        _ => return Ok(None),
    };
    object.map(Some)
}
