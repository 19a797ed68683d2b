"""What a realm tells of itself, in the words of the classic servers' log."""

from __future__ import annotations

from chatproto._native import (
    ActiveUsersRead,
    Event,
    FetchFailed,
    GroupJoined,
    GroupLeft,
    HistoryRead,
    HistoryTruncated,
    InboxAcked,
    InboxPeeked,
    InboxRead,
    LinkDown,
    LinkFailed,
    LinkUp,
    LoggedIn,
    LoggedOut,
    LoginFailed,
    MailGivenUp,
    MailRefused,
    MailUnknown,
    OlderCopy,
    PasswordFailed,
    PeerMisbehaved,
    PeerRenewed,
    PeerSaid,
    Received,
    Refused,
    Replied,
    Sent,
    StoreBroken,
    StoreFull,
    StoreRecovered,
)

__all__ = ["plain", "told"]

# Characters shown of one text; the rest is counted.
_SHOWN_CHARS_MAX = 2_000
# Why a link is closed, by the engine's words for it.
_REASONS = {
    "down": "the connection is gone",
    "replaced": "another connection takes its place",
    "dead": "the peer fell silent",
    "protocol": "the peer broke the protocol",
    "slow": "the peer reads too slowly",
    "bye": "the peer said goodbye",
    "paused": "an operator has paused it",
    "removed": "the peer was taken out",
    "shut_down": "the realm goes down",
}


def told(realm: str, event: Event) -> str:
    """Returns the line that tells of an event of this realm: what realmd logs, too.

    Connections have the number that they have there. Whatever comes from outside is `plain`, and
    there are no secrets in events.

    >>> from chatproto import LoggedIn
    >>> told("realm1", LoggedIn(connection=0, user="messi", session=1))
    'realm1 [0]: AUTH: auth messi *** is session 1'
    """
    for words in (_of_client, _of_user, _of_link, _of_mail, _of_store):
        line = words(realm, event)
        if line is not None:
            return f"{realm}{line}"
    return f"{realm}: {event!r}"


def plain(text: str) -> str:
    """Returns a text without its line end, and without what a terminal would obey or nobody see.

    Of a long text only the beginning is shown.
    """
    text = text.rstrip("\r\n")
    shown = text[:_SHOWN_CHARS_MAX]
    more = len(text) - len(shown)
    if not shown.isprintable():
        shown = repr(shown)[1:-1]
    return f"{shown}… ({more} more)" if more else shown


def _of_client(_: str, event: Event) -> str | None:
    match event:
        case Received(n, text):
            return f" [{_index(n)}]: data dari client: {plain(text)}"
        case Replied(n, text):
            return f" [{_index(n)}]: balas ke  client: {plain(text)}"
        case Refused(n, code):
            return f" [{_index(n)}]: connection refused: {code}"
        case LoggedIn(n, user, session):
            return f" [{_index(n)}]: AUTH: auth {user} *** is session {session}"
        case LoginFailed(n, user, code):
            return f" [{_index(n)}]: AUTH: auth {plain(user)} *** failed: {code}"
        case GroupJoined(n, user, group, home):
            return f" [{_index(n)}]: GROUP: {plain(group)}, {user} joined at {home}"
        case GroupLeft(n, user, group):
            return f" [{_index(n)}]: GROUP: {plain(group)}, {user} left"
        case _:
            return None


def _of_user(_: str, event: Event) -> str | None:
    match event:
        case Sent(session, from_, to):
            return f": SEND: session {session} send message from {from_} to {plain(to)}"
        case InboxRead(user, messages):
            return f": INBOX: {user}, messages: {messages}"
        case InboxPeeked(user, messages):
            return f": PEEK: {user}, messages: {messages}"
        case InboxAcked(user, messages):
            return f": ACK: {user}, messages: {messages}"
        case HistoryRead(user, messages):
            return f": HISTORY: {user}, messages: {messages}"
        case ActiveUsersRead(user):
            return f": ACTIVE USER: {user}"
        case LoggedOut(user, session):
            return f": Logout: {user}, session {session}"
        case _:
            return None


def _of_link(realm: str, event: Event) -> str | None:
    match event:
        case LinkUp(peer):
            return f": link to {peer} is up"
        case LinkDown(peer, ("bye" | "shut_down") as why):
            return f": link to {peer} is closed: {_REASONS[why]}"
        case LinkDown(peer, why):
            return f": link to {peer} is down: {_REASONS.get(why, why)}"
        case LinkFailed(peer, why):
            return (
                f": no link to {peer}: {_REASONS.get(why, why)} before it said hello; has it a peer "
                f"named {realm} in its file, and is its [link] address right here? It is called again "
                "and again"
            )
        case PeerSaid(peer, code, text):
            return f": {peer} ends the link: {plain(code)}, {plain(text)}"
        case PeerMisbehaved(peer, what):
            return f": {peer} broke the rules of the link: {plain(what)}"
        case _:
            return None


def _of_mail(realm: str, event: Event) -> str | None:
    """What became of mail between realms, where it was not what people expect."""
    match event:
        case MailRefused(peer, code):
            return f": mail from {peer} was refused and its sender told: {code}"
        case MailGivenUp(peer, messages, "peer_removed"):
            return (
                f": {_messages(messages)} for {peer}, which is no peer any more, never left and went back "
                "to the senders"
            )
        case MailGivenUp(peer, messages, code):
            return (
                f": {_messages(messages)} for {peer} could not be sent ({code}) and went back to the "
                f"senders; see whether {peer} runs and the link comes up"
            )
        case MailUnknown(peer, messages):
            return (
                f": {_messages(messages)} under way to {peer}, which is no peer any more: nobody will ever "
                "say whether they arrived; the senders see them as unknown in their outbox"
            )
        case HistoryTruncated(peer, missing):
            return (
                f": history_truncated: the data of {peer}, or those of {realm}, are older than what the "
                f"two had agreed on, as after a backup was put back: {missing} messages between them are "
                "not in these data and are not sent again; from now on nothing is lost or doubled"
            )
        case OlderCopy(peer):
            return (
                f": its data are an older copy: {peer} has had messages that they do not know of; what "
                f"waits for {peer} is numbered anew and sent, and {peer} knows again what it had before; "
                "messages since that copy are not in these data, and from now on nothing is lost or doubled"
            )
        case PeerRenewed(peer):
            return (
                f": {peer} has begun its messages anew: its data are new or an older copy; what it had "
                f"accepted and not sent may be lost, and only whoever runs {peer} can put that back"
            )
        case _:
            return None


def _of_store(_: str, event: Event) -> str | None:
    match event:
        case StoreFull():
            return ": the store is full, changes are refused until it has room"
        case StoreRecovered():
            return ": the store takes changes again"
        case StoreBroken():
            return ": the store is broken, and the realm has stopped"
        case FetchFailed():
            return ": messages could not be read from the store"
        case PasswordFailed():
            return ": a password could not be checked: this machine has too little memory free"
        case _:
            return None


def _index(connection: int) -> int:
    """The part of a connection's number that tells it from the others that are there."""
    return connection & 0xFFFF_FFFF


def _messages(count: int) -> str:
    return "one message" if count == 1 else f"{count} messages"
