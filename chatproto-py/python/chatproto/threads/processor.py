"""Which processors threads run on."""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["share_processor"]

_everywhere: set[int] = set()


def share_processor() -> None:
    """Keeps the calling thread on one processor, and with it all threads that it starts from now on.

    Of the threads of one interpreter only one runs at a time. Where they share a processor they hand
    over to each other in half the time: a server with a thread for each client carries half as many
    messages again. The slow work of a `Driver` still runs on all processors.

    Only Linux lets a program choose; elsewhere this does nothing.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    _everywhere.update(os.sched_getaffinity(0))
    # So that several servers do not meet on the first one.
    processors = sorted(_everywhere)
    _run_on({processors[os.getpid() % len(processors)]})


def use_all_processors() -> None:
    """Undoes it for the calling thread."""
    if _everywhere:
        _run_on(_everywhere)


def _run_on(processors: set[int]) -> None:
    # Where the system does not want it, it only takes more time.
    with suppress(OSError):
        os.sched_setaffinity(0, processors)
