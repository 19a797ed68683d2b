"""Realms, their clients and the links between them, in one process and on one virtual clock."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Literal

from chatproto import (
    Close,
    Dial,
    Event,
    Frame,
    LinkClose,
    LinkError,
    LinkSend,
    LinkTransport,
    Now,
    Output,
    PauseRead,
    Peer,
    Realm,
    Reply,
    ResumeRead,
    Send,
    StaticKey,
    Up,
    User,
    Work,
)

# The clock of the outside world when the virtual one stands at 0.
EPOCH_UNIX_MS = 1_790_000_000_000

# What may happen at one moment before the realms count as never coming to rest.
ROUNDS_AT_ONCE_MAX = 100_000

# What travels over a link: frames as they are, or the bytes that a transport makes of them.
Wire = Literal["frames", "plain", "noise"]


@dataclass(eq=False)
class Client:
    """One connection, seen from the client."""

    node: "Node"
    connection: int
    unread: bytearray = field(default_factory=bytearray)
    # Whether the realm wants to read no more for now, and what the client did meanwhile.
    paused: bool = False
    held: deque[bytes | None] = field(default_factory=deque)
    # Why it is over, once it is.
    over: str | None = None


@dataclass(eq=False)
class End:
    """One realm's end of a link."""

    node: "Node"
    # None where frames travel as they are.
    transport: LinkTransport | None
    link: int | None = None
    is_alive: bool = True
    # Frames that the other end has sent.
    arrived: list[Frame] = field(default_factory=list)
    other: "End" = field(init=False)


@dataclass(eq=False)
class Node:
    """A realm and all that is connected to it."""

    realm: Realm
    clients: dict[int, Client] = field(default_factory=dict)
    links: dict[int, End] = field(default_factory=dict)
    replies: dict[int, bytes] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


class World:
    """Realms, clients, links and the time."""

    def __init__(self, wire: Wire = "frames") -> None:
        self.wire = wire
        self.now = Now(0, EPOCH_UNIX_MS)
        self.nodes: dict[str, Node] = {}
        self.ends: list[End] = []
        self.severed: set[frozenset[str]] = set()

    def add_realms(
        self,
        users: Mapping[str, Iterable[User]],
        limits: Mapping[str, int] | None = None,
        store: str | None = None,
    ) -> None:
        """Makes realms with these users, each the peer of each."""
        keys = {name: StaticKey.generate() for name in users}
        for number, name in enumerate(users, 1):
            realm = Realm(
                name,
                users[name],
                peers=[self._peer(other, keys[other]) for other in users if other != name],
                key=keys[name],
                limits=limits,
                store=store,
                passwords="plain",
                seed=bytes([number]) * 32,
                now=self.now,
            )
            self.nodes[name] = Node(realm)

    def _peer(self, name: str, key: StaticKey) -> Peer:
        if self.wire == "plain":
            return Peer(name, mode="plain", insecure=True)
        return Peer(name, public_key=key.public)

    # Clients.

    def open(self, realm: str) -> Client:
        node = self.nodes[realm]
        client = Client(node, node.realm.open("127.0.0.1", now=self.now))
        node.clients[client.connection] = client
        self.settle()
        return client

    def write(self, client: Client, data: bytes) -> None:
        """Writes, once: the realm reads it in one piece, as soon as it reads."""
        self._input(client, data)

    def half_close(self, client: Client) -> None:
        self._input(client, None)

    def drop(self, client: Client) -> None:
        if client.over is None:
            client.over = "dropped"
            del client.node.clients[client.connection]
            client.node.realm.closed(client.connection, now=self.now)
        client.unread.clear()
        self.settle()

    def execute(self, realm: str, line: str | bytes) -> bytes:
        """Carries out a command without a connection, and returns its reply."""
        node = self.nodes[realm]
        request = node.realm.execute(line, now=self.now)
        self.settle()
        return node.replies.pop(request)

    def _input(self, client: Client, data: bytes | None) -> None:
        if client.paused:
            client.held.append(data)
        elif client.over is None:
            if data is None:
                client.node.realm.ended(client.connection, now=self.now)
            else:
                client.node.realm.receive(client.connection, data, now=self.now)
        self.settle()

    # Links.

    def linked(self, a: str, b: str) -> bool:
        """Whether both realms hold a link to each other."""
        return any(
            end.other.node is self.nodes[b] and end.other.link is not None
            for end in self.nodes[a].links.values()
        )

    def all_linked(self) -> bool:
        return all(self.linked(a, b) for a, b in permutations(self.nodes, 2))

    def cut(self, a: str, b: str) -> None:
        """Breaks the link between two realms, of which both learn at once, and keeps it broken."""
        self.severed.add(frozenset((a, b)))
        for end in list(self.nodes[a].links.values()):
            if end.other.node is self.nodes[b]:
                self._lose(end)
                self._lose(end.other)
        self.settle()

    def mend(self, a: str, b: str) -> None:
        self.severed.discard(frozenset((a, b)))

    def _dial(self, node: Node, peer: str) -> None:
        acceptor = self.nodes.get(peer)
        name = node.realm.name
        if acceptor is None or frozenset((name, peer)) in self.severed:
            node.realm.dial_failed(peer, "nobody answers there", now=self.now)
            return
        if self.wire == "frames":
            ends = [End(node, None), End(acceptor, None)]
        else:
            ours, theirs = node.realm.transport_config(), acceptor.realm.transport_config()
            ends = [
                End(node, LinkTransport.dial(ours, peer, now=self.now)),
                End(acceptor, LinkTransport.accept(theirs, now=self.now)),
            ]
        ends[0].other, ends[1].other = ends[1], ends[0]
        self.ends += ends
        if self.wire == "frames":
            self._rise(ends[1], name, "accepted")
            self._rise(ends[0], peer, "dialled")
        else:
            self._collect(ends[0])

    def _rise(self, end: End, peer: str, direction: Literal["dialled", "accepted"]) -> None:
        end.link = end.node.realm.link_up(peer, direction, now=self.now)
        end.node.links[end.link] = end

    def _depart(self, end: End) -> None:
        """Hands the frames of a realm over to the wire."""
        assert end.link is not None
        frames = end.node.realm.link_outgoing(end.link)
        for frame in frames:
            if end.transport is not None:
                end.transport.send(frame)
            elif end.other.is_alive:
                end.other.arrived.append(frame)
        end.node.realm.link_sent(end.link, len(frames), now=self.now)

    def _collect(self, end: End) -> None:
        """Hands to a realm what has come for it."""
        for output in end.transport.outputs() if end.transport else ():
            match output:
                case Up(peer, direction):
                    self._rise(end, peer, direction)
                case Frame() as frame:
                    end.arrived.append(frame)
        if end.link is not None and end.arrived:
            frames, end.arrived = end.arrived, []
            end.node.realm.link_frames(end.link, frames, now=self.now)

    def _carry(self, end: End) -> bool:
        """Carries bytes and frames to an end; returns whether there were any."""
        other = end.other
        data = b""
        if other.transport is not None:
            data = other.transport.outgoing()
            other.transport.sent(len(data))
        if not end.is_alive or not (data or end.arrived):
            return False
        try:
            if end.transport is not None:
                end.transport.receive(data, now=self.now)
            self._collect(end)
        except LinkError:
            self._collect(end)
            self._lose(end)
        return True

    def _lose(self, end: End) -> None:
        """The connection is gone for this end."""
        if not end.is_alive:
            return
        end.is_alive = False
        if end.link is not None and end.node.links.pop(end.link, None) is not None:
            end.node.realm.link_down(end.link, now=self.now)

    # What happens.

    def settle(self) -> None:
        """Lets everything happen that happens now, without time passing."""
        for _ in range(ROUNDS_AT_ONCE_MAX):
            is_busy = False
            for node in self.nodes.values():
                for output in node.realm.outputs():
                    self._carry_out(node, output)
                    is_busy = True
            for end in self.ends:
                is_busy |= self._carry(end)
            for end in self.ends:
                if end.is_alive and not end.other.is_alive:
                    self._lose(end)
                    is_busy = True
            if not is_busy:
                self.ends = [end for end in self.ends if end.is_alive]
                return
        raise AssertionError("the realms never come to rest")

    def _carry_out(self, node: Node, output: Output) -> None:
        realm = node.realm
        match output:
            case Send(connection):
                data = realm.outgoing(connection)
                node.clients[connection].unread += data
                realm.sent(connection, len(data), now=self.now)
            case PauseRead(connection):
                node.clients[connection].paused = True
            case ResumeRead(connection):
                client = node.clients[connection]
                client.paused = False
                while client.held and not client.paused:
                    self._input(client, client.held.popleft())
            case Close(connection, reason):
                node.clients.pop(connection).over = reason
            case LinkSend(link) if link in node.links:
                self._depart(node.links[link])
            case LinkClose(link) if link in node.links:
                self._depart(node.links[link])
                node.links.pop(link).is_alive = False
            case Dial(peer):
                self._dial(node, peer)
            case Work():
                output.run(now=self.now)
            case Reply(request, data):
                node.replies[request] = data
            case Event():
                node.events.append(output)

    def advance(self, ms: int) -> None:
        """Lets that many milliseconds pass, from one deadline to the next."""
        self.advance_until(ms, lambda: False)

    def advance_until(self, ms: int, reached: Callable[[], bool]) -> bool:
        """Lets time pass until something holds; returns whether it does."""
        until_ms = self.now.mono_ms + ms
        self.settle()
        while not reached():
            deadlines = (node.realm.poll_timeout() for node in self.nodes.values())
            next_ms = min((at_ms for at_ms in deadlines if at_ms is not None), default=until_ms)
            target_ms = max(self.now.mono_ms, min(next_ms, until_ms))
            self.now = self.now.after_ms(target_ms - self.now.mono_ms)
            if next_ms > until_ms:
                return reached()
            for node in self.nodes.values():
                node.realm.handle_timeout(now=self.now)
            self.settle()
            if target_ms == until_ms and not self._is_due():
                return reached()
        return True

    def _is_due(self) -> bool:
        deadlines = (node.realm.poll_timeout() for node in self.nodes.values())
        return any(at_ms is not None and at_ms <= self.now.mono_ms for at_ms in deadlines)
