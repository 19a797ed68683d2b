"""One client's connection: what its socket brings goes to the realm, and the realm's answers back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chatproto._native import Realm

# How long whoever is closed out has to read the last words and hang up.
_LEAVING_SECONDS = 2.0

Tell = Callable[..., None]
"""Tells the realm something, and does what it asks for then."""


class ClientConnection(asyncio.Protocol):
    """A client, from its call to its end; `clients` has it under its number meanwhile."""

    transport: asyncio.Transport

    def __init__(
        self,
        realm: Realm,
        tell: Tell,
        clients: dict[int, ClientConnection],
        leaving: set[ClientConnection],
    ) -> None:
        self._realm = realm
        self._tell = tell
        self._clients = clients
        self._leaving = leaving
        self._number: int | None = None
        # Bytes that the socket has not taken yet; the realm takes them for unread until it has.
        self._unsent = 0
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        # So that `resume_writing` tells when all is written.
        transport.set_write_buffer_limits(high=0)
        address = transport.get_extra_info("peername")
        self._tell(self._open, str(address[0]) if address else "")
        if self._number is None:
            transport.abort()

    def _open(self, address: str) -> None:
        self._number = self._realm.open(address)
        self._clients[self._number] = self

    def data_received(self, data: bytes) -> None:
        if self._is_known():
            self._tell(self._realm.receive, self._number, data)

    def eof_received(self) -> bool:
        self._has_ended = True
        if self._is_known():
            self._tell(self._realm.ended, self._number)
            # Its answers are still to be written.
            return True
        return False

    def connection_lost(self, _why: Exception | None) -> None:
        self._leaving.discard(self)
        if self._is_known() and self._number is not None:
            del self._clients[self._number]
            self._tell(self._realm.closed, self._number)

    def _is_known(self) -> bool:
        return self._number is not None and self._clients.get(self._number) is self

    def resume_writing(self) -> None:
        unsent, self._unsent = self._unsent, 0
        if self._is_known() and unsent:
            self._tell(self._drained, unsent)

    def _drained(self, unsent: int) -> None:
        assert self._number is not None
        self._realm.sent(self._number, unsent)
        self.write()

    def write(self) -> None:
        """Writes what the realm has for the client, unless something is still on its way."""
        if self._unsent or self._number is None or self.transport.is_closing():
            return
        data = self._realm.outgoing(self._number)
        if not data:
            return
        self.transport.write(data)
        self._unsent = self.transport.get_write_buffer_size()
        if self._unsent < len(data):
            self._realm.sent(self._number, len(data) - self._unsent)

    def leave(self) -> None:
        """Closes: what was written the client may still read, what it never read is dropped."""
        if self._unsent or not self.transport.can_write_eof():
            self.transport.abort()
            return
        if self._has_ended:
            self.transport.close()
            return
        # Closing with bytes unread would take the last words back: the client hangs up first.
        try:
            self.transport.write_eof()
        except OSError:
            # It has, already.
            self.transport.abort()
            return
        self._leaving.add(self)
        self.transport.resume_reading()
        loop = asyncio.get_running_loop()
        loop.call_later(_LEAVING_SECONDS, self.transport.abort)
