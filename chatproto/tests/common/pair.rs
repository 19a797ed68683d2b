//! Two realms in virtual time.

use super::{Loading, Site, example_with_peer};
use chatproto::{Config, Direction, LinkId, Record};

/// Two realms and the link between them.
pub(crate) struct Pair {
    pub(crate) one: Site,
    pub(crate) two: Site,
    pub(crate) links: Option<(LinkId, LinkId)>,
}

impl Pair {
    /// The two example realms, linked.
    pub(crate) fn new() -> Self {
        let mut pair = Self::of(example_with_peer(1, 2), example_with_peer(2, 1));
        pair.connect();
        pair
    }

    /// Any two realms, not linked yet.
    pub(crate) fn of(one: Config, two: Config) -> Self {
        Self {
            one: Site::seeded(one, 1),
            two: Site::seeded(two, 2),
            links: None,
        }
    }

    /// The first realm has dialled the second.
    pub(crate) fn link(&mut self) {
        let (one, two) = (
            self.one.realm.name().to_string(),
            self.two.realm.name().to_string(),
        );
        let dialled = self.one.link_up(&two, Direction::Dialled);
        let accepted = self.two.link_up(&one, Direction::Accepted);
        self.links = Some((dialled, accepted));
    }

    pub(crate) fn connect(&mut self) {
        self.link();
        self.pump();
    }

    /// Carries one frame from the first realm to the second; false if there is none.
    pub(crate) fn step_there(&mut self) -> bool {
        let Some((one, two)) = self.links else {
            return false;
        };
        let frame = self.one.frames.entry(one).or_default().pop_front();
        frame.is_some_and(|frame| {
            self.two.deliver(two, &[frame]);
            true
        })
    }

    /// Carries one frame from the second realm to the first; false if there is none.
    pub(crate) fn step_back(&mut self) -> bool {
        let Some((one, two)) = self.links else {
            return false;
        };
        let frame = self.two.frames.entry(two).or_default().pop_front();
        frame.is_some_and(|frame| {
            self.one.deliver(one, &[frame]);
            true
        })
    }

    /// Carries frames both ways until none is left.
    pub(crate) fn pump(&mut self) {
        while self.step_there() | self.step_back() {}
    }

    /// The link breaks; what is on it is lost.
    pub(crate) fn cut(&mut self) {
        if let Some((one, two)) = self.links.take() {
            self.one.link_down(one);
            self.two.link_down(two);
        }
    }

    /// The first realm's process dies, and another one is started.
    pub(crate) fn restart_one(&mut self, loading: Loading) {
        self.cut();
        self.one.restart(loading);
    }

    /// The second realm's process dies, and another one is started.
    pub(crate) fn restart_two(&mut self, loading: Loading) {
        self.cut();
        self.two.restart(loading);
    }

    /// Carries frames and commits until the first realm has stored that a message of its was
    /// refused; the bounce is not there yet.
    pub(crate) fn settle_until_refused(&mut self) {
        for _ in 0..100 {
            let mut records = self.one.log.records.iter();
            if records.any(|record| matches!(record, Record::BounceDue { .. })) {
                return;
            }
            self.two.commit();
            self.step_there();
            self.step_back();
            self.one.commit();
        }
        panic!("nothing was refused");
    }

    /// Carries frames and commits both ways until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..20 {
            self.pump();
            self.one.commit();
            self.two.commit();
        }
        self.pump();
    }

    /// Lets the same time pass on both sides, with the link working in between.
    pub(crate) fn wait(&mut self, ms: u64) {
        let step = ms.div_ceil(20).max(1);
        let mut left = ms;
        while left > 0 {
            let part = step.min(left);
            self.one.wait(part);
            self.two.wait(part);
            self.pump();
            left -= part;
        }
    }
}
