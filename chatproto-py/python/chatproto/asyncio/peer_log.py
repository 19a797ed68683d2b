"""What is logged of peers with which there is no link."""

from __future__ import annotations

import logging

from chatproto._native import Realm

__all__ = ["PeerLog"]

_log = logging.getLogger("chatproto.asyncio")
# A peer may have something new to say each time.
_REASONS_MAX = 8


class PeerLog:
    """Warns of peers with which there is no link: of each reason once, until there is one.

    A realm tells in events of links that fail; of calls that nobody takes it tells only whoever asks
    for `Realm.peers`.
    """

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._told: dict[str, set[str]] = {}

    def begin(self, has_port: bool) -> None:
        """Warns if a port for links is open, and nobody may be linked."""
        if has_port and not self._realm.peers():
            text = "%s has no peers: nobody is linked before it gets some with Realm.set_peer"
            _log.warning(text, self._realm.name)

    def failed(self, peer: str) -> None:
        """Warns of the reason for which there is no link with a peer now, unless it was told."""
        reasons = (it.last_error for it in self._realm.peers() if it.name == peer)
        why = next(reasons, None)
        told = self._told.setdefault(peer, set())
        if why is None or why in told or len(told) == _REASONS_MAX:
            return
        told.add(why)
        # The other side may have said it, and terminals obey some characters.
        shown = why if why.isprintable() else ascii(why)[1:-1]
        _log.warning("%s has no link with %s: %s", self._realm.name, peer, shown)

    def linked(self, peer: str) -> None:
        """Notes that there is a link; should it be lost, all reasons are new."""
        self._told.pop(peer, None)
