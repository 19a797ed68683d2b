//! An emptied inbox as Python objects.

use chatproto::wire::packed::Inbox;
use hashbrown::HashMap;
use parking_lot::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString};
use std::sync::Arc;

/// How many heads are kept; with one more all are forgotten.
const KEPT_MAX: usize = 512;

/// Longer ones are not kept.
const HEAD_BYTES_MAX: usize = 512;

/// The reply without its messages: copying a dictionary takes less than filling one.
static BEGUN: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

/// What was made of inboxes' heads: an inbox is asked for again and again, and the same people write.
#[derive(Default)]
pub(crate) struct Heads {
    /// The lock is held for looking one up or adding it, while nothing of Python's runs.
    known: Mutex<HashMap<Box<[u8]>, Senders>>,
}

type Senders = Arc<[Sender]>;

/// Whoever has written.
struct Sender {
    name: Py<PyString>,
    /// A message without its text, to be copied.
    begun: Py<PyDict>,
}

/// Makes the reply that tells of an inbox.
pub(crate) fn reply<'py>(
    py: Python<'py>,
    inbox: Inbox<'_>,
    heads: &Heads,
) -> PyResult<Bound<'py, PyDict>> {
    let senders = heads.senders(py, &inbox)?;
    // All for the first one: most often all are from one.
    let mut room = inbox.messages.size_hint().1.unwrap_or_default();
    let with_room = |_| Vec::with_capacity(std::mem::take(&mut room));
    let mut messages: Vec<_> = senders.iter().map(with_room).collect();
    let msg = intern!(py, "msg");
    for message in inbox.messages {
        let at = message.sender;
        if let (Some(sender), Some(messages)) = (senders.get(at), messages.get_mut(at)) {
            let shown = sender.begun.bind(py).copy()?;
            shown.set_item(msg, PyString::from_bytes(py, message.text)?)?;
            messages.push(shown);
        }
    }
    let listed = PyDict::new(py);
    for (sender, messages) in senders.iter().zip(messages) {
        listed.set_item(sender.name.bind(py), PyList::new(py, messages)?)?;
    }
    let reply = begun(py)?.copy()?;
    reply.set_item(intern!(py, "messages"), listed)?;
    Ok(reply)
}

impl Heads {
    /// Whoever has written to an inbox.
    fn senders(&self, py: Python<'_>, inbox: &Inbox<'_>) -> PyResult<Senders> {
        if let Some(known) = self.known.lock().get(inbox.head) {
            return Ok(Arc::clone(known));
        }
        let to = PyString::from_bytes(py, inbox.owner)?;
        let senders = inbox.senders.clone().map(|sender| {
            let begun = PyDict::new(py);
            let from = PyString::from_bytes(py, sender.display_name)?;
            begun.set_item(intern!(py, "msg_from"), from)?;
            begun.set_item(intern!(py, "msg_to"), &to)?;
            begun.set_item(intern!(py, "msg"), py.None())?;
            Ok(Sender {
                name: PyString::from_bytes(py, sender.name)?.unbind(),
                begun: begun.unbind(),
            })
        });
        let senders = senders.collect::<PyResult<Senders>>()?;
        if inbox.head.len() <= HEAD_BYTES_MAX {
            let mut known = self.known.lock();
            let forgotten = (known.len() >= KEPT_MAX).then(|| std::mem::take(&mut *known));
            known.insert(inbox.head.into(), Arc::clone(&senders));
            drop(known);
            drop(forgotten);
        }
        Ok(senders)
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
