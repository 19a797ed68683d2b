"""Plays transcripts in a `World`."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from chatproto import User
from transcript import Name, Step, Text, Transcript
from world import Client, Wire, World

# How long the realms get to link.
LINK_MS_MAX = 120_000
# How long everybody has to be silent after the last line.
LAST_MS = 1_000
# The last place at which writes are cut in two.
CUT_MAX = 100

# The users of the two example realms.
USERS = {
    "realm1": [
        User("messi", "surabaya", "Lionel Messi"),
        User("henderson", "surabaya", "Jordan Henderson"),
        User("lineker", "surabaya", "Gary Lineker"),
    ],
    "realm2": [
        User("amsal", "jakarta", "Amsal Rizky"),
        User("herbert", "singapura", "Herbert Sterling"),
        User("napitupulu", "jakarta", "Napitupulu"),
    ],
}

TOKEN = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.DOTALL
)
MOMENT = re.compile(rb"[0-9]{13}")


class Manner(NamedTuple):
    """A way to play a transcript."""

    # How writes reach the realm: "as written", "single bytes", "glued", or in two pieces, the first
    # of that many bytes.
    cutting: str | int = "as written"
    is_durable: bool = False
    wire: Wire = "frames"


class Failure(AssertionError):
    """A line that did not come true."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"{line}: {what}")
        self.line = line


def manners(transcript: Transcript) -> Iterator[Manner]:
    """Every way in which a transcript is to be played, and over real links besides."""
    for is_durable in (False, True):
        yield Manner("as written", is_durable)
        if not transcript.is_live:
            yield Manner("single bytes", is_durable)
            yield Manner("glued", is_durable)
            for place in range(1, min(longest_write(transcript), CUT_MAX + 1)):
                yield Manner(place, is_durable)
    if any(step.words[0] in ("cut", "realm") for step in transcript.steps):
        yield Manner(wire="plain")
    yield Manner(is_durable=True, wire="noise")


def longest_write(transcript: Transcript) -> int:
    writes = (step.text for step in transcript.steps if step.words[1:] == [">"])
    return max((sum(map(part_bytes, text)) for text in writes), default=0)


def part_bytes(part: bytes | Name) -> int:
    return part.bytes() if isinstance(part, Name) else len(part)


def play(transcript: Transcript, manner: Manner) -> None:
    """Plays a transcript; raises `Failure` for the first line that does not come true."""
    stage = [step for step in transcript.steps if step.words[0] in ("limit", "realm", "user")]
    if transcript.steps[: len(stage)] != stage:
        raise Failure(stage[-1].line, "the realms are already running")
    player = Player(make_world(stage, manner), manner)
    steps = transcript.steps[len(stage) :]
    last_line = 1
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        last_line = step.line
        try:
            player.take(step, following)
        except PlayError as error:
            raise Failure(step.line, str(error)) from None
    try:
        player.finish()
    except PlayError as error:
        raise Failure(last_line, str(error)) from None


def make_world(stage: list[Step], manner: Manner) -> World:
    """Makes the realms as the first lines say, and lets them link."""
    users = {realm: list(them) for realm, them in USERS.items()}
    limits = {}
    for step in stage:
        match step.words:
            case ["limit", name, value]:
                limits[name] = int(value)
            case ["realm", name]:
                users[name] = []
            case ["user", realm, name, password, display_name]:
                users[realm].append(User(name, password, display_name))
    world = World(manner.wire)
    world.add_realms(users, limits, ":memory:" if manner.is_durable else None)
    assert world.advance_until(LINK_MS_MAX, world.all_linked), "the realms do not link"
    return world


class PlayError(Exception):
    """What did not come true."""


class Player:
    """A play under way."""

    def __init__(self, world: World, manner: Manner) -> None:
        self.world = world
        self.cutting = manner.cutting
        self.clients: dict[str, Client] = {}
        self.names: dict[str, bytes] = {}
        # Writes that wait to be glued to the next one.
        self.glue = b""

    def take(self, step: Step, following: Step | None) -> None:
        match step.words:
            case ["wait", time]:
                self.world.advance(int(time.removesuffix("ms")))
            case ["cut", a, b]:
                self.world.cut(a, b)
            case ["mend", a, b]:
                self.world.mend(a, b)
                if not self.world.advance_until(LINK_MS_MAX, lambda: self.world.linked(a, b)):
                    raise PlayError("the realms do not link again")
            case ["stop", realm]:
                self.world.nodes[realm].realm.shutdown(now=self.world.now)
            case [name, "on", realm]:
                self.open(name, realm)
            case [name, act]:
                client = self.clients.get(name) or self.open(name, "realm1")
                is_followed = following is not None and following.words == [name, ">"]
                self.act(name, client, act, step.text, is_followed)
        self.world.settle()

    def act(self, name: str, client: Client, act: str, text: Text, is_followed: bool) -> None:
        match act:
            case ">":
                self.write(client, text, is_followed)
            case "<":
                self.read(client, text)
            case "ends":
                self.world.half_close(client)
            case "drops":
                self.world.drop(client)
            case "silent":
                expect_silence(name, client)
            case "closed":
                expect_silence(name, client)
                if client.over in (None, "dropped"):
                    raise PlayError(f"{name}'s connection is not closed")

    def open(self, name: str, realm: str) -> Client:
        if name in self.clients:
            expect_silence(name, self.clients[name])
        self.clients[name] = self.world.open(realm)
        return self.clients[name]

    def write(self, client: Client, text: Text, is_followed: bool) -> None:
        if client.over is not None:
            raise PlayError("the connection is closed")
        data = self.resolve(text)
        match self.cutting:
            case "glued":
                self.glue += data
                if not is_followed:
                    self.world.write(client, self.glue)
                    self.glue = b""
            case "single bytes":
                for byte in data:
                    self.world.write(client, bytes([byte]))
            case int(place) if place < len(data):
                self.world.write(client, data[:place])
                self.world.write(client, data[place:])
            case _:
                self.world.write(client, data)

    def read(self, client: Client, text: Text) -> None:
        at = 0
        for part in text:
            piece = bytes(client.unread[at : at + part_bytes(part)])
            at += len(piece)
            if isinstance(part, Name) and part.name not in self.names:
                self.learn(part.name, piece)
            if piece != self.resolve([part]):
                expected = self.resolve(text, is_strict=False)
                raise PlayError(f"\n  expected {expected!r}\n  got      {bytes(client.unread)!r}")
        del client.unread[:at]

    def learn(self, name: str, piece: bytes) -> None:
        """Takes what was read for what is called so, if it can be: each token is another one."""
        is_moment = name.startswith("M")
        is_new = is_moment or piece not in self.names.values()
        if is_new and (MOMENT if is_moment else TOKEN).fullmatch(piece):
            self.names[name] = piece
        else:
            raise PlayError(f"this is no new ${name}: {piece!r}")

    def resolve(self, text: Text, is_strict: bool = True) -> bytes:
        """The bytes of a text; what is not known is an error, or stands there by its name."""
        pieces = []
        for part in text:
            if not isinstance(part, Name):
                pieces.append(part)
            elif part.name in self.names:
                pieces.append(self.names[part.name])
            elif is_strict:
                raise PlayError(f"${part.name} is not known yet")
            else:
                pieces.append(f"${part.name}".encode())
        return b"".join(pieces)

    def finish(self) -> None:
        """After the last line nobody has anything left to read, then and a little later."""
        for wait_ms in (0, LAST_MS):
            self.world.advance(wait_ms)
            for name, client in self.clients.items():
                expect_silence(name, client)


def expect_silence(name: str, client: Client) -> None:
    if client.unread:
        raise PlayError(f"{name} should have nothing to read\n  got      {bytes(client.unread)!r}")
