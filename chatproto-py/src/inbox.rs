//! An emptied inbox as Python objects.

use crate::names::Names;
use chatproto::wire::packed::Inbox;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString};

/// The reply without its messages: copying a dictionary takes less than filling one.
static BEGUN: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

/// Whoever has written, and what.
struct Sender<'py> {
    name: Bound<'py, PyString>,
    from: Bound<'py, PyString>,
    messages: Vec<Bound<'py, PyDict>>,
}

/// Makes the reply that tells of an inbox.
pub(crate) fn reply<'py>(
    py: Python<'py>,
    inbox: Inbox<'_>,
    names: &Names,
) -> PyResult<Bound<'py, PyDict>> {
    let count = inbox.messages.size_hint().1.unwrap_or_default();
    let mut senders = Vec::new();
    for sender in inbox.senders {
        senders.push(Sender {
            name: names.string(py, sender.name)?,
            from: names.string(py, sender.display_name)?,
            // Most often all are from one.
            messages: Vec::with_capacity(if senders.is_empty() { count } else { 0 }),
        });
    }
    let to = names.string(py, inbox.owner)?;
    for message in inbox.messages {
        if let Some(sender) = senders.get_mut(message.sender) {
            sender.add(&to, PyString::from_bytes(py, message.text)?)?;
        }
    }
    let messages = PyDict::new(py);
    for sender in senders {
        messages.set_item(sender.name, PyList::new(py, sender.messages)?)?;
    }
    let reply = begun(py)?.copy()?;
    reply.set_item(intern!(py, "messages"), messages)?;
    Ok(reply)
}

impl<'py> Sender<'py> {
    /// Adds a message. It differs from the first one in its text alone.
    fn add(&mut self, to: &Bound<'py, PyString>, text: Bound<'py, PyString>) -> PyResult<()> {
        let py = to.py();
        let message = if let Some(first) = self.messages.first() {
            first.copy()?
        } else {
            let message = PyDict::new(py);
            message.set_item(intern!(py, "msg_from"), &self.from)?;
            message.set_item(intern!(py, "msg_to"), to)?;
            message
        };
        message.set_item(intern!(py, "msg"), text)?;
        self.messages.push(message);
        Ok(())
    }
}

fn begun(py: Python<'_>) -> PyResult<&Bound<'_, PyDict>> {
    let begun = BEGUN.get_or_try_init(py, || {
        let begun = PyDict::new(py);
        begun.set_item(intern!(py, "status"), intern!(py, "OK"))?;
        begun.set_item(intern!(py, "messages"), py.None())?;
        Ok::<_, PyErr>(begun.unbind())
    })?;
    Ok(begun.bind(py))
}
