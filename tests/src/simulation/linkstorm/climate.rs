//! What a seed lets happen, and how often.

use super::super::dice::Dice;
use crate::world::Wire;
use chatproto::Limits;

/// What may go wrong in a run. Not everything does in each: what is rare beside all the rest is
/// common where it is alone.
#[derive(Clone, Debug)]
pub(super) struct Climate {
    pub(super) realms: usize,
    pub(super) users_each: usize,
    pub(super) wire: Wire,
    pub(super) limits: Vec<Limits>,
    /// Which realm says what it likes.
    pub(super) hostile: Option<usize>,
    /// How often each fault comes, of a thousand acts.
    pub(super) crashes: usize,
    pub(super) disks_fail: usize,
    pub(super) stores_slow: usize,
    pub(super) links_fail: usize,
    pub(super) clocks_jump: usize,
    pub(super) disks_replaced: usize,
    pub(super) disks_restored: usize,
    pub(super) peers_pause: usize,
    pub(super) peers_removed: usize,
    /// The longest that a fault lasts.
    pub(super) fault_ms_max: usize,
    /// The most letters that somebody writes at once.
    pub(super) burst: usize,
    /// The longest pause between two acts.
    pub(super) pause_ms: usize,
}

impl Climate {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let realms = [2, 2, 3, 3, 4][dice.below(5)];
        let mut often = |percent: usize, rate: usize| {
            let is_there = dice.chance(percent);
            usize::from(is_there) * (1 + dice.below(rate))
        };
        let mut climate = Self {
            realms,
            users_each: 2,
            wire: Wire::Frames,
            limits: Vec::new(),
            hostile: None,
            crashes: often(70, 60),
            disks_fail: often(30, 20),
            stores_slow: often(60, 80),
            links_fail: often(80, 150),
            clocks_jump: often(30, 40),
            disks_replaced: often(10, 12),
            disks_restored: often(15, 16),
            peers_pause: often(30, 30),
            peers_removed: often(12, 15),
            fault_ms_max: 0,
            burst: 0,
            pause_ms: 0,
        };
        climate.users_each = 2 + dice.below(3);
        climate.wire = match dice.below(10) {
            0..5 => Wire::Frames,
            5..9 => Wire::Plain,
            _ => Wire::Noise,
        };
        climate.hostile = (realms > 2 && dice.chance(25)).then(|| dice.below(realms));
        climate.fault_ms_max = [300, 4_000, 20_000, 60_000][dice.below(4)];
        climate.burst = [3, 12, 40, 150][dice.below(4)];
        climate.pause_ms = [5, 60, 700, 3_000][dice.below(4)];
        let is_short = dice.chance(20);
        climate.limits = (0..realms).map(|_| limits(dice, is_short)).collect();
        climate
    }

    /// Whether disks are replaced or set back.
    pub(super) fn forgets(&self) -> bool {
        self.disks_replaced + self.disks_restored > 0
    }

    /// Whether one of the realms says what it likes.
    pub(super) fn is_hostile(&self, realm: usize) -> bool {
        self.hostile == Some(realm)
    }
}

/// Limits that are tight enough to be felt now and then.
fn limits(dice: &mut Dice, is_short: bool) -> Limits {
    let mut limits = Limits::default();
    let mut set = |name, values: &[u64]| {
        let value = values[dice.below(values.len())];
        limits.set(name, value).expect("in the limit's range");
    };
    set("inbox_messages_max", &[6, 40, 10_000, 10_000, 10_000]);
    set("inbox_memory_bytes_max", &[0, 300, 16_384]);
    set("page_messages_max", &[1_000]);
    set("credit_envelopes_max", &[1, 3, 100, 4_096]);
    set("credit_bytes_max", &[65_536, 4_194_304]);
    set("ack_ms_max", &[0, 5, 5, 300]);
    set("queue_messages_max", &[12, 150, 100_000]);
    set("queue_bytes_max", &[100_000, 67_108_864, 67_108_864]);
    set("queue_memory_bytes_max", &[65_536, 16_777_216]);
    set("link_line_bytes_max", &[4_096, 65_536]);
    set("uncommitted_bytes_max", &[2_000, 67_108_864, 67_108_864]);
    set("outbox_messages_max", &[10, 100_000, 100_000]);
    set("store_retry_ms", &[50, 1_000]);
    set("redial_ms_max", &[2_000]);
    set("link_ping_ms", &[2_000]);
    set("link_dead_ms", &[6_000]);
    set("unacknowledged_ms_max", &[5_000]);
    set("sessions_per_user_max", &[1_000]);
    if is_short {
        set("queue_ms_max", &[400, 3_000, 15_000]);
    }
    limits
}
