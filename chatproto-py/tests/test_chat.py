"""The drop-in for the coursework's `Chat`."""

import copy
import doctest
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import chatproto.chat
import pytest
from chatproto import Chat, ChatProtoError, InvalidNameError, MisuseError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

SENT = {"status": "OK", "message": "Message Sent"}
NO_SESSION = {"status": "ERROR", "message": "Informasi tidak ditemukan"}
UNKNOWN_USER = {"status": "ERROR", "message": "User Tidak Ditemukan"}
BUDI: dict[str, Any] = {
    "nama": "Budi Santoso",
    "negara": "Indonesia",
    "password": "x",
    "incoming": {},
    "outgoing": {},
}


def log_in(chat: Chat, name: str = "messi", password: str = "surabaya") -> str:
    return str(chat.proses(f"auth {name} {password}")["tokenid"])


def message(
    text: str, sender: str = "Lionel Messi", to: str = "Jordan Henderson"
) -> dict[str, str]:
    return {"msg_from": sender, "msg_to": to, "msg": text}


def test_the_classic_self_test_runs(capsys: pytest.CaptureFixture[str]) -> None:
    chat = Chat()
    session = chat.proses("auth messi surabaya")
    print(session)
    token = session["tokenid"]
    print(chat.proses(f"send {token} henderson hello gimana kabarnya son "))
    print(chat.proses(f"send {token} messi hello gimana kabarnya mess "))
    print(chat.get_inbox("messi"))
    print(chat.get_inbox("henderson"))

    printed = capsys.readouterr().out.replace(token, "T").splitlines()
    assert printed == [
        "{'status': 'OK', 'tokenid': 'T'}",
        "{'status': 'OK', 'message': 'Message Sent'}",
        "{'status': 'OK', 'message': 'Message Sent'}",
        "{'status': 'OK', 'messages': {'messi': [{'msg_from': 'Lionel Messi', 'msg_to': 'Lionel Messi', 'msg': ' hello gimana kabarnya mess '}]}}",
        "{'status': 'OK', 'messages': {'messi': [{'msg_from': 'Lionel Messi', 'msg_to': 'Jordan Henderson', 'msg': ' hello gimana kabarnya son '}]}}",
    ]


@pytest.mark.parametrize("end", ["", " ", "\r\n", " \r\n"])
def test_a_text_is_kept_as_it_was_written(end: str) -> None:
    chat = Chat()
    token = log_in(chat)

    assert chat.proses(f"send {token} henderson  hi  é😀\n\x7f{end}") == SENT
    inbox = chat.proses(f"inbox {log_in(chat, 'henderson')}{end}")

    assert inbox == {"status": "OK", "messages": {"messi": [message(f"  hi  é😀\n\x7f{end}")]}}


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("auth nobody x", {"status": "ERROR", "message": "User Tidak Ada"}),
        ("auth messi wrong", {"status": "ERROR", "message": "Password Salah"}),
        ("auth messi", {"status": "ERROR", "message": "--Protocol Tidak Benar"}),
        ("send T henderson hi", NO_SESSION),
        ("inbox", {"status": "ERROR", "message": "--Protocol Tidak Benar"}),
        ("", {"status": "ERROR", "message": "**Protocol Tidak Benar"}),
        ("\r\n", {"status": "ERROR", "message": "**Protocol Tidak Benar"}),
        ("AUTH messi surabaya", {"status": "ERROR", "message": "**Protocol Tidak Benar"}),
    ],
)
def test_mistakes_have_the_classic_replies(line: str, reply: dict[str, str]) -> None:
    assert Chat().proses(line) == reply


def test_replies_hold_what_json_holds() -> None:
    hello = Chat().proses("hello")
    assert hello["protocol"] == 1 and hello["limits"]["line_bytes_max"] == 16_777_216

    chat = Chat()
    token = log_in(chat)
    chat.proses(f"send {token} messi hi")
    peeked = chat.proses(f"peek {token}")
    assert (peeked["left"], peeked["messages"][0]["id"]) == (0, 1)
    assert chat.proses(f"history {token} messi")["more"] is False
    assert chat.proses(f"logout {token}") == {"status": "OK", "messages": "Logged Out!"}
    assert chat.proses("quit")["code"] == "needs_connection"


def test_arguments_of_methods_are_taken_as_they_are() -> None:
    chat = Chat({"budi": {"nama": "Budi", "negara": "Indonesia", "password": " dua kata "}})

    assert chat.autentikasi_user("budi", "dua kata")["message"] == "Password Salah"
    token = chat.autentikasi_user("budi", " dua kata ")["tokenid"]
    assert chat.send_message(token, "budi", "budi", "tanpa spasi") == SENT
    assert chat.get_inbox("budi")["messages"] == {"budi": [message("tanpa spasi", "Budi", "Budi")]}


def test_send_message_wants_a_live_session_and_two_users() -> None:
    chat = Chat()
    token = log_in(chat)

    assert chat.send_message("T", "messi", "henderson", "hi") == NO_SESSION
    assert chat.send_message(token, "nobody", "henderson", "hi") == UNKNOWN_USER
    assert chat.send_message(token, "messi", "nobody", "hi") == UNKNOWN_USER
    assert chat.send_message(token, "henderson", "lineker", "hi") == SENT
    assert chat.get_inbox("lineker")["messages"]["henderson"][0]["msg_from"] == "Jordan Henderson"
    assert chat.get_inbox("nobody") == UNKNOWN_USER


def test_users_are_a_mapping_that_hides_passwords() -> None:
    chat = Chat()

    assert list(chat.users) == ["messi", "henderson", "lineker"]
    assert chat.users["messi"] == {
        "nama": "Lionel Messi",
        "negara": "Argentina",
        "password": "***",
        "incoming": {},
        "outgoing": {},
    }
    assert chat.get_user("lineker") == chat.users["lineker"]
    assert chat.get_user("nobody") is False
    assert "nobody" not in chat.users and "messi" in chat.users
    assert "surabaya" not in repr(chat) + repr(chat.users) + repr(chat.users["messi"])
    json.dumps(chat.users["messi"])


def test_assignment_registers_a_user() -> None:
    chat = Chat()

    chat.users["budi"] = BUDI
    token = log_in(chat, "budi", "x")
    chat.users["budi"] = BUDI | {"nama": "Budi S.", "password": "y"}

    assert chat.proses("auth budi x")["message"] == "Password Salah"
    assert chat.proses(f"send {token} budi hi") == SENT
    assert chat.get_inbox("budi")["messages"]["budi"][0]["msg_to"] == "Budi S."
    assert list(chat.users) == ["messi", "henderson", "lineker", "budi"]


def test_what_cannot_be_changed_says_how_it_can() -> None:
    chat = Chat()
    token = log_in(chat)

    with pytest.raises(TypeError, match="assign chat"):
        chat.users["messi"]["password"] = "x"
    with pytest.raises(TypeError, match="assign chat"):
        chat.users["messi"].update(nama="Leo")
    with pytest.raises(TypeError, match="taken out"):
        del chat.users["messi"]
    with pytest.raises(TypeError, match="log in"):
        chat.sessions["T"] = {"username": "messi"}
    with pytest.raises(TypeError, match="log in"):
        chat.sessions[token]["username"] = "henderson"
    with pytest.raises(TypeError, match="call chat"):
        chat.users["messi"]["incoming"]["henderson"] = []


def test_a_copy_of_what_is_shown_can_be_changed() -> None:
    chat = Chat()
    token = log_in(chat)
    user, session = chat.users["messi"], chat.sessions[token]

    for copied in (copy.copy(user), copy.deepcopy(user), pickle.loads(pickle.dumps(user))):
        assert copied == user and type(copied) is dict
        copied["nama"] = "Leo"
    for copied in (copy.deepcopy(session), pickle.loads(pickle.dumps(session))):
        assert copied == session
        copied["userdetail"]["incoming"]["x"] = 1
    assert user["nama"] == "Lionel Messi" and session["userdetail"]["incoming"] == {}


def test_what_becomes_of_a_reply_is_no_matter_to_the_next() -> None:
    chat = Chat()
    token = log_in(chat)
    for _ in range(2):
        for text in ("one", "two"):
            chat.send_message(token, "messi", "henderson", text)
        reply = chat.get_inbox("henderson")
        assert reply["messages"] == {"messi": [message("one"), message("two")]}

        for shown in reply["messages"]["messi"]:
            shown["msg_from"] = "somebody else"
            shown.pop("msg")
        reply["messages"]["nobody"] = []
        reply.clear()


def test_inboxes_of_many_who_write_to_each_other_are_not_mixed_up() -> None:
    # With two writers each that is more people than are kept between two calls.
    count = 6_000
    users = {f"user{n}": BUDI | {"nama": f"User {n}", "password": "x"} for n in range(count)}
    chat = Chat(users=users)
    token = log_in(chat, "user0", "x")
    writers = (1, 7)
    for _ in range(2):
        for to in range(count):
            for step in writers:
                chat.send_message(token, f"user{(to + step) % count}", f"user{to}", f"{step}")
        for to in range(count):
            senders = [(to + step) % count for step in writers]
            assert chat.get_inbox(f"user{to}")["messages"] == {
                f"user{n}": [message(f"{step}", f"User {n}", f"User {to}")]
                for n, step in zip(senders, writers, strict=True)
            }


FULL_STORE = """
import resource, sys
from pathlib import Path
from chatproto import Chat, ChatProtoError, StoreError

with Chat(store=sys.argv[1]) as chat:
    # From now on the system refuses to make any file longer.
    longest = max(file.stat().st_size for file in Path(sys.argv[1]).parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (longest, longest))
    # A hash of its own, so that it costs no time.
    hashed = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43
    try:
        for number in range(10_000):
            chat.users[f"budi{number}"] = {"nama": "x" * 60, "negara": "x" * 60, "password": hashed}
    except StoreError as error:
        print(error.code, str(error).startswith(f"user 'budi{number}' was not stored: "))
"""


def test_a_user_who_cannot_be_stored_is_an_error_of_the_store(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="this system has no limits for processes")
    arguments = [sys.executable, "-W", "error", "-c", FULL_STORE, str(tmp_path / "realm1.db")]

    done = subprocess.run(arguments, capture_output=True, check=False, text=True, timeout=60)

    assert (done.stdout, done.stderr, done.returncode) == ("store_broken True\n", "", 0)


@pytest.mark.parametrize(
    "user", [{}, {"password": None}, {"password": "***"}, BUDI | {"password": 1}]
)
def test_a_user_without_a_password_is_refused(user: dict[str, Any]) -> None:
    chat = Chat()

    with pytest.raises(ValueError, match="password"):
        chat.users["budi"] = user
    with pytest.raises(ValueError, match="password"):
        Chat({"budi": user})
    assert "budi" not in chat.users


def test_users_are_a_mapping() -> None:
    for users in [3, ["messi"], "messi"]:
        with pytest.raises(TypeError, match="mapping from names"):
            Chat(users)  # type: ignore[arg-type]


def test_names_are_checked() -> None:
    with pytest.raises(InvalidNameError) as raised:
        Chat().users["dua kata"] = BUDI
    assert raised.value.code == "invalid_name"
    assert isinstance(raised.value, ChatProtoError)
    with pytest.raises(InvalidNameError):
        Chat(realm="a b")
    with pytest.raises(InvalidNameError):
        Chat({"": BUDI})


def test_sessions_are_a_mapping_of_tokens() -> None:
    chat = Chat()
    first, second = log_in(chat), log_in(chat, "henderson")

    assert list(chat.sessions) == [first, second]
    assert chat.sessions[first]["username"] == "messi"
    assert chat.sessions[second]["userdetail"] == chat.users["henderson"]
    assert first in chat.sessions and "T" not in chat.sessions
    assert first not in repr(chat.sessions)

    del chat.sessions[first]
    assert chat.proses(f"inbox {first}") == NO_SESSION
    assert chat.sessions.pop(second)["username"] == "henderson"
    assert len(chat.sessions) == 0
    with pytest.raises(KeyError):
        chat.sessions[first]
    with pytest.raises(KeyError):
        del chat.sessions[first]


class Overtaken(Chat):
    """A chat of which somebody else logs a session out whenever all tokens have been told."""

    def _tokens(self) -> list[str]:
        tokens = super()._tokens()
        self._end(tokens[0])
        return tokens


def test_sessions_are_those_of_one_moment_whoever_logs_out_meanwhile() -> None:
    chat = Overtaken()
    tokens = [log_in(chat), log_in(chat, "henderson"), log_in(chat, "lineker")]
    sessions = chat.sessions

    items = {token: session["username"] for token, session in sessions.items()}
    assert items == dict(zip(tokens, ["messi", "henderson", "lineker"], strict=True))
    assert [it["username"] for it in sessions.values()] == ["messi", "henderson", "lineker"]
    assert sessions[tokens[1]] in sessions.values() and chat.users["messi"] not in sessions.values()
    assert (tokens[1], sessions[tokens[1]]) in sessions.items()
    assert sessions == dict(sessions.items())
    assert tokens[0] not in repr(sessions.items()) + repr(sessions.values())


def test_clearing_the_sessions_logs_everybody_out() -> None:
    chat = Overtaken()
    tokens = [log_in(chat), log_in(chat, "henderson"), log_in(chat, "lineker")]

    chat.sessions.clear()

    assert [chat.proses(f"inbox {token}") for token in tokens] == [NO_SESSION] * 3


def test_sessions_can_be_listed_while_threads_log_in_and_out() -> None:
    chat, over = Chat(), threading.Event()
    staying = [log_in(chat, "lineker") for _ in range(20)]

    def come_and_go() -> None:
        while not over.is_set():
            chat.proses(f"logout {log_in(chat)}")

    workers = [threading.Thread(target=come_and_go) for _ in range(2)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for worker in workers:
            worker.start()
        listed = [[token for token, _ in chat.sessions.items()] for _ in range(300)]
        assert all(len(list(chat.sessions.values())) >= 20 for _ in range(300))
    finally:
        over.set()
        for worker in workers:
            worker.join()
        sys.setswitchinterval(interval)

    assert all(tokens[:20] == staying for tokens in listed)


def test_fifty_thousand_sessions_of_one_user_stay_open() -> None:
    chat = Chat()
    tokens = [log_in(chat) for _ in range(50_000)]

    assert len(chat.sessions) == 50_000
    assert chat.proses(f"inbox {tokens[0]}")["status"] == "OK"
    assert chat.proses(f"inbox {tokens[-1]}")["status"] == "OK"


def test_sessions_of_one_user_are_bounded() -> None:
    chat = Chat()
    tokens = [log_in(chat) for _ in range(100_001)]

    assert len(chat.sessions) == 100_000
    assert tokens[0] not in chat.sessions and tokens[1] in chat.sessions


def test_a_subclass_is_a_chat() -> None:
    class Mine(Chat):
        def __init__(self, users: Mapping[str, Mapping[str, Any]] | None = None) -> None:
            super().__init__(users, realm="realm2")
            self.seen = 0

        def proses(self, line: str) -> dict[str, Any]:
            self.seen += 1
            return super().proses(line)

    chat = Mine()
    chat.proses("auth messi surabaya")

    assert chat.seen == 1 and len(chat.sessions) == 1
    assert repr(chat) == 'Chat(realm="realm2")'


def test_a_chat_that_was_not_made_says_so() -> None:
    class Logged(Chat):
        def __init__(self, log: object) -> None:
            self.log = log

    chat = Logged(print)

    assert repr(chat) == "Chat()"
    for use in (chat.close, lambda: chat.proses("auth messi surabaya"), lambda: list(chat.users)):
        with pytest.raises(MisuseError, match=r"calls super\(\).__init__\(\)") as error:
            use()
        assert error.value.code == "not_begun"


def test_a_chat_is_made_once() -> None:
    chat = Chat()
    token = log_in(chat)

    with pytest.raises(MisuseError) as error:
        chat.__init__()  # type: ignore[misc]

    assert error.value.code == "begun" and token in chat.sessions


def test_only_text_is_a_line() -> None:
    for line in (None, b"auth messi surabaya", 3):
        with pytest.raises(TypeError):
            Chat().proses(line)  # type: ignore[arg-type]


any_text = st.text(st.characters(exclude_categories=()))
VERBS = (
    "auth send inbox sendid peek ack history outbox checkrealm activeuser logout group hello quit"
)
words = st.sampled_from([*VERBS.split(), "messi", "henderson", "surabaya", "1", "", "\r\n", "T"])
CHAT = Chat()
TOKEN = log_in(CHAT)
# Where nobody happens to write "logout T".
QUIET = Chat()
QUIET_TOKEN = log_in(QUIET)


@settings(max_examples=500, deadline=None)
@given(st.one_of(any_text, st.lists(st.one_of(words, any_text)).map(" ".join)))
def test_any_text_gets_a_reply(line: str) -> None:
    reply = CHAT.proses(line.replace("T", TOKEN))

    assert type(reply) is dict
    assert reply["status"] in {"OK", "ERROR"}
    json.dumps(reply)


@settings(max_examples=200, deadline=None)
@given(any_text)
def test_any_text_that_can_be_utf_8_arrives_as_it_was(text: str) -> None:
    reply = QUIET.send_message(QUIET_TOKEN, "messi", "lineker", text)
    inbox = QUIET.get_inbox("lineker")["messages"].get("messi", [])

    if any("\ud800" <= c <= "\udfff" for c in text):
        assert reply["code"] == "invalid_utf8" and not inbox
    else:
        assert (reply, inbox) == (SENT, [message(text, to="Gary Lineker")])


@settings(max_examples=200, deadline=None)
@given(any_text, any_text)
def test_any_arguments_get_a_reply(one: str, two: str) -> None:
    assume(one not in CHAT.users)
    assert CHAT.autentikasi_user(one, two)["status"] == "ERROR"
    assert CHAT.autentikasi_user("messi", two)["status"] in {"OK", "ERROR"}
    assert CHAT.get_user(one) is False
    assert CHAT.get_inbox(one)["status"] == "ERROR"
    assert CHAT.send_message(one, one, two, two)["status"] == "ERROR"


def test_many_threads_share_a_chat() -> None:
    chat, threads, calls = Chat(), 8, 20_000
    replies = [0] * threads

    def work(at: int) -> None:
        token = log_in(chat)
        for call in range(1, calls):
            reply = chat.proses(f"send {token} henderson {at} {call}")
            replies[at] += reply == SENT

    workers = [threading.Thread(target=work, args=(at,)) for at in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert replies == [calls - 1] * threads
    texts = [it["msg"].split() for it in chat.get_inbox("henderson")["messages"]["messi"]]
    for at in range(threads):
        own = [int(call) for writer, call in texts if int(writer) == at]
        assert own == list(range(1, calls))


def test_the_examples_run() -> None:
    tested = doctest.testmod(chatproto.chat)
    assert tested.failed == 0 and tested.attempted > 5
    for member in (Chat, Chat.users, Chat.sessions):
        assert member.__doc__


def test_a_closed_chat_says_so() -> None:
    with Chat() as chat:
        log_in(chat)

    for use in (
        lambda: chat.proses("hello"),
        lambda: chat.users["messi"],
        lambda: len(chat.sessions),
    ):
        with pytest.raises(MisuseError) as raised:
            use()
        assert raised.value.code == "closed"
    chat.close()
