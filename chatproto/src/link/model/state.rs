//! Two realms, their disks and what may happen to them.

use super::super::frame::{Frame, StreamKind};
use super::super::stream::OutStream;
use super::claims;
use super::disk::Disk;
use super::hashed::Hashed;
use super::ids::{self, At};
use super::ledger::Ledger;
use super::scope::{Mutation, Scope};
use super::side::{Batch, Side, World};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    LinkUp,
    /// The frames under way are lost.
    LinkDown,
    Send {
        at: At,
        is_too_long: bool,
    },
    /// The next frame arrives at a realm, which keeps what mail is in it, or refuses it.
    Arrive {
        at: At,
        is_kept: bool,
    },
    /// A realm's store begins to write what waits.
    Take(At),
    /// It has written that, and the realm is told.
    Commit(At),
    /// A realm dies and starts again; what was under way to its store is there or not.
    Crash {
        at: At,
        is_written: bool,
    },
    /// The next message that was never sent expires.
    Expire(At),
    /// A copy is made of a disk.
    Copy(At),
    /// A realm dies and starts again with the copy.
    Restore(At),
    /// A realm dies and starts again with an empty disk.
    Replace(At),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) sides: [Hashed<Side>; 2],
    pub(super) disks: [Hashed<Disk>; 2],
    copies: [Option<Hashed<Disk>>; 2],
    pub(super) ledger: Ledger,
}

impl State {
    /// Two realms that know each other, and nothing else yet.
    pub(super) fn new(scope: &Scope) -> Self {
        let mut ledger = Ledger::default();
        let mut disks = At::BOTH.map(|_| Disk::empty());
        let sides = At::BOTH.map(|at| {
            let disk = &mut disks[at.index()];
            let count = &mut ledger.counts[at.index()].streams;
            disk.has_peer = true;
            for kind in [StreamKind::Mail, StreamKind::Bounce] {
                *count += 1;
                *disk.out(kind) = OutStream::new(ids::stream(at, kind, u64::from(*count)), kind);
            }
            let mut world = World {
                at,
                scope,
                mutation: None,
                ledger: &mut ledger,
                is_kept: true,
            };
            Hashed::new(Side::started(disk, &mut world))
        });
        Self {
            sides,
            disks: disks.map(Hashed::new),
            copies: [None, None],
            ledger,
        }
    }

    pub(super) fn is_linked(&self) -> bool {
        self.sides[0].link.is_some()
    }

    /// What arrives next at a realm.
    pub(super) fn arriving(&self, at: At) -> Option<&Frame> {
        self.sides[at.peer().index()].frames.front()
    }

    // What may happen.

    pub(super) fn actions(&self, scope: &Scope, actions: &mut Vec<Action>) {
        if self.ledger.is_contradicted {
            return;
        }
        if !self.is_linked() {
            actions.push(Action::LinkUp);
        } else if self.ledger.cuts < scope.cuts {
            actions.push(Action::LinkDown);
        }
        for at in At::BOTH {
            self.arrivals(at, scope, actions);
            self.commits(at, scope, actions);
            self.choices(at, scope, actions);
        }
    }

    fn arrivals(&self, at: At, scope: &Scope, actions: &mut Vec<Action>) {
        let Some(frame) = self.arriving(at) else {
            return;
        };
        actions.push(Action::Arrive { at, is_kept: true });
        let is_mail =
            matches!(frame, Frame::Env { envelope, .. } if ids::answers(envelope).is_none());
        if is_mail && self.ledger.counts[at.index()].refusals < scope.refusals[at.index()] {
            actions.push(Action::Arrive { at, is_kept: false });
        }
    }

    fn commits(&self, at: At, scope: &Scope, actions: &mut Vec<Action>) {
        let side = &self.sides[at.index()];
        let can_crash = self.ledger.counts[at.index()].crashes < scope.crashes[at.index()];
        let is_under_way = side.under_way.is_some();
        if is_under_way || (!scope.is_split && !side.pending.is_empty()) {
            actions.push(Action::Commit(at));
            if can_crash {
                actions.push(Action::Crash {
                    at,
                    is_written: true,
                });
            }
        } else if !side.pending.is_empty() {
            actions.push(Action::Take(at));
        }
        if can_crash {
            actions.push(Action::Crash {
                at,
                is_written: false,
            });
        }
    }

    fn choices(&self, at: At, scope: &Scope, actions: &mut Vec<Action>) {
        let (i, counts) = (at.index(), &self.ledger.counts[at.index()]);
        if counts.mail < scope.mail[i] {
            let is_too_long = counts.mail < scope.too_long[i];
            actions.push(Action::Send { at, is_too_long });
        }
        if counts.expiries < scope.expiries[i] && self.sides[i].mail.expires_ms().is_some() {
            actions.push(Action::Expire(at));
        }
        if counts.copies < scope.copies[i] {
            actions.push(Action::Copy(at));
        }
        if self.copies[i].is_some() {
            actions.push(Action::Restore(at));
        }
        if counts.replaced < scope.replaced[i] {
            actions.push(Action::Replace(at));
        }
    }

    // What happens.

    pub(super) fn act(&mut self, action: Action, scope: &Scope, mutation: Option<Mutation>) {
        match action {
            Action::LinkUp => {
                for at in At::BOTH {
                    self.at(at, scope, mutation, |side, world| side.link_up(world));
                }
            }
            Action::LinkDown => {
                self.ledger.cuts += 1;
                self.link_down();
            }
            Action::Send { at, is_too_long } => {
                self.at(at, scope, mutation, |side, world| {
                    side.send(is_too_long, world);
                });
            }
            Action::Arrive { at, is_kept } => self.arrive(at, is_kept, scope, mutation),
            Action::Take(at) => self.at(at, scope, mutation, |side, world| side.take_batch(world)),
            Action::Commit(at) => {
                if let Some(batch) = self.write(at, scope, mutation) {
                    self.at(at, scope, mutation, |side, world| {
                        side.committed(batch, world);
                    });
                }
            }
            Action::Crash { at, is_written } => {
                self.ledger.counts[at.index()].crashes += 1;
                if is_written {
                    self.write(at, scope, mutation);
                }
                self.start(at, scope, mutation);
            }
            Action::Expire(at) => {
                self.ledger.counts[at.index()].expiries += 1;
                self.at(at, scope, mutation, |side, world| {
                    side.expire(world);
                });
            }
            Action::Copy(at) => {
                self.ledger.counts[at.index()].copies += 1;
                self.copies[at.index()] = Some(self.disks[at.index()].clone());
            }
            Action::Restore(at) => {
                if let Some(copy) = self.copies[at.index()].take() {
                    self.change_disk(at, copy, scope, mutation);
                }
            }
            Action::Replace(at) => {
                self.ledger.counts[at.index()].replaced += 1;
                self.change_disk(at, Hashed::new(Disk::empty()), scope, mutation);
            }
        }
    }

    fn at(
        &mut self,
        at: At,
        scope: &Scope,
        mutation: Option<Mutation>,
        what: impl FnOnce(&mut Side, &mut World<'_>),
    ) {
        let mut world = World {
            at,
            scope,
            mutation,
            ledger: &mut self.ledger,
            is_kept: true,
        };
        self.sides[at.index()].change(|side| what(side, &mut world));
    }

    fn arrive(&mut self, at: At, is_kept: bool, scope: &Scope, mutation: Option<Mutation>) {
        let from = &mut self.sides[at.peer().index()];
        let Some(frame) = from.change(|from| from.frames.pop_front()) else {
            return;
        };
        let mut accusation = None;
        self.at(at, scope, mutation, |side, world| {
            world.is_kept = is_kept;
            accusation = side.take(&frame, world).err();
        });
        if let Some(accusation) = accusation {
            self.ledger.accusation = Some(accusation.0);
            self.link_down();
        }
    }

    fn link_down(&mut self) {
        for side in &mut self.sides {
            side.change(Side::link_down);
        }
    }

    /// Writes what is under way to a disk.
    fn write(&mut self, at: At, scope: &Scope, mutation: Option<Mutation>) -> Option<Batch> {
        self.at(at, scope, mutation, |side, world| side.take_batch(world));
        let mut batch = self.sides[at.index()].change(|side| side.under_way.take())?;
        let changes = std::mem::take(&mut batch.changes);
        if !self.disks[at.index()].change(|disk| disk.commit(changes)) {
            self.ledger.is_contradicted = true;
        }
        Some(batch)
    }

    fn start(&mut self, at: At, scope: &Scope, mutation: Option<Mutation>) {
        self.link_down();
        let disk = self.disks[at.index()].clone();
        self.at(at, scope, mutation, |side, world| {
            *side = Side::started(&disk, world);
        });
    }

    fn change_disk(
        &mut self,
        at: At,
        disk: Hashed<Disk>,
        scope: &Scope,
        mutation: Option<Mutation>,
    ) {
        let before = self.disks[at.index()].clone();
        self.disks[at.index()] = disk;
        self.ledger.disks_changed += 1;
        self.start(at, scope, mutation);
        self.ledger.sent_before = [0, 1].map(|i| self.ledger.counts[i].mail);
        let lost = claims::lost_with(self, at, &before);
        let known = lost.iter().filter(|message| before.knew(**message));
        self.ledger.owed.extend(known);
        self.ledger.lost.extend(lost);
    }
}
