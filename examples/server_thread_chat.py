"""The coursework's realm server, on the engine of `chatproto`: a thread for each client, one for the links.

    python3 examples/server_thread_chat.py [realm1.toml ...]

runs the realms of these files, by default both of the examples: their clients connect to the ports 8889 and
8899. The files are those of realmd, which may run the same data when this program does not.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import chatproto as cp
from chatproto.log import plain, told
from chatproto.realm_file import RealmFile
from chatproto.threads import Driver, LinkThread, LogThread, listen, share_processor

READ_BYTES = 65_536
# How long whoever is closed out has to read the last words.
LEAVING_SECONDS = 2.0
STOP_SECONDS = 10.0
# How long the log's reader has for the last lines.
LOG_SECONDS = 2.0
# What sends without waiting for room. Windows has no such flag: there each write gets a thread of its own.
DONT_WAIT: int | None = getattr(socket, "MSG_DONTWAIT", None)
LOG = LogThread()


class Client:
    """One connection, and the thread that reads from it."""

    def __init__(self, server: RealmServer, sock: socket.socket, host: str) -> None:
        self.server, self.sock = server, sock
        self.driver, self.realm = server.driver, server.realm
        self.may_read, self.is_closed = threading.Event(), threading.Event()
        self.may_read.set()
        self.is_slow = False
        self.number = self.realm.open(host)

    def run(self) -> None:
        """Reads until the client has no more to say."""
        with self.sock:
            try:
                while data := self.sock.recv(READ_BYTES):
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
                if DONT_WAIT is None:
                    raise BlockingIOError
                self.realm.sent(self.number, self.sock.send(data, DONT_WAIT))
        except BlockingIOError:
            self.is_slow = True
            if not begins(threading.Thread(target=self.write_slowly, args=(data,))):
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
        if self.number in self.server.clients:
            self.realm.sent(self.number, sent)
            self.write()

    def gone(self) -> None:
        if self.server.clients.pop(self.number, None):
            self.realm.closed(self.number)
            self.cut()

    def close(self) -> None:
        """Lets the client read the last words, unless it has not even read those before."""
        self.is_closed.set()
        self.may_read.set()
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        if self.is_slow or not begins(threading.Timer(LEAVING_SECONDS, self.cut)):
            self.cut()

    def cut(self) -> None:
        self.is_closed.set()
        self.may_read.set()
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class RealmServer:
    """A realm, its clients, and the thread with its links."""

    def __init__(self, file: RealmFile, stopping: threading.Event) -> None:
        self.stopping, self.has_failed = stopping, False
        self.realm = file.open()
        self.clients: dict[int, Client] = {}
        self.driver = Driver(self.realm, self.carry_out, on_failure=self.fail)
        self.listener = listen(file.client)
        self.links = LinkThread(
            self.driver,
            file.link,
            file.dialled,
            config=file.transport_config,
            on_dial_failed=self.away,
        )
        self.links.start()
        threading.Thread(target=self.accept, daemon=True).start()
        host, port = self.listener.getsockname()[:2]
        ready = f"{self.realm.name} is ready at {host}:{port}"
        if self.links.address is not None:
            ready += " (link {}:{})".format(*self.links.address)
        print(ready, flush=True)

    def accept(self) -> None:
        while not self.driver.is_over:
            try:
                sock, (host, port, *_) = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                # Too many open files, most likely; some will be closed.
                time.sleep(0.1)
                continue
            # In turn, since the realm may have something to say to the client at once.
            self.driver.in_turn(self.welcome, sock, host, port)
            if self.driver.is_over:
                # It may have come too late for anybody to welcome it.
                sock.close()

    def welcome(self, sock: socket.socket, host: str, port: int) -> None:
        client = Client(self, sock, host)
        self.clients[client.number] = client
        LOG.tell(
            f"{self.realm.name} [{client.number & 0xFFFF_FFFF}]: connection from {(host, port)}"
        )
        if not begins(threading.Thread(target=client.run)):
            client.gone()
            sock.close()

    def carry_out(self, outputs: list[cp.Output]) -> None:
        """Does what the realm asks for; one thread at a time is here."""
        lines = []
        for output in outputs:
            match output:
                case cp.Event():
                    lines.append(told(self.realm.name, output))
                    if isinstance(output, cp.StoreBroken):
                        self.fail()
                case cp.Send(number) if number in self.clients:
                    self.clients[number].write()
                case cp.Work():
                    self.driver.work(output)
                case cp.LinkSend() | cp.LinkClose() | cp.Dial():
                    self.links.carry_out(output)
                case cp.PauseRead(number) if number in self.clients:
                    self.clients[number].may_read.clear()
                case cp.ResumeRead(number) if number in self.clients:
                    self.clients[number].may_read.set()
                case cp.Close(number) if number in self.clients:
                    self.clients.pop(number).close()
        LOG.tell(*lines)

    def away(self, peer: str, why: str) -> None:
        LOG.tell(
            f"{self.realm.name}: no link to {peer}: {plain(why)}; it is called again and again"
        )

    def fail(self) -> None:
        self.has_failed = True
        self.stopping.set()

    def stop(self) -> None:
        """Finishes what was promised, and says goodbye to everybody."""
        self.driver.shut_down(STOP_SECONDS)
        for client in list(self.clients.values()):
            client.cut()
        why = f" for a bug: {self.driver.failure!r}" if self.driver.failure else ""
        LOG.tell(f"{self.realm.name} has ended{why}")


def begins(thread: threading.Thread) -> bool:
    """Starts a thread that ends with the program; returns whether the system had one to give."""
    thread.daemon = True
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


def main(*files: str) -> int:
    if {"-h", "--help"} & set(files):
        print(__doc__, end="")
        return 0
    # Only one of our threads runs at a time; on one processor they take less time to hand over.
    share_processor()
    LOG.start()
    here, stopping = Path(__file__).parent, threading.Event()
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        # It may come in the middle of anything, a wait for the event too, and must want no lock itself.
        signal.signal(number, lambda it, _: signals.append(it))
    servers: list[RealmServer] = []
    paths = files or (here / "realm1.toml", here / "realm2.toml")
    for file in paths:
        try:
            servers.append(RealmServer(RealmFile(file), stopping))
        except (OSError, RuntimeError, cp.ChatProtoError) as error:
            # Threads that are lacking are a RuntimeError.
            text = str(error)
            LOG.tell(text if str(file) in text else f"{file}: {text}")
            stopping.set()
            break
    # In short waits, so that signals are soon heard on every system.
    while not signals and not stopping.wait(0.1):
        pass
    for server in servers:
        server.stop()
    LOG.stop(LOG_SECONDS)
    has_failed = len(servers) < len(paths) or any(it.has_failed for it in servers)
    return 1 if has_failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
