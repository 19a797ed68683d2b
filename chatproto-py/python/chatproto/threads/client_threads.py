"""The threads for clients."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from chatproto._native import Close, PauseRead, ResumeRead, Send
from chatproto.threads.driver import Driver
from chatproto.threads.link_thread import Address, listen

__all__ = ["ClientThreads"]

_READ_BYTES = 65_536
# How long whoever is closed out has to read the last words.
_LEAVING_SECONDS = 2.0
# How long nobody is let in when the system has no socket to give.
_ACCEPT_PAUSE_SECONDS = 0.1
# What sends without waiting for room. Windows has no such flag: there each write gets a thread of its own.
_DONT_WAIT: int | None = getattr(socket, "MSG_DONTWAIT", None)


class ClientThreads:
    """The clients of a realm: a thread for each, and one that lets new ones in.

    Clients connect to `address`. Give Send, PauseRead, ResumeRead and Close to `carry_out`. Nobody
    waits for a client that does not read; where the system has no thread for a client, that one is cut
    off, and the others stay.

    `on_connection` is called with the number and the address of each new connection, by one thread at a
    time and before anything else is carried out for it.

    Raises OSError if the address is taken.
    """

    address: Address
    """Where clients connect."""

    def __init__(
        self,
        driver: Driver,
        address: Address,
        *,
        on_connection: Callable[[int, Address], object] | None = None,
    ) -> None:
        self._driver = driver
        self._on_connection = on_connection
        self._clients: dict[int, _Client] = {}
        self._listener = listen(address)
        host, port = self._listener.getsockname()[:2]
        self.address = (host, port)
        name = f"{driver.realm.name} clients"
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)

    def start(self) -> None:
        """Lets clients in from now on.

        Raises RuntimeError if the system has no thread for that.
        """
        self._thread.start()

    def carry_out(self, output: Send | PauseRead | ResumeRead | Close) -> None:
        """Does what the realm wants of a connection, without waiting for the client."""
        client = self._clients.get(output.connection)
        if client is None:
            return
        match output:
            case Send():
                client.write()
            case PauseRead():
                client.may_read.clear()
            case ResumeRead():
                client.may_read.set()
            case Close(number):
                del self._clients[number]
                client.close()

    def stop(self) -> None:
        """Lets nobody in any more, and cuts off whoever is still there: after `Driver.shut_down`."""
        if self._thread.ident is None:
            self._listener.close()
        # Where this does not wake the thread that waits for a client, the next one who comes does.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for client in list(self._clients.values()):
            client.cut()

    def _accept(self) -> None:
        with self._listener:
            while not self._driver.is_over:
                self._accept_one()

    def _accept_one(self) -> None:
        try:
            sock, (host, port, *_) = self._listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            # Too many open files, most likely; some will be closed.
            time.sleep(_ACCEPT_PAUSE_SECONDS)
            return
        # In turn, since the realm may have something to say to the client at once.
        self._driver.in_turn(self._welcome, sock, (host, port))
        if self._driver.is_over:
            # It may have come too late for anybody to welcome it.
            sock.close()

    def _welcome(self, sock: socket.socket, address: Address) -> None:
        client = _Client(self._driver, self._clients, sock, address[0])
        self._clients[client.number] = client
        if self._on_connection is not None:
            self._on_connection(client.number, address)
        if not _begins(threading.Thread(target=client.run)):
            client.gone()
            sock.close()


class _Client:
    """One connection, and the thread that reads from it."""

    def __init__(
        self, driver: Driver, clients: dict[int, _Client], sock: socket.socket, host: str
    ) -> None:
        self.driver, self.clients, self.sock = driver, clients, sock
        self.realm = driver.realm
        self.may_read, self.is_closed = threading.Event(), threading.Event()
        self.may_read.set()
        self.is_slow = False
        self.number = self.realm.open(host)

    def run(self) -> None:
        """Reads until the client has no more to say."""
        with self.sock:
            try:
                while data := self.sock.recv(_READ_BYTES):
                    self.may_read.wait()
                    self.driver.tell(self.realm.receive, self.number, data)
                self.driver.tell(self.realm.ended, self.number)
                # The answers to what it said are still on their way.
                self.is_closed.wait()
            except OSError:
                self.driver.in_turn(self.gone)

    def write(self) -> None:
        """Writes what there is, without waiting for a client that does not read."""
        try:
            while not self.is_slow and (data := self.realm.outgoing(self.number)):
                if _DONT_WAIT is None:
                    raise BlockingIOError
                self.realm.sent(self.number, self.sock.send(data, _DONT_WAIT))
        except BlockingIOError:
            self.is_slow = True
            if not _begins(threading.Thread(target=self.write_slowly, args=(data,))):
                self.gone()
        except OSError:
            self.gone()

    def write_slowly(self, data: bytes) -> None:
        """Waits for a client to read; everybody else goes on meanwhile."""
        try:
            sent = self.sock.send(data)
        except OSError:
            self.driver.in_turn(self.gone)
        else:
            self.driver.in_turn(self.was_slow, sent)

    def was_slow(self, sent: int) -> None:
        self.is_slow = False
        if self.number in self.clients:
            self.realm.sent(self.number, sent)
            self.write()

    def gone(self) -> None:
        if self.clients.pop(self.number, None):
            self.realm.closed(self.number)
            self.cut()

    def close(self) -> None:
        """Lets the client read the last words, unless it has not even read those before."""
        self.is_closed.set()
        self.may_read.set()
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        if self.is_slow or not _begins(threading.Timer(_LEAVING_SECONDS, self.cut)):
            self.cut()

    def cut(self) -> None:
        self.is_closed.set()
        self.may_read.set()
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


def _begins(thread: threading.Thread) -> bool:
    """Starts a thread that ends with the program; returns whether the system had one to give."""
    thread.daemon = True
    try:
        thread.start()
    except RuntimeError:
        return False
    return True
