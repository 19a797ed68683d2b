import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal, Self, final

from _typeshed import ReadableBuffer
from typing_extensions import disjoint_base

__all__ = [
    "ActiveUsersRead",
    "BaseChat",
    "ChatProtoError",
    "Close",
    "ConfigError",
    "Dial",
    "Event",
    "FetchFailed",
    "ForkError",
    "Frame",
    "GroupJoined",
    "GroupLeft",
    "HistoryRead",
    "HistoryTruncated",
    "InboxAcked",
    "InboxPeeked",
    "InboxRead",
    "InternalError",
    "InvalidNameError",
    "LimitError",
    "LinkClose",
    "LinkDown",
    "LinkError",
    "LinkFailed",
    "LinkSend",
    "LinkTransport",
    "LinkUp",
    "LoggedIn",
    "LoggedOut",
    "LoginFailed",
    "MailGivenUp",
    "MailRefused",
    "MailUnknown",
    "MisuseError",
    "Now",
    "OlderCopy",
    "Output",
    "PasswordFailed",
    "PauseRead",
    "Peer",
    "PeerMisbehaved",
    "PeerRenewed",
    "PeerSaid",
    "PeerStatus",
    "Realm",
    "Received",
    "Refused",
    "Replied",
    "Reply",
    "ResumeRead",
    "Send",
    "Sent",
    "StaticKey",
    "StoreBroken",
    "StoreError",
    "StoreFull",
    "StoreRecovered",
    "TransportConfig",
    "Up",
    "User",
    "Work",
    "__version__",
    "error_codes",
]

__version__: Final[str]
"""The version of the package, such as "0.1.0"."""

def error_codes() -> dict[str, str]:
    """Returns the sentence a person is shown for each error code, in Indonesian.

    The keys are the codes as they stand in replies, such as `inbox_full`, in the order of their
    numbers. Each call returns a new dictionary.
    """

class ChatProtoError(Exception):
    """The base class of every exception that chatproto raises.

    `code` is a stable word for what went wrong; the text tells a person what to do.
    """

    code: str

class ConfigError(ChatProtoError):
    """What a realm or a link was told contradicts itself."""

class InvalidNameError(ChatProtoError):
    """A text cannot be the name of a user or a realm."""

class LimitError(ChatProtoError):
    """A limit that does not exist, or a value out of its range."""

class StoreError(ChatProtoError):
    """A store cannot be opened, or what it holds cannot be right."""

class MisuseError(ChatProtoError):
    """The program used an object in a way that cannot be meant: a bug in the program."""

class LinkError(ChatProtoError):
    """The other realm did something that ends the link, or a frame cannot be sent."""

class ForkError(ChatProtoError):
    """An object was used in a process that was forked after it was made."""

class InternalError(ChatProtoError):
    """A bug in chatproto; the object is of no use any more."""

@final
class Now:
    """A moment, as two clocks show it: `mono_ms` drives timers, and `unix_ms` is shown and recorded.

    Wherever one may be given and is not, the clocks of the machine are read. Either all calls of a
    realm get one, as in tests with a time of their own, or none: the clock of a realm never goes back.
    """

    __match_args__ = ("mono_ms", "unix_ms")
    def __new__(cls, mono_ms: int, unix_ms: int) -> Self: ...
    @property
    def mono_ms(self) -> int:
        """Milliseconds on a clock that never goes back, from any start."""
    @property
    def unix_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
    @staticmethod
    def machine() -> Now:
        """Reads the clocks of the machine. `mono_ms` counts from a moment in this process."""
    def after_ms(self, ms: int) -> Now:
        """Returns the moment that many milliseconds later."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: Now, /) -> bool: ...
    def __le__(self, other: Now, /) -> bool: ...
    def __gt__(self, other: Now, /) -> bool: ...
    def __ge__(self, other: Now, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class User:
    """A user that a realm has from its start. One that its store knows already stays as it is there.

    `password` is what the user logs in with, or a hash of it that begins with "$argon2id$", as
    `realmd hash-password` prints it; it cannot be read back. Without a `display_name` others see the
    name. Raises InvalidNameError, and ConfigError for a hash that is none or a password that is no text.
    """

    def __new__(
        cls, name: str, password: str, display_name: str = "", country: str = ""
    ) -> Self: ...
    @property
    def name(self) -> str:
        """What the user logs in with."""
    @property
    def display_name(self) -> str:
        """What others see."""
    @property
    def country(self) -> str:
        """Where the user is from."""

@final
class Peer:
    """Another realm that this one is linked with.

    `mode` is "noise": encrypted, with the realm that has `public_key` and no other; or "plain", which
    protects nothing, for lessons on one machine, and wants `insecure=True`. `public_key` is what that
    realm's `StaticKey.public` shows, 44 characters; without one no `LinkTransport` can be made with it.
    With `dial=False` this realm waits to be called. Classic neighbours are none of this package's.

    Raises InvalidNameError, and ConfigError for a key or a mode that cannot be.
    """

    def __new__(
        cls,
        name: str,
        *,
        public_key: str | None = None,
        mode: Literal["noise", "plain"] = "noise",
        dial: bool = True,
        insecure: bool = False,
    ) -> Self: ...
    @property
    def name(self) -> str:
        """What it is called."""
    @property
    def public_key(self) -> str | None:
        """The key by which it is known, if it is."""
    @property
    def mode(self) -> Literal["noise", "plain"]:
        """ "noise" or "plain"."""
    @property
    def dial(self) -> bool:
        """Whether it is called."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class PeerStatus:
    """How a realm stands with a peer."""

    @property
    def name(self) -> str:
        """The other realm."""
    @property
    def state(self) -> Literal["linked", "greeting", "dialling", "waiting", "listening", "paused"]:
        """ "linked", "greeting", "dialling", "waiting", "listening" or "paused"."""
    @property
    def waiting_ms(self) -> int | None:
        """In the state "waiting": in how many ms it is called again."""
    @property
    def queue_messages(self) -> int:
        """Messages and bounces that wait for it, or that it has not acknowledged."""
    @property
    def queue_bytes(self) -> int:
        """Their bytes."""
    @property
    def oldest_unix_ms(self) -> int | None:
        """When the oldest of those messages was taken, in ms since 1970."""
    @property
    def round_trip_ms(self) -> int | None:
        """How long it took at last to answer a ping, in ms."""
    @property
    def last_error(self) -> str | None:
        """Why there was no link at last; as it came, so escape it before showing it."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class StaticKey:
    """A realm's own secret key: whoever has it can pass for the realm. It cannot be read but from the
    one file that may hold it, in which realmd can read it too.
    """

    @staticmethod
    def generate() -> StaticKey:
        """Makes a new key, of fresh entropy. Save it: peers know the realm by it."""
    @staticmethod
    def load(path: str | os.PathLike[str]) -> StaticKey:
        """Reads a key file.

        Raises ConfigError, with the code "key_not_there" if there is none, "key_open" if others than
        its owner may read it, "no_key" if there is something else in it, and "key_file" if the system
        refuses something.
        """
    @staticmethod
    def load_or_make(path: str | os.PathLike[str]) -> StaticKey:
        """Reads a key file, and makes one with a new key if there is none.

        Raises ConfigError as `load` and `save` do.
        """
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a new file that its owner alone may read, and the public key beside it: `realm1.pub` for
        `realm1.key`. A file that is there stays.

        Raises ConfigError, with the code "key_exists" if there is such a file, and "key_file" if the
        system refuses something.
        """
    @property
    def public(self) -> str:
        """The key that peers may know: 44 characters."""

@final
class Realm:
    """A realm: its users, their sessions and inboxes, live groups, and the streams to other realms.

    It owns no socket, thread or clock: a program feeds it and carries out what it asks for. After any
    number of calls take `outputs` until there are none, and carry them out in their order: write
    `outgoing` after a Send and report it with `sent`, run each Work in some thread, and so on. Call
    `handle_timeout` once `wait_seconds` are over. Several threads may use a realm at a time.

    `store` is None, ":memory:" or the path of an SQLite file. With a store, what is promised to a
    client is stored first: replies wait for a Work of the kind "commit". `durability` is what a commit
    outlives: "fsync", a power cut, or "os", a killed process. `passwords` are kept as "argon2id" hashes,
    or "plain" in memory, for lessons. `detail` is how much is told in events: "essential", "commands" or
    "wire". `limits` has some of the names that the property `limits` shows, and other values. A `seed`
    of 32 bytes makes a play repeatable; never use one twice in earnest. With a `now`, all other calls
    want one too.

    A file is one realm's at a time. In a child that is forked meanwhile the realm is of no use; a child
    that lives on keeps the file from others only if this process is killed before it has closed it.

    Raises ConfigError, InvalidNameError or LimitError for arguments that contradict themselves, and
    StoreError if the store cannot be opened. Every method raises MisuseError after `close`, ForkError in
    a process that was forked since, and InternalError once the realm has met a bug.
    """

    def __new__(
        cls,
        name: str,
        users: Iterable[User] | None = None,
        *,
        peers: Iterable[Peer] | None = None,
        key: StaticKey | None = None,
        limits: Mapping[str, int] | None = None,
        store: str | os.PathLike[str] | None = None,
        durability: Literal["fsync", "os"] = "fsync",
        passwords: Literal["argon2id", "plain"] = "argon2id",
        detail: Literal["essential", "commands", "wire"] = "essential",
        seed: bytes | None = None,
        now: Now | None = None,
    ) -> Self: ...
    @property
    def name(self) -> str:
        """The realm's name."""
    @property
    def limits(self) -> dict[str, int]:
        """The limits in force, by name, each time in a new dictionary."""
    @property
    def is_shut_down(self) -> bool:
        """Whether a shutdown is through: no connection, no link, nothing to commit."""
    @property
    def store_failure(self) -> str | None:
        """Why the store failed at what it was asked for last, and what to do; None if it did not."""
    def open(self, address: str, *, now: Now | None = None) -> int:
        """Takes a new connection from `address`, a str without the port, by which connections are counted.
        Returns the connection's number, an int. One connection too many is told so and closed.
        """
    def receive(self, connection: int, data: ReadableBuffer, *, now: Now | None = None) -> None:
        """Takes what one read brought: bytes, or anything like them. In a live group one read is one
        message.

        What is said of a connection that is gone changes nothing, here and in the methods below.
        """
    def ended(self, connection: int, *, now: Now | None = None) -> None:
        """Notes that the client will send no more, but may still read."""
    def closed(self, connection: int, *, now: Now | None = None) -> None:
        """Notes that the connection is gone. Whole lines that it had sent are still carried out, but an
        `inbox` among them empties nothing.
        """
    def outgoing(self, connection: int) -> bytes:
        """Returns the bytes to write to a connection now; b"" if there are none."""
    def sent(self, connection: int, n: int, *, now: Now | None = None) -> None:
        """Notes that the first `n` bytes of `outgoing` were written.

        Raises MisuseError for more than there were.
        """
    def execute(self, line: str | ReadableBuffer, *, now: Now | None = None) -> int:
        """Carries out one command without a connection, such as "auth messi surabaya", given as a str or
        bytes; a line end is added where there is none. Returns an int, which the Reply that answers it
        has as its `request`.
        """
    def outputs(self) -> list[Output]:
        """Returns a list of all that the realm asks for or tells, in its order; empty if there is nothing."""
    def poll_timeout(self) -> int | None:
        """Returns when `handle_timeout` is due, in ms on the clock of `Now.mono_ms`; None if it is not."""
    def wait_seconds(self, *, now: Now | None = None) -> float | None:
        """Returns how many seconds, a float, remain until `handle_timeout` is due; None if it is not."""
    def handle_timeout(self, *, now: Now | None = None) -> None:
        """Does what is due; harmless at any other moment."""
    def transport_config(self) -> TransportConfig:
        """Returns what a LinkTransport of this realm is made with: its name, key and limits, and its peers
        as they are now.

        Raises ConfigError if a key is missing, or a peer could pass for another one.
        """
    def link_up(
        self, peer: str, direction: Literal["dialled", "accepted"], *, now: Now | None = None
    ) -> int:
        """Notes that a link with a peer is up, as a LinkTransport tells with Up. Returns the link's
        number, an int. Of two links with one peer the realm closes one.

        Raises MisuseError for a realm that is no peer, or another word than "dialled" or "accepted".
        """
    def link_frames(self, link: int, frames: Sequence[Frame], *, now: Now | None = None) -> None:
        """Takes frames that came over a link."""
    def link_outgoing(self, link: int) -> list[Frame]:
        """Returns a list of the frames to send over a link now."""
    def link_sent(self, link: int, n: int, *, now: Now | None = None) -> None:
        """Notes that the first `n` frames of `link_outgoing` were taken over by a LinkTransport.

        Raises MisuseError for more than there were.
        """
    def link_down(self, link: int, *, now: Now | None = None) -> None:
        """Notes that a link is gone."""
    def dial_failed(self, peer: str, why: str, *, now: Now | None = None) -> None:
        """Notes that a Dial led to no link; why is for people to read, users among them: without paths.

        Raises MisuseError for a realm that was never a peer.
        """
    def peers(self) -> list[PeerStatus]:
        """Returns a list with a PeerStatus for each peer."""
    def set_peer(self, peer: Peer, *, now: Now | None = None) -> None:
        """Adds a peer, or changes what is said of one.

        Raises ConfigError for this realm's own name.
        """
    def remove_peer(self, peer: str, *, bounce: bool = False, now: Now | None = None) -> None:
        """Takes a peer out. With `bounce`, messages that wait for it come back to their senders.

        Raises MisuseError for a realm that is no peer, and ConfigError, with the code "has_mail", if
        messages wait and `bounce` is not said; then nothing has changed.
        """
    def pause_peer(self, peer: str, paused: bool = True, *, now: Now | None = None) -> None:
        """Ends the link with a peer and wants no other, beyond the realm's end too; or, with
        `paused=False`, wants one again. Messages wait meanwhile.

        Raises MisuseError for a realm that is no peer.
        """
    def retry_peer(self, peer: str, *, now: Now | None = None) -> None:
        """Calls a peer at once that would be called later.

        Raises MisuseError for a realm that is no peer.
        """
    def shutdown(self, *, now: Now | None = None) -> None:
        """Takes nothing new, says goodbye to everybody, and closes each connection and link once its output
        is written. Go on as before until `is_shut_down`.
        """
    def close(self) -> None:
        """Ends the realm at once and closes its store, after the commit under way if there is one. Every
        other method then raises MisuseError; calling this one again does nothing.
        """
    def __enter__(self) -> Self: ...
    def __exit__(self, *_why: object) -> None: ...

class Output:
    """Something that a realm asks for, or tells: what `Realm.outputs` gives."""

class Event(Output):
    """Something that happened in a realm. No secret is ever in it.

    A `code` is one of `error_codes()`.
    """

@final
class Send(Output):
    """`Realm.outgoing` has bytes for a connection. It is not said again before all are sent."""

    __match_args__ = ("connection",)
    def __new__(cls, connection: int) -> Self: ...
    @property
    def connection(self) -> int:
        """The connection."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class PauseRead(Output):
    """Read no more from a connection for now: enough waits inside."""

    __match_args__ = ("connection",)
    def __new__(cls, connection: int) -> Self: ...
    @property
    def connection(self) -> int:
        """The connection."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class ResumeRead(Output):
    """Read from a connection again."""

    __match_args__ = ("connection",)
    def __new__(cls, connection: int) -> Self: ...
    @property
    def connection(self) -> int:
        """The connection."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Close(Output):
    """Close a connection: all was written, or will not be. Its number means nothing any more."""

    __match_args__ = ("connection", "reason")
    def __new__(cls, connection: int, reason: str) -> Self: ...
    @property
    def connection(self) -> int:
        """The connection."""
    @property
    def reason(self) -> str:
        """Why: "ended", "quit", "refused", "idle_evicted", "slow_reader", "shut_down" or
        "store_broken".
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LinkSend(Output):
    """`Realm.link_outgoing` has frames that it had not when it was called last."""

    __match_args__ = ("link",)
    def __new__(cls, link: int) -> Self: ...
    @property
    def link(self) -> int:
        """The link."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LinkClose(Output):
    """Write what was taken before, then close a link. Its number means nothing any more."""

    __match_args__ = ("link", "reason")
    def __new__(cls, link: int, reason: str) -> Self: ...
    @property
    def link(self) -> int:
        """The link."""
    @property
    def reason(self) -> str:
        """Why: "down", "replaced", "dead", "protocol", "slow", "bye", "paused", "removed" or
        "shut_down".
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Dial(Output):
    """Connect to a peer, then call `Realm.link_up`, or `Realm.dial_failed`."""

    __match_args__ = ("peer",)
    def __new__(cls, peer: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Reply(Output):
    """The answer to `Realm.execute`, as a client would read it."""

    __match_args__ = ("request", "data")
    def __new__(cls, request: int, data: bytes) -> Self: ...
    @property
    def request(self) -> int:
        """What `Realm.execute` returned."""
    @property
    def data(self) -> bytes:
        """JSON and CR LF CR LF."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Work(Output):
    """Slow work: a password to hash or check, messages to read from the store, changes to commit, or the
    store to be put in order, which nobody waits for.

    Call `run` once, in any thread. The realm goes on meanwhile; what waits for this work waits until
    it is done.
    """

    @property
    def kind(self) -> Literal["hash", "read", "commit", "tidy"]:
        """What it is: "hash", "read", "commit" or "tidy"."""
    def run(self, *, now: Now | None = None) -> None:
        """Does the work, with the interpreter free for others, and hands what came of it to the realm;
        then take `Realm.outputs` again. What goes wrong outside, such as a full disk, the realm deals
        with: nothing is raised for it.

        Raises MisuseError if it was begun before, ForkError in a forked process, and InternalError if
        the realm has met a bug.
        """

@final
class Refused(Event):
    """A connection was one too many."""

    __match_args__ = ("connection", "code")
    def __new__(cls, connection: int, code: str) -> Self: ...
    @property
    def connection(self) -> int:
        """The connection."""
    @property
    def code(self) -> str:
        """Why."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LoginFailed(Event):
    """A login failed."""

    __match_args__ = ("connection", "user", "code")
    def __new__(cls, connection: int, user: str, code: str) -> Self: ...
    @property
    def connection(self) -> int:
        """On which connection."""
    @property
    def user(self) -> str:
        """The name that was tried."""
    @property
    def code(self) -> str:
        """Why."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LoggedIn(Event):
    """Somebody logged in."""

    __match_args__ = ("connection", "user", "session")
    def __new__(cls, connection: int, user: str, session: int) -> Self: ...
    @property
    def connection(self) -> int:
        """On which connection."""
    @property
    def user(self) -> str:
        """Who."""
    @property
    def session(self) -> int:
        """The session's public number."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LoggedOut(Event):
    """A session ended."""

    __match_args__ = ("user", "session")
    def __new__(cls, user: str, session: int) -> Self: ...
    @property
    def user(self) -> str:
        """Whose."""
    @property
    def session(self) -> int:
        """Its public number."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Sent(Event):
    """A private message was taken."""

    __match_args__ = ("session", "from_", "to")
    def __new__(cls, session: int, from_: str, to: str) -> Self: ...
    @property
    def session(self) -> int:
        """The sender's session."""
    @property
    def from_(self) -> str:
        """The sender."""
    @property
    def to(self) -> str:
        """The recipient: a name, or `user@realm`."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class InboxRead(Event):
    """An inbox was emptied."""

    __match_args__ = ("user", "messages")
    def __new__(cls, user: str, messages: int) -> Self: ...
    @property
    def user(self) -> str:
        """Whose."""
    @property
    def messages(self) -> int:
        """How many messages it had."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class InboxPeeked(Event):
    """Messages of an inbox were shown and left in place."""

    __match_args__ = ("user", "messages")
    def __new__(cls, user: str, messages: int) -> Self: ...
    @property
    def user(self) -> str:
        """Whose."""
    @property
    def messages(self) -> int:
        """How many were shown."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class InboxAcked(Event):
    """Messages that had been shown were taken out of an inbox."""

    __match_args__ = ("user", "messages")
    def __new__(cls, user: str, messages: int) -> Self: ...
    @property
    def user(self) -> str:
        """Whose."""
    @property
    def messages(self) -> int:
        """How many."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class HistoryRead(Event):
    """Messages that had been taken out before were shown."""

    __match_args__ = ("user", "messages")
    def __new__(cls, user: str, messages: int) -> Self: ...
    @property
    def user(self) -> str:
        """Whose."""
    @property
    def messages(self) -> int:
        """How many."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class ActiveUsersRead(Event):
    """Somebody asked who is logged in."""

    __match_args__ = ("user",)
    def __new__(cls, user: str) -> Self: ...
    @property
    def user(self) -> str:
        """Who asked."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class GroupJoined(Event):
    """A connection joined a live group."""

    __match_args__ = ("connection", "user", "group", "home")
    def __new__(cls, connection: int, user: str, group: str, home: str) -> Self: ...
    @property
    def connection(self) -> int:
        """Which connection."""
    @property
    def user(self) -> str:
        """Whose."""
    @property
    def group(self) -> str:
        """The group."""
    @property
    def home(self) -> str:
        """The group's home."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class GroupLeft(Event):
    """A connection left a live group."""

    __match_args__ = ("connection", "user", "group")
    def __new__(cls, connection: int, user: str, group: str) -> Self: ...
    @property
    def connection(self) -> int:
        """Which connection."""
    @property
    def user(self) -> str:
        """Whose."""
    @property
    def group(self) -> str:
        """The group."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Received(Event):
    """A line or a live message came in; secrets are masked, control characters are as they came."""

    __match_args__ = ("connection", "text")
    def __new__(cls, connection: int, text: str) -> Self: ...
    @property
    def connection(self) -> int:
        """From which connection."""
    @property
    def text(self) -> str:
        """What."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Replied(Event):
    """A reply went out; secrets are masked."""

    __match_args__ = ("connection", "text")
    def __new__(cls, connection: int, text: str) -> Self: ...
    @property
    def connection(self) -> int:
        """To which connection."""
    @property
    def text(self) -> str:
        """What."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LinkUp(Event):
    """A link with a peer is up."""

    __match_args__ = ("peer",)
    def __new__(cls, peer: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LinkFailed(Event):
    """A connection with a peer ended before the peer had said hello; told once in a row."""

    __match_args__ = ("peer", "why")
    def __new__(cls, peer: str, why: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    @property
    def why(self) -> str:
        """Why."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LinkDown(Event):
    """The link with a peer is gone."""

    __match_args__ = ("peer", "why")
    def __new__(cls, peer: str, why: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    @property
    def why(self) -> str:
        """Why."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class MailRefused(Event):
    """Mail of a peer could not be kept; its sender is told."""

    __match_args__ = ("peer", "code")
    def __new__(cls, peer: str, code: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    @property
    def code(self) -> str:
        """Why."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class HistoryTruncated(Event):
    """One side of a link has forgotten what it had acknowledged: its data are older than that, or
    gone.
    """

    __match_args__ = ("peer", "missing")
    def __new__(cls, peer: str, missing: int) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    @property
    def missing(self) -> int:
        """How many envelopes are missing."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class OlderCopy(Event):
    """A peer has had more of this realm's messages than the realm knows of: its data are an older
    copy. What waits is numbered anew, so that nothing is lost or doubled from now on.
    """

    __match_args__ = ("peer",)
    def __new__(cls, peer: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class PeerRenewed(Event):
    """A peer has begun its messages anew: its data are new, or an older copy. What it had accepted
    and not sent may be lost.
    """

    __match_args__ = ("peer",)
    def __new__(cls, peer: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class MailGivenUp(Event):
    """Messages for a peer were given up, since they were too old or the peer is none any more; their
    senders are told.
    """

    __match_args__ = ("peer", "messages", "code")
    def __new__(cls, peer: str, messages: int, code: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    @property
    def messages(self) -> int:
        """How many."""
    @property
    def code(self) -> str:
        """Why."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class MailUnknown(Event):
    """Messages for a peer that is none any more were under way: nobody will ever say whether they
    arrived.
    """

    __match_args__ = ("peer", "messages")
    def __new__(cls, peer: str, messages: int) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    @property
    def messages(self) -> int:
        """How many."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class PeerSaid(Event):
    """A peer said why it closes the link."""

    __match_args__ = ("peer", "code", "text")
    def __new__(cls, peer: str, code: str, text: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    @property
    def code(self) -> str:
        """A stable word; as it came, up to 256 characters of it, so escape it before showing it."""
    @property
    def text(self) -> str:
        """A sentence, likewise."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class PeerMisbehaved(Event):
    """A peer broke the protocol."""

    __match_args__ = ("peer", "what")
    def __new__(cls, peer: str, what: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The peer."""
    @property
    def what(self) -> str:
        """How."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class StoreFull(Event):
    """The store is full; changes are refused until it is not."""

    __match_args__ = ()
    def __new__(cls) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class StoreRecovered(Event):
    """The store has room again."""

    __match_args__ = ()
    def __new__(cls) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class FetchFailed(Event):
    """Messages could not be read from the store."""

    __match_args__ = ()
    def __new__(cls) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class PasswordFailed(Event):
    """A password could not be hashed or checked: the machine lacks memory for it."""

    __match_args__ = ()
    def __new__(cls) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class StoreBroken(Event):
    """The store is broken; the realm has stopped."""

    __match_args__ = ()
    def __new__(cls) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Frame:
    """What one realm tells another over a link. It is made by a realm or a `LinkTransport` and handed to
    the other of the two as it is.
    """

    @property
    def kind(self) -> str:
        """The frame's type: "hello", "env", "ack" and so on."""
    def json(self) -> str:
        """Returns the frame as it goes over a link, the texts of messages included; for a look at it."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class TransportConfig:
    """What links have to know of their realm: its name, its key, the peers that may be linked with, and
    the limits.

    Raises InvalidNameError and LimitError, and ConfigError if a peer could pass for another one or for
    this realm, or a key is missing.
    """

    def __new__(
        cls,
        own: str,
        key: StaticKey | None,
        peers: Iterable[Peer],
        limits: Mapping[str, int] | None = None,
    ) -> Self: ...
    @property
    def own(self) -> str:
        """The realm's own name."""

@final
class Up:
    """A link is up: it is known who is at the other end."""

    __match_args__ = ("peer", "direction")
    def __new__(cls, peer: str, direction: str) -> Self: ...
    @property
    def peer(self) -> str:
        """The realm at the other end."""
    @property
    def direction(self) -> Literal["dialled", "accepted"]:
        """Which side made the connection: "dialled", this one, or "accepted"."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LinkTransport:
    """One connection to another realm, from its first byte: bytes in, frames out, and back.

    It holds no socket. Write what `outgoing` returns and report it with `sent`; give it what comes with
    `receive`; then take `outputs`. After a LinkError, outputs that are still there and what is outgoing
    are good; then close the connection. Several threads may use it at a time.
    """

    @staticmethod
    def dial(config: TransportConfig, peer: str, *, now: Now | None = None) -> LinkTransport:
        """Begins on a connection that this realm made to `peer`.

        Raises MisuseError if that is no peer in the configuration.
        """
    @staticmethod
    def accept(config: TransportConfig, *, now: Now | None = None) -> LinkTransport:
        """Begins on a connection that somebody made to this realm."""
    def receive(self, data: ReadableBuffer, *, now: Now | None = None) -> None:
        """Takes bytes from the connection, cut anyhow.

        Raises LinkError if the peer did something that ends the link.
        """
    def outgoing(self) -> bytes:
        """Returns the bytes to write to the connection now; b"" if there are none."""
    @property
    def outgoing_bytes(self) -> int:
        """About how many bytes `outgoing` would return: send no more frames while it is much."""
    def sent(self, n: int) -> None:
        """Notes that the first `n` bytes of `outgoing` were written.

        Raises MisuseError for more than there were.
        """
    def outputs(self) -> list[Up | Frame]:
        """Returns a list of what happened since the last call: one Up, before all else, and Frames. A realm
        wants to hear of the first with `Realm.link_up`, and of the others with `Realm.link_frames`.
        """
    def send(self, frame: Frame) -> None:
        """Appends a frame to what is outgoing.

        Raises MisuseError before the link is up, and LinkError if the frame is more than the peer reads
        or the link has ended.
        """
    def handle_timeout(self, *, now: Now | None = None) -> None:
        """Does what is due.

        Raises LinkError if the link has ended, for want of a handshake or earlier.
        """
    def wait_seconds(self, *, now: Now | None = None) -> float | None:
        """Returns how many seconds, a float, remain until `handle_timeout` is due; None if it never is."""

@disjoint_base
class BaseChat:
    """What `chatproto.Chat` is made of; use that instead."""

    def __new__(cls, *_arguments: object, **_named: object) -> Self: ...
    def _begin(
        self,
        users: list[tuple[str, str, str, str]],
        realm: str,
        store: str | os.PathLike[str] | None,
    ) -> None:
        """Makes the realm."""

    def proses(self, line: str) -> dict[str, Any]:
        """Carries out one line of the protocol and returns the reply.

        The line may end with CR LF or without; the text of a `send` is kept as it is written here.
        Any text gets a reply: a mistake is one with `status` "ERROR". `group` and `quit` want a
        connection, and get the error `needs_connection`.

        Raises MisuseError after `close`, and ForkError in a process that was forked since.
        """

    def autentikasi_user(self, username: str, password: str) -> dict[str, Any]:
        """Logs a user in and returns the reply, with the `tokenid` if it went well.

        Both arguments are taken as they are, white space included.
        """

    def send_message(
        self, sessionid: str, username_from: str, username_dest: str, message: str
    ) -> dict[str, Any]:
        """Sends a message from one user to another and returns the reply.

        `sessionid` is any live token, as in the classic class: the program is trusted to say who
        writes. The message is kept as it is.
        """

    def get_inbox(self, username: str) -> dict[str, Any]:
        """Takes all messages out of a user's inbox and returns the reply, without a token."""

    def close(self) -> None:
        """Closes the store, if there is one, once what is under way is in it.

        Afterwards every other call raises MisuseError.
        """

    def _user(self, name: str) -> tuple[str, str, str] | None:
        """Name, display name and country of a user, if there is one of that name."""
    def _names(self) -> list[str]:
        """The names of all users."""
    def _register(self, user: tuple[str, str, str, str]) -> dict[str, Any]:
        """Adds a user or changes one, and returns once that is stored."""
    def _owner(self, token: str) -> tuple[str, str, str] | None:
        """Whose a token is: name, display name and country."""
    def _tokens(self) -> list[str]:
        """All live tokens in order of login."""
    def _sessions(self) -> list[tuple[str, tuple[str, str, str]]]:
        """All live sessions of one moment in order of login: each token, and whose it is."""
    def _end(self, token: str) -> dict[str, Any]:
        """Ends the session of a token."""
