//! What all threads of the test share: the weather, where the realms are, and what happened when.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) const REALMS: usize = 3;
/// What happened before is of no use to anybody.
const LINES_MAX: usize = 20_000;
/// What a story tells of.
const LINES_TOLD: usize = 60;
/// How long before and after something wrong its cause is looked for.
const AROUND_MS: u64 = 1_500;

/// Where a realm is now.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) clients: SocketAddr,
    pub(crate) links: SocketAddr,
}

/// What happens to a realm or a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Kill,
    KillAtStart,
    Stop,
    Restart,
    Cut,
    HalfCut,
    Delay,
    Stall,
    Trickle,
    Swallow,
    Flip,
    Refusal,
    Echo,
    Replay,
    Stranger,
}

const FAULTS: usize = Fault::Stranger as usize + 1;

#[derive(Default)]
pub(crate) struct Tally([AtomicU64; FAULTS]);

impl Tally {
    pub(crate) fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize].load(Ordering::SeqCst)
    }
}

pub(crate) struct World {
    began: Instant,
    began_unix_ms: u64,
    seed: u64,
    is_rough: AtomicBool,
    places: [Mutex<Option<Place>>; REALMS],
    happened: Mutex<VecDeque<(u64, String)>>,
    wrong: Mutex<Option<String>>,
    /// Messages that were answered OK.
    promised: AtomicU64,
    pub(crate) tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self {
            began: Instant::now(),
            began_unix_ms: unix.as_millis() as u64,
            seed,
            is_rough: AtomicBool::new(false),
            places: Default::default(),
            happened: Mutex::default(),
            wrong: Mutex::default(),
            promised: AtomicU64::new(0),
            tally: Tally::default(),
        }
    }

    pub(crate) fn ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// When a line was logged, which begins with the day and the time of the day; now if it does not.
    pub(crate) fn ms_of(&self, line: &str) -> u64 {
        let field = |from: usize, to| line.get(from..to).and_then(|it| it.parse::<u64>().ok());
        let fields = (field(11, 13), field(14, 16), field(17, 19), field(20, 23));
        let (Some(h), Some(m), Some(s), Some(ms)) = fields else {
            return self.ms();
        };
        let day_ms = 24 * 60 * 60 * 1_000;
        let of_day = ((h * 60 + m) * 60 + s) * 1_000 + ms;
        (of_day + day_ms - self.began_unix_ms % day_ms) % day_ms
    }

    /// Whether realms and lines suffer now.
    pub(crate) fn is_rough(&self) -> bool {
        self.is_rough.load(Ordering::SeqCst)
    }

    pub(crate) fn set_rough(&self, is_rough: bool) {
        self.is_rough.store(is_rough, Ordering::SeqCst);
        self.note(if is_rough {
            "faults begin"
        } else {
            "faults end"
        });
    }

    /// Sleeps as long as that, or until the faults end.
    pub(crate) fn nap(&self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        while self.is_rough() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
    }

    pub(crate) fn place(&self, realm: usize) -> Option<Place> {
        *self.places[realm].lock().unwrap()
    }

    pub(crate) fn set_place(&self, realm: usize, place: Option<Place>) {
        *self.places[realm].lock().unwrap() = place;
    }

    pub(crate) fn promise(&self) {
        self.promised.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn promised(&self) -> u64 {
        self.promised.load(Ordering::SeqCst)
    }

    // What happened.

    pub(crate) fn suffered(&self, fault: Fault, what: &str) {
        self.tally.0[fault as usize].fetch_add(1, Ordering::SeqCst);
        self.note(&format!("{fault:?}: {what}"));
    }

    pub(crate) fn note(&self, what: &str) {
        let mut happened = self.happened.lock().unwrap();
        if happened.len() >= LINES_MAX {
            happened.pop_front();
        }
        happened.push_back((self.ms(), what.to_owned()));
    }

    /// Notes what is wrong, by a thread that nobody waits for.
    pub(crate) fn accuse(&self, what: &str) {
        let at_ms = self.ms();
        let mut wrong = self.wrong.lock().unwrap();
        wrong.get_or_insert_with(|| self.story(what, at_ms, at_ms));
    }

    /// Fails if a thread has found something wrong.
    pub(crate) fn check(&self) {
        let wrong = self.wrong.lock().unwrap().take();
        assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    }

    /// Ends the test with the story of something that went wrong between two moments.
    pub(crate) fn fail(&self, what: &str, from_ms: u64, to_ms: u64) -> ! {
        let story = self.story(what, from_ms, to_ms);
        self.set_rough(false);
        panic!("{story}");
    }

    fn story(&self, what: &str, from_ms: u64, to_ms: u64) -> String {
        let seed = self.seed;
        let mut story = format!("{what}\nseed {seed}; what happened around it:\n");
        let around = from_ms.saturating_sub(AROUND_MS)..=to_ms + AROUND_MS;
        let happened = self.happened.lock().unwrap();
        let mut lines: Vec<_> = happened
            .iter()
            .filter(|(ms, _)| around.contains(ms))
            .collect();
        let more = lines.len().saturating_sub(LINES_TOLD);
        // What is nearest tells most.
        lines.sort_by_key(|(ms, _)| ms.abs_diff(from_ms));
        lines.truncate(LINES_TOLD);
        lines.sort();
        for (ms, line) in lines {
            writeln!(story, "  {:8.3} s  {line}", *ms as f64 / 1_000.0).unwrap();
        }
        writeln!(story, "  and {more} more").unwrap();
        story
    }
}
