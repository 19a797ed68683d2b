"""Links to other realms, for programs with sockets of any kind."""

from __future__ import annotations

from collections.abc import Callable

from chatproto._native import (
    Frame,
    LinkError,
    LinkTransport,
    MisuseError,
    Realm,
    TransportConfig,
    Up,
)

__all__ = ["LinkSession"]

# What may wait for a socket before the realm keeps its frames to itself: there they are counted.
_WAITING_BYTES_MAX = 1 << 18


class LinkSession:
    """One connection to another realm, without its socket: a `LinkTransport`, and the realm behind it.

    A program that has connected to `dialled`, or was called (None), gives it what its socket brings
    with `receive`, writes what `outgoing` returns and reports it with `sent`, calls `handle_timeout`
    once `wait_seconds` are over, and says in the end why the connection is `lost`. The realm is told
    what it has to know of all this; take its outputs after each call. What it says of the link in
    turn, LinkSend and LinkClose, carries the session's `number`.

    A LinkError from any call ends the link: tell it to `lost`, write what is still outgoing, close.
    One thread at a time may use a session.
    """

    number: int | None
    """The link's number in the realm, from the moment when it is known who is at the other end until
    one side is done with the link."""
    is_known: bool
    """Whether it is known, or was, who is at the other end."""
    peer: str | None
    """Who is at the other end, once that is known."""

    def __init__(
        self,
        realm: Realm,
        config: TransportConfig,
        dialled: str | None = None,
        *,
        dial_failed: Callable[[str, str], object] | None = None,
    ) -> None:
        """`dial_failed` is told which call failed and why, by default `Realm.dial_failed`.

        Raises MisuseError if `dialled` is no peer in the configuration.
        """
        self.number = None
        self.is_known = False
        self.peer = None
        self.dialled = dialled
        self._realm = realm
        self._dial_failed = dial_failed or realm.dial_failed
        self._is_lost = False
        if dialled is None:
            self._wire = LinkTransport.accept(config)
        else:
            self._wire = LinkTransport.dial(config, dialled)

    def receive(self, data: bytes) -> None:
        """Takes what a read brought, and hands to the realm what is in it."""
        try:
            self._wire.receive(data)
        finally:
            # What came before the mistake counts.
            self._hand_in()

    def _hand_in(self) -> None:
        frames: list[Frame] = []
        for output in self._wire.outputs():
            match output:
                case Frame():
                    frames.append(output)
                case Up(peer, direction):
                    self.is_known, self.peer = True, peer
                    try:
                        self.number = self._realm.link_up(peer, direction)
                    except MisuseError:
                        raise LinkError(f"{peer} is no peer any more") from None
        if frames and self.number is not None:
            self._realm.link_frames(self.number, frames)

    def outgoing(self) -> bytes:
        """Returns what to write now, what the realm has for the peer included."""
        while (
            self.number is not None
            and self._wire.outgoing_bytes < _WAITING_BYTES_MAX
            and (frames := self._realm.link_outgoing(self.number))
        ):
            taken = 0
            while taken < len(frames) and self._wire.outgoing_bytes < _WAITING_BYTES_MAX:
                self._wire.send(frames[taken])
                taken += 1
            self._realm.link_sent(self.number, taken)
        return self._wire.outgoing()

    def sent(self, n: int) -> None:
        """Notes that the first `n` bytes of `outgoing` were written."""
        self._wire.sent(n)

    def wait_seconds(self) -> float | None:
        """Returns how many seconds remain until `handle_timeout` is due; None if it never is."""
        return None if self._is_lost else self._wire.wait_seconds()

    def handle_timeout(self) -> None:
        """Does what is due: a handshake must not take for ever."""
        self._wire.handle_timeout()

    def closed(self) -> None:
        """Notes that the realm is done with the link, as a LinkClose says."""
        self.number = None
        self._is_lost = True

    def lost(self, why: str) -> None:
        """Tells the realm that there is no such connection any more, unless it knows."""
        number, self.number = self.number, None
        if number is not None:
            self._realm.link_down(number)
        elif self.dialled is not None and not self.is_known and not self._is_lost:
            self._dial_failed(self.dialled, why)
        self._is_lost = True
