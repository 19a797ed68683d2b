//! An emptied inbox as Python objects.

use chatproto::wire::packed::Inbox;
use hashbrown::HashMap;
use parking_lot::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString};
use std::sync::Arc;

/// How many people are kept, each in some 500 bytes; with one more all are forgotten.
const KEPT_MAX: usize = 16_384;

/// The reply without its messages: copying a dictionary takes less than filling one.
static BEGUN: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

/// What was made of inboxes' heads: an inbox is asked for again and again, and the same people write.
#[derive(Default)]
pub(crate) struct Heads {
    /// The lock is held for looking one up or adding it, while nothing of Python's runs.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    heads: HashMap<Box<[u8]>, Arc<Head>>,
    people: usize,
}

/// To whom an inbox belongs, and who has written.
struct Head {
    owner: Py<PyString>,
    senders: Vec<Sender>,
}

/// Whoever has written.
struct Sender {
    name: Py<PyString>,
    display_name: Py<PyString>,
    /// A message without its text, to be copied; most have written nothing new.
    begun: PyOnceLock<Py<PyDict>>,
}

/// A message that is still to be made.
struct Shown<'a, 'py> {
    begun: &'a Bound<'py, PyDict>,
    text: &'a [u8],
}

/// Makes the reply that tells of an inbox.
pub(crate) fn reply<'py>(
    py: Python<'py>,
    inbox: Inbox<'_>,
    heads: &Heads,
) -> PyResult<Bound<'py, PyDict>> {
    let head = heads.head(py, &inbox)?;
    let listed = PyDict::new(py);
    if let [sender] = &*head.senders {
        // As it is most often; then there is nothing to sort.
        let begun = sender.begun(py, &head.owner)?;
        let shown = inbox.messages.map(|message| Shown {
            begun,
            text: message.text,
        });
        listed.set_item(&sender.name, PyList::new(py, shown)?)?;
    } else {
        let mut sorted = Vec::new();
        sorted.resize_with(head.senders.len(), Vec::new);
        for message in inbox.messages {
            let at = message.sender;
            if let (Some(sender), Some(own)) = (head.senders.get(at), sorted.get_mut(at)) {
                let begun = sender.begun(py, &head.owner)?;
                let text = message.text;
                own.push(Shown { begun, text });
            }
        }
        for (sender, own) in head.senders.iter().zip(sorted) {
            listed.set_item(&sender.name, PyList::new(py, own)?)?;
        }
    }
    let reply = begun(py)?.copy()?;
    reply.set_item(intern!(py, "messages"), listed)?;
    Ok(reply)
}

impl<'py> IntoPyObject<'py> for Shown<'_, 'py> {
    type Target = PyDict;
    type Output = Bound<'py, PyDict>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shown = self.begun.copy()?;
        shown.set_item(intern!(py, "msg"), PyString::from_bytes(py, self.text)?)?;
        Ok(shown)
    }
}

impl Heads {
    fn head(&self, py: Python<'_>, inbox: &Inbox<'_>) -> PyResult<Arc<Head>> {
        if let Some(known) = self.known.lock().heads.get(inbox.head) {
            return Ok(Arc::clone(known));
        }
        let string = |text| PyString::from_bytes(py, text).map(Bound::unbind);
        let senders = inbox.senders.clone().map(|sender| {
            Ok(Sender {
                name: string(sender.name)?,
                display_name: string(sender.display_name)?,
                begun: PyOnceLock::new(),
            })
        });
        let head = Arc::new(Head {
            owner: string(inbox.owner)?,
            senders: senders.collect::<PyResult<_>>()?,
        });
        let people = 1 + head.senders.len();
        if people <= KEPT_MAX {
            let mut known = self.known.lock();
            let is_full = known.people + people > KEPT_MAX;
            let forgotten = is_full.then(|| std::mem::take(&mut *known));
            let before = known.heads.insert(inbox.head.into(), Arc::clone(&head));
            known.people += if before.is_none() { people } else { 0 };
            drop(known);
            drop((forgotten, before));
        }
        Ok(head)
    }
}

impl Sender {
    fn begun<'py>(&self, py: Python<'py>, owner: &Py<PyString>) -> PyResult<&Bound<'py, PyDict>> {
        let begun = self.begun.get_or_try_init(py, || {
            let begun = PyDict::new(py);
            begun.set_item(intern!(py, "msg_from"), &self.display_name)?;
            begun.set_item(intern!(py, "msg_to"), owner)?;
            begun.set_item(intern!(py, "msg"), py.None())?;
            Ok::<_, PyErr>(begun.unbind())
        })?;
        Ok(begun.bind(py))
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
