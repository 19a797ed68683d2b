"""The thread for links: it has the sockets to other realms, and the realm's clock."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from chatproto._native import (
    ChatProtoError,
    Dial,
    LinkClose,
    LinkError,
    LinkSend,
    TransportConfig,
)
from chatproto.link import LinkSession
from chatproto.threads.driver import Driver

__all__ = ["Address", "LinkThread", "listen"]

Address = tuple[str, int]

_READ_BYTES = 65_536
# Callers of whom nothing is known; where they crowd, the one that came first makes room.
_STRANGERS_MAX = 64
# How long the other realm has to take the last words.
_LEAVING_SECONDS = 2.0
# How long nobody is let in when the system has no socket to give.
_ACCEPT_PAUSE_SECONDS = 0.1
# Systems take no wait of weeks.
_WAIT_SECONDS_MAX = 3600.0
_NEVER = float("inf")
# What a socket says of an address: it is taken, or is none.
_NO_ADDRESS = (OSError, OverflowError, ValueError)
_IN_PROGRESS = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


class LinkThread(threading.Thread):
    """The links of a realm, on a thread of their own, and the realm's clock.

    Other realms connect to `address`; `peers` tells where those are that this one calls. Give
    LinkSend, LinkClose and Dial to `carry_out`. It ends with the driver.

    `config` is asked at each connection who may be linked with, by default what
    `Realm.transport_config` returns; it is called with the peer that is dialled, or None. An OSError,
    ValueError or ChatProtoError that it raises costs this one connection; users who ask `checkrealm`
    read why, so that nothing should be in it that is not for them.

    `on_dial_failed` is called by this thread with a peer and the reason when it cannot be called: once
    for each reason in a row, and again after the two were linked.

    Raises OSError if the address is taken, and ConfigError if links are wanted and the realm has no
    key, or not that of a peer.
    """

    address: Address | None
    """Where other realms connect; None if they do not."""

    def __init__(
        self,
        driver: Driver,
        address: Address | None = None,
        peers: Mapping[str, Address] | None = None,
        *,
        config: Callable[[str | None], TransportConfig] | None = None,
        on_dial_failed: Callable[[str, str], object] | None = None,
    ) -> None:
        super().__init__(name=f"{driver.realm.name} links", daemon=True)
        self.address = address
        self._driver = driver
        self._realm = driver.realm
        self._peers = dict(peers or {})
        self._config = config or (lambda _dialled: driver.realm.transport_config())
        if address is not None or self._peers:
            self._config(None)
        self._on_dial_failed = on_dial_failed
        # Why peers cannot be called, as each was told last.
        self._away: dict[str, str] = {}
        self._connections: list[_Connection] = []
        self._orders: deque[LinkSend | LinkClose | Dial] = deque()
        # On the realm's clock; 0 while the thread is awake, or was woken.
        self._wakes_at_ms = 0.0
        self._is_called = False
        self._listener = None if address is None else listen(address)
        self._accepts_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._waker, self._ear = socket.socketpair()
        self._waker.setblocking(False)
        self._ear.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)
        if self._listener is not None:
            self._listener.setblocking(False)
            self._selector.register(self._listener, selectors.EVENT_READ)
            host, port = self._listener.getsockname()[:2]
            self.address = (host, port)
        driver.clock = self

    # For other threads.

    def carry_out(self, order: LinkSend | LinkClose | Dial) -> None:
        """Does what the realm wants of its links, soon."""
        self._orders.append(order)
        self.wake_by(0)

    def wake_by(self, at_ms: int) -> None:
        """Sees to it that the realm's deadline is kept that is at that moment of `Now.mono_ms`."""
        # While it is awake it need not be told: `_wait_seconds` looks again once this is not 0.
        if at_ms < self._wakes_at_ms:
            self._wakes_at_ms = 0
            self._call()

    def wake(self) -> None:
        """Sees to it that this thread takes a turn now."""
        self._is_called = True
        # The main thread comes here, and Ctrl-C may interrupt it anywhere: so it says nowhere that it
        # has woken this thread, since it may never do it.
        if self._wakes_at_ms:
            self._call()

    def _call(self) -> None:
        # There is no room where calls have not been heard yet, and nobody to hear one after the end.
        with suppress(OSError):
            self._waker.send(b".")

    def stop(self) -> None:
        """Ends the thread, after the driver: all connections are closed."""
        self.wake()
        if self.ident is None:
            self._close()
        else:
            self.join()
        self._ear.close()
        self._waker.close()

    # The thread.

    def run(self) -> None:
        try:
            # A realm has something to ask for from its first moment, such as a Dial.
            self._driver.take_turn()
            while not self._driver.is_over:
                ready = self._selector.select(self._wait_seconds())
                self._is_called = False
                self._wakes_at_ms = 0
                self._driver.tell(self._attend, [(key.fileobj, events) for key, events in ready])
        except BaseException as bug:
            # Without a clock the realm would stand still, and nobody know why.
            self._driver.fail(bug)
            raise
        finally:
            self._close()

    def _wait_seconds(self) -> float:
        """How long nothing is to be done. What comes from now on wakes the thread."""
        self._wakes_at_ms = _NEVER
        if self._orders or self._is_called or self._driver.is_over:
            return 0.0
        self._wakes_at_ms = self._realm.poll_timeout() or _NEVER
        waits = [self._realm.wait_seconds(), *(link.wait_seconds() for link in self._connections)]
        if self._accepts_at:
            waits.append(self._accepts_at - time.monotonic())
        return max(0.0, min([_WAIT_SECONDS_MAX, *(it for it in waits if it is not None)]))

    def _attend(self, ready: list[tuple[object, int]]) -> None:
        self._realm.handle_timeout()
        events = dict(ready)
        if self._ear in events:
            self._ear.recv(4096)
        if self._listener in events or self._is_time_to_accept():
            self._accept()
        for link in list(self._connections):
            link.attend(events.get(link.socket, 0))
            if link.session.peer is not None and link.session.number is not None:
                self._away.pop(link.session.peer, None)
        while self._orders:
            order = self._orders.popleft()
            if isinstance(order, Dial):
                self._dial(order.peer)
                continue
            for link in self._connections:
                if link.session.number != order.link:
                    continue
                if isinstance(order, LinkSend):
                    link.write()
                else:
                    link.leave()
                break
        for link in [link for link in self._connections if link.is_over]:
            self._connections.remove(link)

    def _dial(self, peer: str) -> None:
        made = None
        try:
            if peer not in self._peers:
                raise OSError("nobody has said where it is")
            config = self._config(peer)
            session = LinkSession(self._realm, config, peer, dial_failed=self._dial_failed)
            host, port = self._peers[peer]
            made = socket.socket(_family(host))
            link = self._meet(session, made)
        except (OSError, ValueError, ChatProtoError) as error:
            if made is not None:
                made.close()
            return self._dial_failed(peer, _why(error))
        try:
            failed = made.connect_ex((host, port))
        except _NO_ADDRESS as error:
            return link.end(_why(error))
        if failed not in _IN_PROGRESS:
            link.end(os.strerror(failed))

    def _dial_failed(self, peer: str, why: str) -> None:
        self._realm.dial_failed(peer, why)
        if self._on_dial_failed is not None and self._away.get(peer) != why:
            self._away[peer] = why
            self._on_dial_failed(peer, why)

    def _is_time_to_accept(self) -> bool:
        return bool(self._accepts_at) and time.monotonic() >= self._accepts_at

    def _accept(self) -> None:
        assert self._listener is not None
        if self._accepts_at:
            self._accepts_at = 0.0
            self._selector.register(self._listener, selectors.EVENT_READ)
        try:
            made, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            # Too many open files, most likely: the caller would stay at the door, and we awake.
            self._selector.unregister(self._listener)
            self._accepts_at = time.monotonic() + _ACCEPT_PAUSE_SECONDS
            return
        strangers = [link for link in self._connections if link.is_stranger]
        if len(strangers) >= _STRANGERS_MAX:
            strangers[0].end("others came")
        try:
            self._meet(LinkSession(self._realm, self._config(None)), made)
        except BaseException as error:
            made.close()
            # A peer's key is being written, most likely; whoever calls will call again.
            if not isinstance(error, OSError | ValueError | ChatProtoError):
                raise

    def _meet(self, session: LinkSession, made: socket.socket) -> _Connection:
        link = _Connection(session, made, self._selector)
        self._connections.append(link)
        return link

    def _close(self) -> None:
        for link in self._connections:
            link.drop()
        if self._listener is not None:
            self._listener.close()
        self._selector.close()


class _Connection:
    """A link's socket; the link thread alone has to do with it."""

    def __init__(
        self, session: LinkSession, made: socket.socket, selector: selectors.BaseSelector
    ) -> None:
        self.session = session
        self.socket = made
        self.is_over = False
        self._selector = selector
        self._is_connected = session.dialled is None
        # When it is cut, though the other side has not taken the last words.
        self._cut_at: float | None = None
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._events = selectors.EVENT_READ | selectors.EVENT_WRITE
        selector.register(made, self._events)

    @property
    def is_stranger(self) -> bool:
        """Whether it is a caller of whom nothing is known."""
        return self.session.dialled is None and not self.session.is_known and not self.is_over

    def wait_seconds(self) -> float | None:
        """How long it wants nothing but what its socket brings; None for ever."""
        if self._cut_at is not None:
            return self._cut_at - time.monotonic()
        return self.session.wait_seconds()

    def attend(self, events: int) -> None:
        """Does what its socket is ready for, and what is due."""
        if self.is_over:
            return
        if self._cut_at is not None:
            if time.monotonic() >= self._cut_at:
                return self.drop()
            return self.write() if events else None
        try:
            self.session.handle_timeout()
            if events & selectors.EVENT_WRITE and not self._is_connected:
                self._connected()
            if events & selectors.EVENT_READ and self._is_connected:
                self._read()
            if events:
                self.write()
        except LinkError as error:
            self.leave(str(error))
        except OSError as error:
            self.end(_why(error))

    def _connected(self) -> None:
        failed = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise OSError(failed, os.strerror(failed))
        self._is_connected = True

    def _read(self) -> None:
        try:
            data = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError("the other side hung up")
        self.session.receive(data)

    def write(self) -> None:
        """Writes what there is, as far as the socket takes it."""
        if not self._is_connected or self.is_over:
            return
        try:
            while data := self.session.outgoing():
                self.session.sent(self.socket.send(data))
        except BlockingIOError:
            return self._want(selectors.EVENT_READ | selectors.EVENT_WRITE)
        except LinkError as error:
            return self.leave(str(error))
        except OSError as error:
            return self.end(_why(error))
        if self._cut_at is not None:
            return self.drop()
        self._want(selectors.EVENT_READ)

    def _want(self, events: int) -> None:
        if self._cut_at is not None:
            # What comes now is of no interest, and would keep the thread awake.
            events &= selectors.EVENT_WRITE
        if events != self._events:
            self._selector.modify(self.socket, events)
            self._events = events

    def leave(self, why: str | None = None) -> None:
        """Closes once the last words are written, which takes a while at most: for `why`, or since the
        realm wants it."""
        if self._cut_at is not None:
            return self.drop()
        if why is None:
            self.session.closed()
        else:
            self.session.lost(why)
        if not self._is_connected:
            return self.drop()
        self._cut_at = time.monotonic() + _LEAVING_SECONDS
        self.write()

    def end(self, why: str) -> None:
        """Closes at once a connection that is of no use any more."""
        self.session.lost(why)
        self.drop()

    def drop(self) -> None:
        """Closes at once."""
        if not self.is_over:
            self.is_over = True
            self._selector.unregister(self.socket)
            self.socket.close()


def listen(address: Address) -> socket.socket:
    """Returns a socket on which others may call: an IP address of either kind, and port 0 for any.

    Raises OSError if the address is taken.
    """
    return socket.create_server(address, family=_family(address[0]), backlog=1024)


def _why(error: Exception) -> str:
    """What an error says, without the file that an OSError may name: users read it."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
