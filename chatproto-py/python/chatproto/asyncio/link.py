"""One connection to another realm: a `LinkTransport` between its socket and the realm."""

from __future__ import annotations

import asyncio

from chatproto._native import Frame, LinkError, LinkTransport, MisuseError, Realm, Up
from chatproto.asyncio.connection import Tell

# Frames that are handed over before the socket is asked whether it has had enough.
_FRAMES_AT_ONCE = 64
# How long the other realm has to take the last words.
_LEAVING_SECONDS = 2.0


class Link(asyncio.Protocol):
    """A link, from the first byte of its handshake; `links` has it under its number once it is up.

    Until then it is one of the `strangers`. `dialled` is the peer that was called.
    """

    socket: asyncio.Transport

    def __init__(
        self,
        realm: Realm,
        tell: Tell,
        links: dict[int, Link],
        strangers: set[Link],
        dialled: str | None = None,
    ) -> None:
        self._realm = realm
        self._tell = tell
        self._links = links
        self._strangers = strangers
        self._dialled = dialled
        self._number: int | None = None
        self._is_full = False
        self._timer: asyncio.TimerHandle | None = None
        self._why = "the other side hung up before it said who it is"
        config = realm.transport_config()
        if dialled is None:
            self._wire = LinkTransport.accept(config)
        else:
            self._wire = LinkTransport.dial(config, dialled)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.socket = transport
        self._strangers.add(self)
        self._wait()
        self._write()

    def data_received(self, data: bytes) -> None:
        self._tell(self._arrive, data)

    def connection_lost(self, why: Exception | None) -> None:
        self._strangers.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._number is not None:
            if self._links.pop(self._number, None) is not None:
                self._tell(self._realm.link_down, self._number)
        elif self._dialled is not None:
            self._tell(self._realm.dial_failed, self._dialled, str(why or self._why))

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        if self._number in self._links:
            self._tell(self.depart)

    def _arrive(self, data: bytes) -> None:
        try:
            self._wire.receive(data)
        except LinkError as error:
            self._collect()
            self._end(error)
        else:
            self._collect()
        self._write()

    def _collect(self) -> None:
        """Hands to the realm what has come."""
        frames: list[Frame] = []
        for output in self._wire.outputs():
            match output:
                case Up(peer, direction):
                    self._rise(peer, direction)
                case Frame():
                    frames.append(output)
        if frames and self._number in self._links:
            self._realm.link_frames(self._number, frames)

    def _rise(self, peer: str, direction: str) -> None:
        self._strangers.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._number = self._realm.link_up(peer, "dialled" if self._dialled else "accepted")
        except MisuseError:
            # A peer that was taken out while it was on its way here.
            self.leave()
        else:
            self._links[self._number] = self

    def depart(self) -> None:
        """Hands over what the realm has for the peer, as long as the socket takes it."""
        assert self._number is not None
        try:
            while not self._is_full and (frames := self._realm.link_outgoing(self._number)):
                for frame in frames[:_FRAMES_AT_ONCE]:
                    self._wire.send(frame)
                self._realm.link_sent(self._number, len(frames[:_FRAMES_AT_ONCE]))
                self._write()
        except LinkError as error:
            self._end(error)

    def _write(self) -> None:
        data = self._wire.outgoing()
        if data:
            self.socket.write(data)
            self._wire.sent(len(data))

    def _wait(self) -> None:
        """Sees to it that a handshake does not take for ever."""
        seconds = self._wire.wait_seconds()
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        try:
            self._wire.handle_timeout()
        except LinkError as error:
            self._end(error)
        else:
            self._wait()

    def _end(self, why: LinkError) -> None:
        """Ends the link for something that the peer did; the realm hears of it at once."""
        self._why = str(why)
        self._write()
        if self._number is not None and self._links.pop(self._number, None) is not None:
            self._realm.link_down(self._number)
        self.leave()

    def leave(self) -> None:
        """Closes, once what was written before is on its way."""
        self.socket.close()
        asyncio.get_running_loop().call_later(_LEAVING_SECONDS, self.socket.abort)

    def abort(self) -> None:
        """Closes at once."""
        self.socket.abort()
