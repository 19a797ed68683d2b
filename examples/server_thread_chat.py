"""The coursework's realm server, on the engine of `chatproto`: a thread for each client, one for the links.

    python3 examples/server_thread_chat.py [realm1.toml ...]

runs the realms of these files, by default both of the examples: their clients connect to the ports 8889 and
8899. The files are those of realmd, which may run the same data when this program does not.
"""

from __future__ import annotations

import math
import os
import selectors
import signal
import socket
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import chatproto as cp

READ_BYTES = 65_536
# What may wait for the socket of a link before the realm keeps its frames to itself.
LINK_BYTES_MAX = 1 << 18
STRANGERS_MAX = 64
# How long whoever is closed out has to read the last words.
LEAVING_SECONDS = 2.0
STOP_SECONDS = 10.0

KEYS = {
    "": {"name", "log", "client", "store", "passwords", "link", "peers", "users", "limits"},
    "client": {"address"},
    "store": {"folder", "durability"},
    "passwords": {"scheme"},
    "link": {"address", "key_file", "insecure"},
    "peers": {"name", "address", "public_key", "public_key_file", "mode"},
    "users": {"name", "display_name", "country", "password", "password_hash"},
}


class Settings:
    """What a realm file says."""

    def __init__(self, file: Path) -> None:
        told = tomllib.loads(file.read_text())
        for table, keys in KEYS.items():
            found = told.get(table, {}) if table else told
            for each in found if isinstance(found, list) else [found]:
                for key in each.keys() - keys:
                    raise ValueError(
                        f"this program does not know the key {f'{table}.{key}'.strip('.')}"
                    )
        self.name: str = told["name"]
        self.log: Any = told.get("log", "essential")
        self.client = address(told["client"]["address"], "client.address")
        self.passwords: Any = told.get("passwords", {}).get("scheme", "argon2id")
        self.limits: dict[str, int] = told.get("limits", {})
        self.users = [
            cp.User(
                user["name"],
                user.get("password_hash") or user["password"],
                user.get("display_name", ""),
                user.get("country", ""),
            )
            for user in told.get("users", [])
        ]
        store, link = told.get("store", {}), told.get("link", {})
        folder = file.parent / store["folder"] if store else None
        self.durability: Any = store.get("durability", "fsync")
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.store = folder / f"{self.name}.db" if folder else None
        self.peers: list[dict[str, Any]] = told.get("peers", [])
        self.insecure: bool = link.get("insecure", False)
        self.link = (
            address(link["address"], "link.address") if "address" in link and self.peers else None
        )
        self.folder = file.parent
        key_file = file.parent / link["key_file"] if "key_file" in link else None
        if key_file is None and folder is not None:
            key_file = folder / f"{self.name}.key"
        self.key = cp.StaticKey.load_or_make(key_file) if self.peers and key_file else None

    def peer(self, told: dict[str, Any]) -> cp.Peer:
        """A peer of the file; one that keeps its key in a file has it there once it has run itself."""
        key = told.get("public_key")
        if "public_key_file" in told and (file := self.folder / told["public_key_file"]).exists():
            key = file.read_text().strip()
        mode: Any = told.get("mode", "noise")
        return cp.Peer(
            told["name"], public_key=key, mode=mode, dial="address" in told, insecure=self.insecure
        )


def address(text: Any, key: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    if not host or not port.isdecimal():
        raise ValueError(f'{key} wants an IP address and a port, such as "127.0.0.1:8889"')
    return host.strip("[]"), int(port)


class Client:
    """One connection, and the thread that reads from it."""

    def __init__(self, server: RealmServer, sock: socket.socket, host: str) -> None:
        self.server, self.sock = server, sock
        self.may_read = threading.Event()
        self.may_read.set()
        self.has_ended = self.is_slow = False
        self.number = server.realm.open(host)

    def run(self) -> None:
        """Reads until the client has no more to say."""
        realm = self.server.realm
        try:
            while data := self.sock.recv(READ_BYTES):
                self.may_read.wait()
                self.server.tell(realm.receive, self.number, data)
            self.server.tell(realm.ended, self.number)
        except OSError:
            self.server.tell(self.gone)
        with self.server.turn:
            self.has_ended = True
            if self.number not in self.server.clients:
                self.sock.close()

    def write(self) -> None:
        """Writes what there is, without waiting; the rest a thread of its own writes."""
        realm = self.server.realm
        try:
            while not self.is_slow and (data := realm.outgoing(self.number)):
                realm.sent(self.number, self.sock.send(data, socket.MSG_DONTWAIT))
        except BlockingIOError:
            self.is_slow = True
            threading.Thread(target=self.write_slowly, daemon=True).start()
        except OSError:
            self.gone()

    def write_slowly(self) -> None:
        realm, sent = self.server.realm, 0
        while True:
            with self.server.turn:
                if self.number not in self.server.clients:
                    return
                self.server.tell(realm.sent, self.number, sent)
                data = realm.outgoing(self.number)
                if not data:
                    self.is_slow = False
                    return
            try:
                sent = self.sock.send(data)
            except OSError:
                return self.server.tell(self.gone)

    def gone(self) -> None:
        if self.server.clients.pop(self.number, None):
            self.server.realm.closed(self.number)
            self.cut()

    def close(self) -> None:
        """Lets the client read the last words, unless it has not even read those before."""
        if self.has_ended or self.is_slow:
            return self.cut()
        self.may_read.set()
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        timer = threading.Timer(LEAVING_SECONDS, self.cut)
        timer.daemon = True
        timer.start()

    def cut(self) -> None:
        self.may_read.set()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.has_ended:
            self.sock.close()


class Link:
    """One connection to another realm; the link thread alone has to do with it."""

    def __init__(self, sock: socket.socket, wire: cp.LinkTransport, dialled: str | None) -> None:
        self.sock, self.wire, self.dialled = sock, wire, dialled
        self.number: int | None = None
        self.is_leaving = False


class LinkThread(threading.Thread):
    """Has the sockets to other realms, and the realm's clock."""

    def __init__(self, server: RealmServer, settings: Settings) -> None:
        super().__init__(name=f"{server.realm.name} links", daemon=True)
        self.server, self.settings, self.realm = server, settings, server.realm
        self.links: dict[int, Link] = {}
        self.selector = selectors.DefaultSelector()
        self.waker, ear = socket.socketpair()
        ear.setblocking(False)
        self.selector.register(ear, selectors.EVENT_READ, lambda: ear.recv(4096))
        self.listener: socket.socket | None = None
        if settings.link is not None:
            self.listener = listen(settings.link)
            self.listener.setblocking(False)
            self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.orders: list[cp.LinkSend | cp.LinkClose | cp.Dial] = []
        # On the realm's clock; 0 while it is awake, or was woken.
        self.wakes_at_ms = 0.0

    def order(self, order: cp.LinkSend | cp.LinkClose | cp.Dial) -> None:
        """What the realm wants of its links; called in any thread that has the turn."""
        self.orders.append(order)
        self.wake()

    def wake(self) -> None:
        if self.wakes_at_ms != 0:
            self.wakes_at_ms = 0
            self.waker.send(b".")

    def sockets(self) -> list[Link]:
        return [key.data for key in self.selector.get_map().values() if isinstance(key.data, Link)]

    def run(self) -> None:
        self.server.tell(self.attend, [])
        while not self.server.is_over:
            with self.server.turn:
                wait = 0.0 if self.orders else self.realm.wait_seconds()
                self.wakes_at_ms = 0.0 if self.orders else self.realm.next_deadline_ms() or math.inf
            waits = [wait, *(link.wire.wait_seconds() for link in self.sockets())]
            # Systems take no wait of weeks.
            ready = self.selector.select(min([3600.0, *(s for s in waits if s is not None)]))
            self.server.tell(self.attend, [key.data for key, _ in ready])
        for link in self.sockets():
            link.sock.close()

    def attend(self, ready: list[Any]) -> None:
        self.wakes_at_ms = 0
        self.realm.handle_timeout()
        for each in ready:
            if not isinstance(each, Link):
                each()
        for link in self.sockets():
            try:
                link.wire.handle_timeout()
                if link in ready:
                    self.read(link)
                self.write(link)
            except (OSError, cp.LinkError) as why:
                self.end(link, str(why))
        orders, self.orders = self.orders, []
        for order in orders:
            match order:
                case cp.Dial(peer):
                    self.dial(peer)
                case cp.LinkSend(number) | cp.LinkClose(number) if number in self.links:
                    link = self.links[number]
                    if isinstance(order, cp.LinkClose):
                        del self.links[number]
                        link.is_leaving = True
                    try:
                        self.write(link)
                    except (OSError, cp.LinkError) as why:
                        self.end(link, str(why))

    def config(self) -> cp.TransportConfig:
        """Who may be linked with, as far as their keys are there by now."""
        peers = [self.settings.peer(told) for told in self.settings.peers]
        known = [peer for peer in peers if peer.mode == "plain" or peer.public_key]
        return cp.TransportConfig(self.realm.name, self.settings.key, known, self.realm.limits)

    def dial(self, peer: str) -> None:
        told = next(told for told in self.settings.peers if told["name"] == peer)
        try:
            wire = cp.LinkTransport.dial(self.config(), peer)
        except cp.ChatProtoError:
            return self.realm.dial_failed(
                peer, f"its key is not in {told.get('public_key_file')} yet"
            )
        sock = socket.socket(socket.AF_INET6 if told["address"].startswith("[") else socket.AF_INET)
        sock.setblocking(False)
        sock.connect_ex(address(told["address"], "peers.address"))
        self.meet(Link(sock, wire, peer))

    def accept(self) -> None:
        assert self.listener is not None
        try:
            sock, _ = self.listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        if len(self.sockets()) - len(self.links) >= STRANGERS_MAX:
            return sock.close()
        self.meet(Link(sock, cp.LinkTransport.accept(self.config()), None))

    def meet(self, link: Link) -> None:
        link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(link.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, link)

    def read(self, link: Link) -> None:
        try:
            data = link.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError("the other side has hung up")
        try:
            link.wire.receive(data)
        finally:
            outputs = link.wire.outputs()
            for output in outputs:
                if isinstance(output, cp.Up):
                    link.number = self.realm.link_up(output.peer, output.direction)
                    self.links[link.number] = link
            frames = [output for output in outputs if isinstance(output, cp.Frame)]
            if frames and link.number is not None:
                self.realm.link_frames(link.number, frames)

    def write(self, link: Link) -> None:
        """Hands frames over, as long as the socket takes them."""
        while True:
            frames: list[cp.Frame] = []
            if link.number is not None and link.wire.outgoing_bytes < LINK_BYTES_MAX:
                frames = self.realm.link_outgoing(link.number)[:64]
                for frame in frames:
                    link.wire.send(frame)
                self.realm.link_sent(link.number, len(frames))
            data = link.wire.outgoing()
            if not data:
                break
            try:
                link.wire.sent(link.sock.send(data))
            except BlockingIOError:
                break
        if link.is_leaving and not data:
            raise ConnectionAbortedError("all is said")
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if data else 0)
        if self.selector.get_key(link.sock).events != events:
            self.selector.modify(link.sock, events, link)

    def end(self, link: Link, why: str) -> None:
        self.selector.unregister(link.sock)
        link.sock.close()
        if link.number is not None:
            if self.links.pop(link.number, None):
                self.realm.link_down(link.number)
        elif link.dialled is not None:
            self.realm.dial_failed(link.dialled, why)


class RealmServer:
    """A realm, the threads around it, and the lock with which they take turns."""

    def __init__(self, settings: Settings, stopping: threading.Event) -> None:
        self.stopping = stopping
        self.realm = cp.Realm(
            settings.name,
            settings.users,
            peers=[settings.peer(told) for told in settings.peers],
            limits=settings.limits,
            store=settings.store,
            durability=settings.durability,
            passwords=settings.passwords,
            detail=settings.log,
        )
        self.turn = threading.RLock()
        self.is_over = False
        self.clients: dict[int, Client] = {}
        self.workers = ThreadPoolExecutor(4, f"{settings.name} work")
        self.listener = listen(settings.client)
        self.links = LinkThread(self, settings)
        self.links.start()
        threading.Thread(target=self.accept, daemon=True).start()
        host, port = self.listener.getsockname()[:2]
        ready = f"{settings.name} is ready at {host}:{port}"
        if self.links.listener is not None:
            host, port = self.links.listener.getsockname()[:2]
            ready += f" (link {host}:{port})"
        print(ready, flush=True)

    def accept(self) -> None:
        while not self.is_over:
            try:
                sock, (host, port, *_) = self.listener.accept()
            except OSError:
                # Too many open files, most likely; some will be closed.
                time.sleep(0.1)
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.tell(self.welcome, sock, host, port)

    def welcome(self, sock: socket.socket, host: str, port: int) -> None:
        client = Client(self, sock, host)
        self.clients[client.number] = client
        log(f"{self.realm.name} [{client.number & 0xFFFF_FFFF}]: connection from {(host, port)}")
        threading.Thread(target=client.run, daemon=True).start()

    def tell(self, input_: Callable[..., object], *arguments: object) -> None:
        """Tells the realm something, and does what it asks for then."""
        with self.turn:
            if self.is_over:
                return
            input_(*arguments)
            lines: list[str] = []
            while outputs := self.realm.outputs():
                for output in outputs:
                    self.carry_out(output, lines)
            if lines:
                log("\n".join(lines))
            at_ms = self.realm.next_deadline_ms()
            if at_ms is not None and at_ms < self.links.wakes_at_ms:
                self.links.wake()

    def carry_out(self, output: cp.Output, lines: list[str]) -> None:
        match output:
            case cp.Send(number) if number in self.clients:
                self.clients[number].write()
            case cp.PauseRead(number) if number in self.clients:
                self.clients[number].may_read.clear()
            case cp.ResumeRead(number) if number in self.clients:
                self.clients[number].may_read.set()
            case cp.Close(number) if number in self.clients:
                self.clients.pop(number).close()
            case cp.LinkSend() | cp.LinkClose() | cp.Dial():
                self.links.order(output)
            case cp.Work():
                self.workers.submit(self.work, output)
            case cp.Event():
                if isinstance(output, cp.StoreBroken):
                    self.stopping.set()
                lines.append(f"{self.realm.name}{told(output)}")

    def work(self, work: cp.Work) -> None:
        work.run()
        self.tell(lambda: None)

    def stop(self) -> None:
        """Finishes what was promised, and says goodbye to everybody."""
        self.tell(self.realm.shutdown)
        until = time.monotonic() + STOP_SECONDS
        while not self.realm.is_shut_down and time.monotonic() < until:
            time.sleep(0.02)
        with self.turn:
            self.is_over = True
        self.links.wake()
        self.links.join(STOP_SECONDS)
        self.workers.shutdown()
        self.realm.close()
        log(f"{self.realm.name} has ended")


def told(event: cp.Event) -> str:
    """An event in the words of the classic server's log."""
    match event:
        case cp.Received(n, text):
            return f" [{n & 0xFFFF_FFFF}]: data dari client: {plain(text)}"
        case cp.Replied(n, text):
            return f" [{n & 0xFFFF_FFFF}]: balas ke  client: {plain(text)}"
        case cp.LoggedIn(n, user, session):
            return f" [{n & 0xFFFF_FFFF}]: AUTH: auth {user} *** is session {session}"
        case cp.LoginFailed(n, user, code):
            return f" [{n & 0xFFFF_FFFF}]: AUTH: auth {user} *** failed: {code}"
        case cp.LoggedOut(user, session):
            return f": Logout: {user}, session {session}"
        case cp.Sent(session, from_, to):
            return f": SEND: session {session} send message from {from_} to {to}"
        case cp.InboxRead(user, messages):
            return f": INBOX: {user}, messages: {messages}"
        case cp.ActiveUsersRead(user):
            return f": ACTIVE USER: {user}"
        case cp.GroupJoined(n, user, group, home):
            return f" [{n & 0xFFFF_FFFF}]: GROUP: {group}, {user} joined at {home}"
        case cp.LinkUp(peer):
            return f": link to {peer} is up"
        case cp.LinkDown(peer, why):
            return f": link to {peer} is down: {plain(why)}"
        case _:
            return f": {event!r}"


def plain(text: str) -> str:
    """A text without its line end, and without what a terminal would obey."""
    text = text.rstrip("\r\n")
    return text if text.isprintable() else repr(text)[1:-1]


def log(text: str) -> None:
    sys.stderr.write(text + "\n")


def listen(address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    return socket.create_server(address, family=family, backlog=1024)


def main(*files: str) -> int:
    here = Path(__file__).parent
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    servers: list[RealmServer] = []
    for file in files or (here / "realm1.toml", here / "realm2.toml"):
        try:
            servers.append(RealmServer(Settings(Path(file)), stopping))
        except (OSError, ValueError, TypeError, KeyError, cp.ChatProtoError) as error:
            missing = "there is no key " if isinstance(error, KeyError) else ""
            print(f"{os.fspath(file)}: {missing}{error}", file=sys.stderr)
            stopping.set()
            break
    # In short waits, so that Ctrl-C is heard on every system.
    while not stopping.wait(0.5):
        pass
    for server in servers:
        server.stop()
    return 0 if len(servers) == len(files or "12") else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
