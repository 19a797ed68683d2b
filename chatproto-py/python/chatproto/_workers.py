"""The threads for slow work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

# Hashes, one commit, and reading beside them.
_WORKERS = 6


def start_workers(name: str, initializer: Callable[[], object] | None = None) -> ThreadPoolExecutor:
    """Returns threads that all run already.

    A pool would start them as work comes. Once there are clients, the system may have no more to give;
    that work would be lost to the realm, and whoever waits for it would wait for ever.

    Raises RuntimeError if the system has not so many now.
    """
    workers, all_run = ThreadPoolExecutor(_WORKERS, name, initializer), threading.Event()
    try:
        for _ in range(_WORKERS):
            # It keeps its worker, so that the next one starts another.
            workers.submit(all_run.wait)
    except RuntimeError as error:
        workers.shutdown(wait=False)
        raise RuntimeError(
            f"the system has no {_WORKERS} threads for the {name}: {error}; end other programs, or "
            "raise the limit of this user"
        ) from error
    finally:
        all_run.set()
    return workers
