"""The thread for the log."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from queue import SimpleQueue

__all__ = ["LogThread"]

# What may wait to be written; above it, the oldest lines are dropped.
_WAITING_CHARS_MAX = 8 << 20
# Many lines at once cost less than one at a time.
_PAUSE_SECONDS = 0.01
_STDERR = 2


class LogThread(threading.Thread):
    """Writes lines to a file descriptor, by default standard error, so that nobody waits for its reader.

    A pipe that nobody reads is full some time, and so is a terminal that Ctrl-S has stopped: whoever
    writes there stands still, and one that has the turn of a `Driver` keeps everybody else waiting.
    `tell` never waits. Where there is no room the oldest lines are dropped, since the last ones tell how
    it ended; where they are missing the log says how many they were.

    It keeps no program alive: `stop` it in the end, so that the last lines are written.
    """

    def __init__(self, descriptor: int = _STDERR) -> None:
        super().__init__(name="log", daemon=True)
        self._descriptor = descriptor
        # Where it was closed before the program began, anything may have that number now.
        self._is_there = descriptor != _STDERR or sys.__stderr__ is not None
        self._lock = threading.Lock()
        self._lines: deque[str] = deque()
        self._waiting_chars = 0
        self._dropped = 0
        # What an Event would do, had it not a lock: Ctrl-C may interrupt whoever sets it halfway.
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._is_ending = False

    def tell(self, *lines: str) -> None:
        """Has lines written, in this order, soon; they have no ends."""
        with self._lock:
            for line in lines:
                self._lines.append(line)
                self._waiting_chars += len(line) + 1
            while self._waiting_chars > _WAITING_CHARS_MAX and len(self._lines) > 1:
                self._waiting_chars -= len(self._lines.popleft()) + 1
                self._dropped += 1
        if lines and self._bell.empty():
            self._bell.put(None)

    def stop(self, seconds: float) -> bool:
        """Ends the thread once all is written that was told before, for which it waits so long.

        Returns whether that was done in time.
        """
        self._is_ending = True
        self._bell.put(None)
        if self.ident is not None:
            self.join(seconds)
        return not self._lines and not self.is_alive()

    def run(self) -> None:
        lost, is_ending = 0, False
        while not is_ending:
            self._bell.get()
            time.sleep(_PAUSE_SECONDS)
            is_ending = self._is_ending
            lines, dropped = self._take()
            said = [*_missing(lost + dropped), *lines]
            try:
                self._write("".join(f"{line}\n" for line in said))
                lost = 0
            except OSError:
                # A full disk, or a reader that is gone: those who tell have other things to do.
                lost += len(lines) + dropped

    def _take(self) -> tuple[list[str], int]:
        """Returns what waits, and how much was dropped before that."""
        with self._lock:
            lines, dropped = list(self._lines), self._dropped
            self._lines.clear()
            self._waiting_chars = self._dropped = 0
        return lines, dropped

    def _write(self, text: str) -> None:
        left = memoryview(text.encode("utf-8", "backslashreplace"))
        if not left or not self._is_there:
            return
        # Not by `sys.stderr`, whose lock the interpreter wants in the end, also from one who waits.
        with open(self._descriptor, "wb", buffering=0, closefd=False) as file:
            while left:
                # None is what a descriptor says that does not wait.
                written = file.write(left)
                if written is None:
                    time.sleep(_PAUSE_SECONDS)
                left = left[written or 0 :]


def _missing(count: int) -> list[str]:
    return [f"lines that are missing here, for want of room: {count}"] if count else []
