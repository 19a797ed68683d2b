"""`told`: events in the words of realmd's log."""

import doctest
import re
from pathlib import Path

import chatproto.log
import pytest
from chatproto import Event, LinkDown, LinkFailed, Received
from chatproto.log import plain, told

ROOT = Path(__file__).resolve().parents[2]

# A connection's number, and the one by which the log knows it.
N, AT = 7 << 32 | 3, "realm1 [3]"

LINES = [
    (
        chatproto.Refused(N, "too_many_connections"),
        f"{AT}: connection refused: too_many_connections",
    ),
    (
        chatproto.LoginFailed(N, "a\x1b[2J", "wrong_password"),
        f"{AT}: AUTH: auth a\\x1b[2J *** failed: wrong_password",
    ),
    (chatproto.LoggedIn(N, "messi", 4), f"{AT}: AUTH: auth messi *** is session 4"),
    (chatproto.LoggedOut("messi", 4), "realm1: Logout: messi, session 4"),
    (
        chatproto.Sent(4, "messi", "amsal@realm2"),
        "realm1: SEND: session 4 send message from messi to amsal@realm2",
    ),
    (chatproto.InboxRead("messi", 2), "realm1: INBOX: messi, messages: 2"),
    (chatproto.InboxPeeked("messi", 2), "realm1: PEEK: messi, messages: 2"),
    (chatproto.InboxAcked("messi", 2), "realm1: ACK: messi, messages: 2"),
    (chatproto.HistoryRead("messi", 2), "realm1: HISTORY: messi, messages: 2"),
    (chatproto.ActiveUsersRead("messi"), "realm1: ACTIVE USER: messi"),
    (
        chatproto.GroupJoined(N, "messi", "bukber", "realm2"),
        f"{AT}: GROUP: bukber, messi joined at realm2",
    ),
    (chatproto.GroupLeft(N, "messi", "bukber"), f"{AT}: GROUP: bukber, messi left"),
    (chatproto.Received(N, "inbox ***\r\n"), f"{AT}: data dari client: inbox ***"),
    (chatproto.Replied(N, "{}\r\n\r\n"), f"{AT}: balas ke  client: {{}}"),
    (chatproto.LinkUp("realm2"), "realm1: link to realm2 is up"),
    (chatproto.LinkDown("realm2", "dead"), "realm1: link to realm2 is down: the peer fell silent"),
    (
        chatproto.LinkDown("realm2", "bye"),
        "realm1: link to realm2 is closed: the peer said goodbye",
    ),
    (
        chatproto.LinkDown("realm2", "shut_down"),
        "realm1: link to realm2 is closed: the realm goes down",
    ),
    (
        chatproto.LinkFailed("realm2", "down"),
        (
            "realm1: no link to realm2: the connection is gone before it said hello; has it a peer named realm1"
            " in its file, and is its [link] address right here? It is called again and again"
        ),
    ),
    (
        chatproto.PeerSaid("realm2", "no\nsuch", "go\x07"),
        "realm1: realm2 ends the link: no\\nsuch, go\\x07",
    ),
    (chatproto.PeerMisbehaved("realm2", "x"), "realm1: realm2 broke the rules of the link: x"),
    (
        chatproto.MailRefused("realm2", "inbox_full"),
        "realm1: mail from realm2 was refused and its sender told: inbox_full",
    ),
    (
        chatproto.MailGivenUp("realm2", 1, "peer_removed"),
        "realm1: one message for realm2, which is no peer any more, never left and went back to the senders",
    ),
    (
        chatproto.MailGivenUp("realm2", 2, "expired"),
        (
            "realm1: 2 messages for realm2 could not be sent (expired) and went back to the senders; see whether"
            " realm2 runs and the link comes up"
        ),
    ),
    (
        chatproto.MailUnknown("realm2", 2),
        (
            "realm1: 2 messages under way to realm2, which is no peer any more: nobody will ever say whether they"
            " arrived; the senders see them as unknown in their outbox"
        ),
    ),
    (
        chatproto.HistoryTruncated("realm2", 5),
        (
            "realm1: history_truncated: the data of realm2, or those of realm1, are older than what the two had"
            " agreed on, as after a backup was put back: 5 messages between them are not in these data and are"
            " not sent again; from now on nothing is lost or doubled"
        ),
    ),
    (
        chatproto.OlderCopy("realm2"),
        (
            "realm1: its data are an older copy: realm2 has had messages that they do not know of; what waits for"
            " realm2 is numbered anew and sent, and realm2 knows again what it had before; messages since that"
            " copy are not in these data, and from now on nothing is lost or doubled"
        ),
    ),
    (
        chatproto.PeerRenewed("realm2"),
        (
            "realm1: realm2 has begun its messages anew: its data are new or an older copy; what it had accepted"
            " and not sent may be lost, and only whoever runs realm2 can put that back"
        ),
    ),
    (
        chatproto.StoreFull(),
        "realm1: the store is full, changes are refused until it has room",
    ),
    (chatproto.StoreRecovered(), "realm1: the store takes changes again"),
    (chatproto.StoreBroken(), "realm1: the store is broken, and the realm has stopped"),
    (chatproto.FetchFailed(), "realm1: messages could not be read from the store"),
    (
        chatproto.PasswordFailed(),
        "realm1: a password could not be checked: this machine has too little memory free",
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES, ids=[line for _, line in LINES])
def test_an_event_is_told_in_a_sentence(event: Event, line: str) -> None:
    assert told("realm1", event) == line


def test_every_event_has_its_words() -> None:
    assert {type(event) for event, _ in LINES} == set(Event.__subclasses__())


def test_why_a_link_is_closed_is_told_as_realmd_tells_it() -> None:
    rust = (ROOT / "chatproto" / "src" / "output.rs").read_text()
    rust = rust[rust.index("impl LinkCloseReason") : rust.index("pub enum Event")]
    words = dict(re.findall(r"Self::(\w+) => \"(\w+)\"", rust))
    sentences = dict(re.findall(r"Self::(\w+) => \"(\w+ [^\"]+)\"", rust))
    assert len(words) == len(sentences) == 9

    for reason, sentence in sentences.items():
        assert told("realm1", LinkDown("realm2", words[reason])).endswith(f": {sentence}")
    # One that this module has not heard of is told as it is.
    assert told("realm1", LinkDown("realm2", "tired")) == "realm1: link to realm2 is down: tired"
    assert ": no link to realm2: tired" in told("realm1", LinkFailed("realm2", "tired"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("halo é😀 'x' \\ \r\n", "halo é😀 'x' \\ "),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202ehalo", "\\u202ehalo"),
        ("é" * 2_000 + "\r\n", "é" * 2_000),
        ("é" * 2_001, "é" * 2_000 + "… (1 more)"),
    ],
)
def test_a_text_from_outside_is_shown_plainly(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert told("realm1", Received(0, text)) == f"realm1 [0]: data dari client: {shown}"


def test_the_example_of_the_documentation_runs() -> None:
    assert doctest.testmod(chatproto.log).failed == 0
    assert doctest.testmod(chatproto.log).attempted > 0
