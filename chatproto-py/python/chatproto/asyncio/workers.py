"""The threads for slow work."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

__all__ = ["start_workers"]

# Hashes, one commit, and reading beside them.
_THREADS = 6


def start_workers() -> ThreadPoolExecutor:
    """Returns threads that are all there already.

    A pool would start them as work comes. Where the system then gives no more, that work would be lost
    to the realm, and whoever waits for it would wait for ever.

    Raises RuntimeError if the system does not give so many now.
    """
    workers = ThreadPoolExecutor(_THREADS, "chatproto-work")
    # Until each has a task none is idle, so that each task is a thread's first.
    all_there = threading.Barrier(_THREADS)
    try:
        for _ in range(_THREADS):
            workers.submit(all_there.wait)
    except RuntimeError as error:
        all_there.abort()
        workers.shutdown(cancel_futures=True)
        raise RuntimeError(
            f"a server needs {_THREADS} threads for its slow work, and the system gives fewer: "
            f"end other programs, or raise the limit for this user ({error})"
        ) from error
    return workers
