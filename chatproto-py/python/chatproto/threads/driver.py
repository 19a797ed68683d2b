"""Threads that take turns with a realm."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from chatproto._native import InternalError, MisuseError, Output, Realm, Work
from chatproto.threads.processor import use_all_processors

__all__ = ["Clock", "Driver"]

# Hashes, one commit, and reading beside them.
_WORKERS = 6
# What one thread does for the others at a stretch, before it goes back to its own client.
_ROUNDS_AT_ONCE = 16


class Clock(Protocol):
    """A thread that calls `Realm.handle_timeout` when it is due."""

    def wake_by(self, at_ms: int) -> None:
        """Sees to it that this is done at that moment of `Now.mono_ms`, or earlier."""

    def wake(self) -> None:
        """Sees to it that the thread takes a turn now."""

    def stop(self) -> None:
        """Ends the thread, and waits for that; `Driver.is_over` then holds."""


class Driver:
    """Drives a realm from any number of threads.

    Threads `tell` the realm what happens, all at the same time. What it asks for then is given to
    `carry_out`, in the realm's order and by one thread at a time, which has the turn; it must not wait
    for a client, nor raise anything. A thread that finds another one at it goes its way, since that
    one does its part too: so nobody waits in a queue of threads.

    Make a `LinkThread` before the first turn, for a realm without links too: it is the clock.
    """

    realm: Realm
    """The realm that is driven."""
    failure: InternalError | None
    """The bug that the realm met, if it did; then all is over."""
    is_over: bool
    """Whether all is over; then nothing is told to the realm, and nothing carried out."""

    def __init__(
        self,
        realm: Realm,
        carry_out: Callable[[list[Output]], object],
        *,
        on_failure: Callable[[], object] | None = None,
    ) -> None:
        self.realm = realm
        self._turn = threading.Lock()
        self.failure = None
        self.is_over = False
        self.clock: Clock | None = None
        self._carry_out = carry_out
        self._on_failure = on_failure
        # Somebody has come since the outputs were asked for last.
        self._is_wanted = False
        self._is_ending = False
        self._has_ended = threading.Event()
        self._workers = ThreadPoolExecutor(_WORKERS, f"{realm.name} work", use_all_processors)

    def tell(self, tell: Callable[..., object], *arguments: object) -> None:
        """Tells the realm something, and has done what it asks for then."""
        if self.is_over:
            return
        try:
            tell(*arguments)
        except MisuseError:
            # The realm may have been closed a moment ago.
            if not self.is_over:
                raise
        except InternalError as bug:
            self._fail(bug)
            raise
        self.take_turn()

    def take_turn(self) -> None:
        """Has carried out what the realm asks for, by this thread or by the one whose turn it is."""
        rounds = 0
        self._is_wanted = True
        # In this order: whoever comes too late for the last look at the flag finds the turn free.
        while self._is_wanted and self._turn.acquire(blocking=False):
            try:
                self._is_wanted = False
                while not self.is_over and (outputs := self.realm.outputs()):
                    self._carry_out(outputs)
                    rounds += 1
                    if rounds == _ROUNDS_AT_ONCE and self.clock is not None:
                        return self.clock.wake()
                self._look_ahead()
            except InternalError as bug:
                self._fail(bug)
                raise
            finally:
                self._turn.release()

    def _look_ahead(self) -> None:
        if self.is_over:
            return
        at_ms = self.realm.next_deadline_ms()
        if at_ms is not None and self.clock is not None:
            self.clock.wake_by(at_ms)
        if self._is_ending and self.realm.is_shut_down:
            self._has_ended.set()

    def in_turn(self, act: Callable[..., object], *arguments: object) -> None:
        """Does something at which no output may be carried out, after waiting for that.

        Unlike all else this is not for `carry_out`, which has the turn.
        """
        with self._turn:
            if not self.is_over:
                act(*arguments)
        self.take_turn()

    def work(self, work: Work) -> None:
        """Does slow work in a thread for such things, which takes a turn then."""
        self._workers.submit(self.tell, work.run)

    def shut_down(self, seconds: float) -> bool:
        """Has the realm finish what it promised and say goodbye to everybody, and closes it.

        Returns whether that was done in time; if not, whoever is still there is cut off.
        """
        self._is_ending = True
        self.tell(self.realm.shutdown)
        is_through = self._has_ended.wait(seconds) and self.failure is None
        with self._turn:
            self.is_over = True
        if self.clock is not None:
            self.clock.stop()
        # A commit must not be cut short.
        self._workers.shutdown()
        self.realm.close()
        return is_through

    def _fail(self, bug: InternalError) -> None:
        self.is_over = True
        if self.failure is None:
            self.failure = bug
            self._has_ended.set()
            if self._on_failure is not None:
                self._on_failure()
