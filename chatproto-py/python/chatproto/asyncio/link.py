"""One connection to another realm: a `LinkSession` and its socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chatproto._native import LinkError, Realm
from chatproto.asyncio.connection import Tell
from chatproto.link import LinkSession

# How long the other realm has to take the last words.
_LEAVING_SECONDS = 2.0


class Link(asyncio.Protocol):
    """A link, from the first byte of its handshake; `links` has it until its socket is closed.

    `dialled` is the peer that was called, if it was this realm that called; `on_failure` is then called
    with it should the call lead to no link.
    """

    socket: asyncio.Transport

    def __init__(
        self,
        realm: Realm,
        tell: Tell,
        links: dict[Link, None],
        dialled: str | None = None,
        on_failure: Callable[[str], object] | None = None,
    ) -> None:
        self.session = LinkSession(realm, realm.transport_config(), dialled)
        self._tell = tell
        self._links = links
        self._on_failure = on_failure
        self._is_full = False
        self._is_leaving = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_stranger(self) -> bool:
        """Whether it is a caller of whom nothing is known."""
        return self.session.dialled is None and not self.session.is_known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.socket = transport
        self._links[self] = None
        self._wait()
        self.write()

    def data_received(self, data: bytes) -> None:
        if not self._is_leaving:
            self._tell(self._receive, data)

    def connection_lost(self, why: Exception | None) -> None:
        self._links.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
        self._tell(self._lost, str(why or "the other side hung up"))

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._tell(self.write)

    def _receive(self, data: bytes) -> None:
        try:
            self.session.receive(data)
        except LinkError as error:
            self._end(error)
        if self.session.is_known:
            self._stop_timer()
        self.write()

    def write(self) -> None:
        """Writes what there is, as long as the socket takes it."""
        try:
            while not self._is_full and (data := self.session.outgoing()):
                self.socket.write(data)
                self.session.sent(len(data))
        except LinkError as error:
            self._end(error)

    def _wait(self) -> None:
        """Sees to it that a handshake does not take for ever."""
        seconds = self.session.wait_seconds()
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None and not self._is_leaving:
            self._timer.cancel()

    def _expire(self) -> None:
        try:
            self.session.handle_timeout()
        except LinkError as error:
            self._tell(self._end, error)
        else:
            self._wait()

    def _end(self, why: LinkError) -> None:
        """Ends the link for something that the peer did; the realm hears of it at once."""
        self._lost(str(why))
        self.leave()

    def _lost(self, why: str) -> None:
        self.session.lost(why)
        dialled = self.session.dialled
        if dialled is not None and not self.session.is_known and self._on_failure is not None:
            self._on_failure(dialled)

    def leave(self) -> None:
        """Closes, once the last words are on their way, which takes a while at most."""
        if not self._is_leaving:
            self._stop_timer()
            self._is_leaving = True
            self.session.closed()
            self._is_full = False
            self.write()
            self.socket.close()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_LEAVING_SECONDS, self.socket.abort)

    def abort(self) -> None:
        """Closes at once."""
        self.socket.abort()
