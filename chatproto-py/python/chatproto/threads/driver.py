"""Threads that take turns with a realm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from chatproto._native import InternalError, MisuseError, Output, Realm, Work
from chatproto._workers import start_workers
from chatproto.threads.processor import use_all_processors

__all__ = ["Clock", "Driver"]

# What one thread does for the others at a stretch, before it goes back to its own client.
_ROUNDS_AT_ONCE = 16
# How long a shutdown waits for whoever has the turn, who should not wait for anything.
_LAST_TURN_SECONDS = 5.0
_POLL_SECONDS = 0.01


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
    for a client. A thread that finds another one at it goes its way, since that one does its part too:
    so nobody waits in a queue of threads.

    What `carry_out` raises, or the realm itself as an InternalError, is a bug that ends all: with it
    outputs are lost, and others wait for them. `on_failure` is called then, once.

    The main thread never has the turn, since Ctrl-C may interrupt it anywhere, with outputs in its
    hands: what it tells is carried out by another thread, a moment later.

    Make a `LinkThread` before the first turn, for a realm without links too: it is the clock.

    Raises RuntimeError if the system has no threads for the slow work; later it is asked for none.
    """

    realm: Realm
    """The realm that is driven."""
    failure: BaseException | None
    """The bug that was met in the realm or in `carry_out`, if one was; then all is over."""
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
        self._workers = start_workers(f"{realm.name} work", use_all_processors)

    def tell(self, tell: Callable[..., object], *arguments: object) -> None:
        """Tells the realm something, and has done what it asks for then.

        Raises what `tell` raises; that ends nothing, unless it is an InternalError.
        """
        if self.is_over:
            return
        try:
            self._act(tell, arguments)
        finally:
            # It may have told a part, or all of it before Ctrl-C came.
            self.take_turn()

    def _act(self, act: Callable[..., object], arguments: tuple[object, ...]) -> None:
        try:
            act(*arguments)
        except MisuseError:
            # The realm may have been closed a moment ago.
            if not self.is_over:
                raise
        except InternalError as bug:
            self.fail(bug)
            raise

    def take_turn(self) -> None:
        """Has carried out what the realm asks for, by this thread or by the one whose turn it is."""
        if self.is_over:
            return
        self._is_wanted = True
        if _is_main():
            return self._leave_to_others()
        rounds = 0
        try:
            # In this order: whoever comes too late for the last look at the flag finds the turn free.
            while (
                self._is_wanted and rounds < _ROUNDS_AT_ONCE and self._turn.acquire(blocking=False)
            ):
                try:
                    self._is_wanted = False
                    rounds = self._carry_on(rounds)
                finally:
                    self._turn.release()
            if rounds == _ROUNDS_AT_ONCE:
                # Only now that the turn is free: otherwise the other one might find it taken, and go.
                self._leave_to_others()
        except BaseException as bug:
            self.fail(bug)
            raise

    def _carry_on(self, rounds: int) -> int:
        """Carries out what there is, as long as it is not too much; returns the rounds that makes."""
        while not self.is_over and (outputs := self.realm.outputs()):
            self._carry_out(outputs)
            rounds += 1
            if rounds == _ROUNDS_AT_ONCE:
                return rounds
        self._look_ahead()
        return rounds

    def _look_ahead(self) -> None:
        if self.is_over:
            return
        at_ms = self.realm.poll_timeout()
        if at_ms is not None and self.clock is not None:
            self.clock.wake_by(at_ms)
        if self._is_ending and self.realm.is_shut_down:
            self._has_ended.set()

    def _leave_to_others(self) -> None:
        if self.clock is not None:
            self.clock.wake()
        else:
            self._workers.submit(self.take_turn)

    def in_turn(self, act: Callable[..., object], *arguments: object) -> None:
        """Does something at which no output may be carried out, after waiting for that.

        Unlike all else this is not for `carry_out`, which has the turn. The main thread has it done by
        another one, and waits. Raises what `act` raises, as `tell` does.
        """
        if self.is_over:
            return
        if _is_main():
            self._workers.submit(self._in_turn, act, arguments).result()
        else:
            self._in_turn(act, arguments)

    def _in_turn(self, act: Callable[..., object], arguments: tuple[object, ...]) -> None:
        try:
            with self._turn:
                if not self.is_over:
                    self._act(act, arguments)
        finally:
            self.take_turn()

    def work(self, work: Work) -> None:
        """Does slow work in a thread for such things, which takes a turn then."""
        self._workers.submit(self._work, work)

    def _work(self, work: Work) -> None:
        try:
            self.tell(work.run)
        except Exception as bug:
            # Nobody else would hear of it, and what waits for this work would wait for ever.
            self.fail(bug)
            raise

    def shut_down(self, seconds: float) -> bool:
        """Has the realm finish what it promised and say goodbye to everybody, and closes it.

        Returns whether that was done in time; if not, whoever is still there is cut off.
        """
        self._is_ending = True
        self.tell(self.realm.shutdown)
        is_through = self._has_ended.wait(seconds) and self.failure is None
        # From here on nobody begins to carry anything out.
        self.is_over = True
        is_free = self._is_free_in_time()
        if is_free and self.clock is not None:
            self.clock.stop()
        # A commit must not be cut short. Whoever does not give the turn back is left behind, and may
        # be one of these.
        self._workers.shutdown(wait=is_free)
        self.realm.close()
        return is_through and is_free

    def _is_free_in_time(self) -> bool:
        """Waits until nobody has the turn; looks only, for a main thread that took it might be
        interrupted before it has given it back."""
        end = time.monotonic() + _LAST_TURN_SECONDS
        while self._turn.locked() and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        return not self._turn.locked()

    def fail(self, bug: BaseException) -> None:
        """Ends all for a bug, unless all is over."""
        if self.is_over:
            return
        self.failure = bug
        self.is_over = True
        self._has_ended.set()
        if self._on_failure is not None:
            self._on_failure()


def _is_main() -> bool:
    """Whether this is the thread in which signals arrive."""
    return threading.current_thread() is threading.main_thread()
