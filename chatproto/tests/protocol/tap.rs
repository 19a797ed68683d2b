//! Two realms on a link in plain mode, and somebody who listens in.

use crate::common::{Loading, Log, Pair, Site, example_with_peer, name, texts_of};
use crate::document;
use chatproto::link::transport::{
    LinkTransport, Security, TransportConfig, TransportEvent, TransportPeer,
};
use chatproto::{ConnectionId, Frame, Limits, LinkId};

const STREAM: &str = "\"stream\":\"";
const SENDER: &str = "\"kind\":\"mail\",\"sender\"";

/// What a realm of that number needs to know for a link in plain mode with the other.
pub(crate) fn plain(own: usize, peer: usize) -> TransportConfig {
    let security = Security::Plain;
    TransportConfig {
        own: name(&format!("realm{own}")),
        key: None,
        peers: vec![TransportPeer {
            name: name(&format!("realm{peer}")),
            security,
        }],
        limits: Limits::default(),
    }
}

/// The frames that have come, beside the word that the link is up.
pub(crate) fn frames(of: &mut LinkTransport) -> Vec<Frame> {
    let events = std::iter::from_fn(|| of.poll_event());
    let frames = events.filter_map(|event| match event {
        TransportEvent::Frame(frame) => Some(frame),
        _ => None,
    });
    frames.collect()
}

/// What a transport has to write, as text, once.
pub(crate) fn written(by: &mut LinkTransport) -> String {
    let text = String::from_utf8(by.outgoing().to_vec()).unwrap();
    by.sent(usize::MAX);
    text
}

/// The two example realms with stores, and what was overheard.
pub(crate) struct Tap {
    pub(crate) pair: Pair,
    ends: Option<(LinkTransport, LinkTransport)>,
    pub(crate) heard: Vec<String>,
    pub(crate) messi: (ConnectionId, String),
    pub(crate) amsal: (ConnectionId, String),
}

impl Tap {
    /// Both realms with somebody logged in, not linked yet.
    pub(crate) fn apart() -> Self {
        let one = example_with_peer(1, 2).durable(true);
        let two = example_with_peer(2, 1).durable(true);
        let mut pair = Pair::of(one, two);
        let messi = pair.one.enter("messi", "surabaya");
        let amsal = pair.two.enter("amsal", "jakarta");
        Self {
            pair,
            ends: None,
            heard: Vec::new(),
            messi,
            amsal,
        }
    }

    /// The same, linked, and nothing of that overheard.
    pub(crate) fn linked() -> Self {
        let mut tap = Self::apart();
        tap.dial();
        tap.settle();
        tap.heard.clear();
        tap
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.heard.push(format!("# {text}"));
    }

    /// realm1 dials realm2.
    pub(crate) fn dial(&mut self) {
        let now = self.pair.one.now;
        let mut dialler = LinkTransport::dial(&plain(1, 2), &name("realm2"), [1; 32], now);
        let mut acceptor = LinkTransport::accept(&plain(2, 1), [2; 32], now);
        let line = written(&mut dialler);
        self.heard.push(format!("realm1> {}", line.trim_end()));
        acceptor.receive(line.as_bytes(), now).unwrap();
        self.ends = Some((dialler, acceptor));
        self.pair.link();
    }

    pub(crate) fn cut(&mut self) {
        self.ends = None;
        self.pair.cut();
    }

    /// Carries one line from realm1 to realm2; false if there is none.
    pub(crate) fn there(&mut self) -> bool {
        let (Some((from, to)), Some((near, far))) = (&mut self.ends, self.pair.links) else {
            return false;
        };
        let line = carried(&mut self.pair.one, near, from, to);
        let Some((line, frames)) = line else {
            return false;
        };
        self.heard.push(format!("realm1> {}", line.trim_end()));
        self.pair.two.deliver(far, &frames);
        true
    }

    /// Carries one line from realm2 to realm1; false if there is none.
    pub(crate) fn back(&mut self) -> bool {
        let (Some((to, from)), Some((far, near))) = (&mut self.ends, self.pair.links) else {
            return false;
        };
        let line = carried(&mut self.pair.two, near, from, to);
        let Some((line, frames)) = line else {
            return false;
        };
        self.heard.push(format!("realm2> {}", line.trim_end()));
        self.pair.one.deliver(far, &frames);
        true
    }

    /// Carries all that is on the way, one side after the other; false if there was nothing.
    pub(crate) fn carry(&mut self) -> bool {
        let before = self.heard.len();
        while self.there() {}
        while self.back() {}
        self.heard.len() > before
    }

    /// The same, until there is no more, with stores that keep up.
    pub(crate) fn settle(&mut self) {
        let mut has_moved = true;
        while has_moved {
            has_moved = self.carry();
            self.commit();
            has_moved |= self.carry();
        }
    }

    pub(crate) fn commit(&mut self) {
        self.pair.one.commit();
        self.pair.two.commit();
    }

    /// A process dies, and the link with it. It is started with what a store holds.
    pub(crate) fn restart(&mut self, which: impl Fn(&mut Pair) -> &mut Site, store: Option<&Log>) {
        self.cut();
        let site = which(&mut self.pair);
        if let Some(store) = store {
            site.log = store.clone();
        }
        site.restart(Loading::Whole);
    }

    /// messi sends a message, and reads the answer.
    pub(crate) fn messi_sends(&mut self, to: &str, text: &str) -> String {
        let (id, token) = &self.messi;
        let line = format!("send {token} {to} {text}\r\n");
        self.pair.one.ask(*id, &line)
    }

    /// What is in amsal's inbox.
    pub(crate) fn amsal_reads(&mut self) -> Vec<String> {
        let (id, token) = &self.amsal;
        texts_of(&self.pair.two.ask(*id, &format!("inbox {token}\r\n")))
    }

    /// What is in messi's inbox.
    pub(crate) fn messi_reads(&mut self) -> Vec<String> {
        let (id, token) = &self.messi;
        texts_of(&self.pair.one.ask(*id, &format!("inbox {token}\r\n")))
    }

    /// Checks that the document shows what was overheard.
    pub(crate) fn check(&self, scene: &str) {
        document::check(scene, &self.heard);
    }

    /// The same, where it shows only what concerns realm1's stream of mail.
    pub(crate) fn check_mail(&self, scene: &str) {
        let id_of = |line: &str| {
            line.split_once(STREAM)
                .map(|(_, rest)| rest[..36].to_owned())
        };
        let begins = |line: &&String| line.starts_with("realm1>") && line.contains(SENDER);
        let lines = self.heard.iter();
        let ids: Vec<_> = lines.filter(begins).filter_map(|it| id_of(it)).collect();
        let is_shown = |line: &&String| {
            let id = id_of(line);
            line.starts_with('#') || id.is_some_and(|id| ids.contains(&id))
        };
        let shown: Vec<_> = self.heard.iter().filter(is_shown).cloned().collect();
        document::check(scene, &shown);
    }
}

/// Sends a realm's next frame as a line, and reads it at the other end.
fn carried(
    site: &mut Site,
    end: LinkId,
    from: &mut LinkTransport,
    to: &mut LinkTransport,
) -> Option<(String, Vec<Frame>)> {
    let frame = site.frames.entry(end).or_default().pop_front()?;
    from.send(&frame).unwrap();
    let line = written(from);
    to.receive(line.as_bytes(), site.now).unwrap();
    let read = frames(to);
    assert_eq!(read, [frame]);
    Some((line, read))
}
