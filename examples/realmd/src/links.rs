//! The links of a realm, seen from the thread that owns the realm.
//!
//! Sockets and transports live on a thread of their own; orders go there and word comes back.

mod mouth;
mod roster;
mod socket;
mod thread;

use crate::clock::Clock;
use crate::settings::PeerSettings;
use chatproto::link::key::StaticKey;
use chatproto::{Direction, Frame, Limits, LinkId, Misuse, Now, Realm, RealmName};
use mio::Waker;
use mio::net::TcpListener;
use roster::Roster;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::JoinHandle;

/// Word that may wait for the realm; the sockets are not read while there is more.
const WORDS_WAITING_MAX: usize = 64;
/// Frames that a link may have on their way to its socket.
const FRAMES_IN_FLIGHT_MAX: usize = 512;
/// Turns of the realm's loop in which orders may wait for others.
const TURNS_GATHERED_MAX: u32 = 2;

/// Numbers a socket, never twice.
pub(crate) type SocketKey = usize;

/// What the realm wants of the link thread.
#[derive(Debug)]
enum Order {
    /// Call this peer.
    Dial(RealmName),
    /// Send these frames, and tell when there was room for them.
    Send(SocketKey, Vec<Frame>),
    /// Write what was ordered before, and close.
    Close(SocketKey),
    /// These are the peers now.
    Peers(BTreeMap<RealmName, PeerSettings>),
    /// Close everything and end.
    Stop,
}

/// What the link thread tells the realm.
#[derive(Debug)]
enum Word {
    /// A transport knows who is there.
    Up(SocketKey, RealmName, Direction),
    /// Frames came in.
    Frames(SocketKey, Vec<Frame>),
    /// So many frames of those ordered had room.
    Taken(SocketKey, usize),
    /// A link that was up is gone.
    Down(SocketKey),
    /// A call led nowhere, and why.
    DialFailed(RealmName, Failure),
}

/// Why a peer cannot be called.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    /// What the realm may tell its users.
    why: String,
    /// What else the log tells, such as the path of a file.
    detail: Option<String>,
}

impl Failure {
    fn with(why: &str, detail: String) -> Self {
        Self {
            why: why.to_owned(),
            detail: Some(detail),
        }
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self { why, detail: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

struct Link {
    key: SocketKey,
    /// Frames ordered and not yet taken.
    in_flight: usize,
    /// It is among those that have frames to hand over.
    has_frames: bool,
    /// Its last words were handed over.
    is_ending: bool,
}

/// What the links of a realm begin with.
pub(crate) struct Beginning {
    pub(crate) realm: RealmName,
    /// The realm's own key; peers in noise mode need one.
    pub(crate) key: Option<StaticKey>,
    pub(crate) limits: Limits,
    pub(crate) peers: BTreeMap<RealmName, PeerSettings>,
    pub(crate) listener: Option<TcpListener>,
}

/// The links of one realm.
pub(crate) struct Links {
    orders: Sender<Order>,
    words: Receiver<Word>,
    waker: Arc<Waker>,
    /// The link thread waits for room to tell more.
    starved: Arc<AtomicBool>,
    by_key: BTreeMap<SocketKey, LinkId>,
    by_id: BTreeMap<LinkId, Link>,
    /// Links that have frames to hand over.
    sending: Vec<LinkId>,
    /// Orders were given since the last wake.
    ordered: bool,
    /// For how many turns they have waited for others.
    turns_gathered: u32,
    /// More was told than was heard.
    unheard: bool,
    thread: Option<JoinHandle<()>>,
}

impl Links {
    /// Starts the thread. `realm_waker` is how it makes itself heard.
    pub(crate) fn start(
        beginning: Beginning,
        clock: Clock,
        realm_waker: Arc<Waker>,
    ) -> io::Result<Self> {
        let (orders, received) = channel();
        let (told, words) = sync_channel(WORDS_WAITING_MAX);
        let starved = Arc::new(AtomicBool::new(false));
        let realm = mouth::Mouth::new(told, realm_waker, Arc::clone(&starved));
        let name = format!("{} links", beginning.realm);
        let Beginning {
            realm: own,
            key,
            limits,
            peers,
            listener,
        } = beginning;
        let roster = Roster::new(own, key, limits, peers);
        let thread = thread::LinkThread::new(roster, listener, clock, received, realm)?;
        let waker = thread.waker();
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || thread.run())?;
        Ok(Self {
            orders,
            words,
            waker,
            starved,
            by_key: BTreeMap::new(),
            by_id: BTreeMap::new(),
            sending: Vec::new(),
            ordered: false,
            turns_gathered: 0,
            unheard: false,
            thread: Some(thread),
        })
    }

    /// Passes on to the realm what the link thread told.
    pub(crate) fn hear(&mut self, realm: &mut Realm, now: Now) {
        self.unheard = true;
        for _ in 0..WORDS_WAITING_MAX {
            let Ok(word) = self.words.try_recv() else {
                self.unheard = false;
                break;
            };
            if let Err(misuse) = self.pass_on(word, realm, now) {
                tracing::error!("a bug in this server: {misuse}");
            }
        }
        if self.starved.swap(false, Ordering::SeqCst) {
            self.ordered = true;
        }
    }

    /// Whether there is more to hear at once.
    pub(crate) fn has_unheard(&self) -> bool {
        self.unheard
    }

    fn pass_on(&mut self, word: Word, realm: &mut Realm, now: Now) -> Result<(), Misuse> {
        match word {
            Word::Up(key, peer, direction) => match realm.link_up(&peer, direction, now) {
                Ok(id) => {
                    self.by_key.insert(key, id);
                    self.by_id.insert(
                        id,
                        Link {
                            key,
                            in_flight: 0,
                            has_frames: false,
                            is_ending: false,
                        },
                    );
                }
                // One that was taken out while it was on its way here.
                Err(Misuse::UnknownPeer) => self.order(Order::Close(key)),
                Err(misuse) => {
                    self.order(Order::Close(key));
                    return Err(misuse);
                }
            },
            Word::Frames(key, frames) => {
                if let Some(id) = self.by_key.get(&key) {
                    realm.link_frames(*id, &frames, now);
                }
            }
            Word::Taken(key, count) => {
                let Some(id) = self.by_key.get(&key).copied() else {
                    return Ok(());
                };
                if let Some(link) = self.by_id.get_mut(&id) {
                    link.in_flight = link.in_flight.saturating_sub(count);
                }
                // A link that the engine has just closed remembers no frames to be sent.
                if realm.link_sent(id, count, now).is_ok() {
                    self.note_frames(id, realm);
                }
            }
            Word::Down(key) => {
                if let Some(id) = self.by_key.remove(&key) {
                    self.by_id.remove(&id);
                    realm.link_down(id, now);
                }
            }
            Word::DialFailed(peer, why) => realm.dial_failed(&peer, &why.why, now)?,
        }
        Ok(())
    }

    /// Notes that a link has frames to send; they go to the link thread with the other orders.
    pub(crate) fn note_frames(&mut self, id: LinkId, realm: &mut Realm) {
        let Some(link) = self.by_id.get_mut(&id).filter(|link| !link.is_ending) else {
            return;
        };
        match realm.link_outgoing(id) {
            // Last words stand alone: what was in flight before them is forgotten.
            [words @ (Frame::Bye { .. } | Frame::Error { .. })] => {
                link.is_ending = true;
                let order = Order::Send(link.key, vec![words.clone()]);
                self.order(order);
            }
            frames if frames.len() > link.in_flight && !link.has_frames => {
                link.has_frames = true;
                self.sending.push(id);
            }
            _ => {}
        }
    }

    /// Hands over frames, as long as not too many are on their way.
    fn hand_over(&mut self, id: LinkId, realm: &mut Realm) {
        let Some(link) = self.by_id.get_mut(&id) else {
            return;
        };
        link.has_frames = false;
        let frames = realm.link_outgoing(id);
        let end = frames.len().min(FRAMES_IN_FLIGHT_MAX);
        // Those in flight still stand first: they are reported, and so removed, in order.
        let Some(fresh) = frames
            .get(link.in_flight..end)
            .filter(|fresh| !fresh.is_empty())
        else {
            return;
        };
        let order = Order::Send(link.key, fresh.to_vec());
        link.in_flight = end;
        self.order(order);
    }

    /// Closes a link that the engine is done with, once what was ordered before is written.
    pub(crate) fn close(&mut self, id: LinkId) {
        if let Some(link) = self.by_id.remove(&id) {
            self.by_key.remove(&link.key);
            self.order(Order::Close(link.key));
        }
    }

    /// Calls a peer.
    pub(crate) fn dial(&mut self, peer: RealmName) {
        self.order(Order::Dial(peer));
    }

    /// Takes other peers: they are linked with as is said from now on.
    pub(crate) fn meet(&mut self, peers: BTreeMap<RealmName, PeerSettings>) {
        self.order(Order::Peers(peers));
    }

    fn order(&mut self, order: Order) {
        // Without a receiver the thread has ended, and with it every link.
        self.ordered |= self.orders.send(order).is_ok();
    }

    /// Wakes the link thread if it has orders; but for a few turns they wait for others, as long as
    /// the realm has work. Returns whether orders are still waiting.
    ///
    /// A wake costs more than the order that it is for, and takes the processor from the clients.
    pub(crate) fn gather(&mut self, realm: &mut Realm) -> bool {
        let has_orders = self.ordered || !self.sending.is_empty();
        if has_orders && self.turns_gathered < TURNS_GATHERED_MAX {
            self.turns_gathered += 1;
            return true;
        }
        self.flush(realm);
        false
    }

    /// Gives the link thread what there is for it, and wakes it.
    pub(crate) fn flush(&mut self, realm: &mut Realm) {
        self.turns_gathered = 0;
        for id in std::mem::take(&mut self.sending) {
            self.hand_over(id, realm);
        }
        self.wake();
    }

    /// Wakes the link thread if it has orders.
    fn wake(&mut self) {
        if std::mem::take(&mut self.ordered)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!("the link thread cannot be woken: {error}");
        }
    }
}

impl Drop for Links {
    /// Ends the thread and waits for its last words, which are bounded in time.
    fn drop(&mut self) {
        self.order(Order::Stop);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the link thread ended with a bug of its own");
        }
    }
}
