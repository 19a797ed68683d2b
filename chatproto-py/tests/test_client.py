"""The drop-in for the coursework's `ChatClient`, against servers that behave and servers that do not."""

from __future__ import annotations

import gc
import json
import os
import queue
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from chatproto import Chat, ChatClient
from chatproto.client import _Live

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "chat-cli.py"
PATIENCE = 20.0
END = b"\r\n\r\n"


class ThreadPerClient(socketserver.ThreadingTCPServer):
    """A classroom server: a thread a client, a `Chat` for all of them."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        super().__init__(("127.0.0.1", 0), Handler)
        self.address: tuple[str, int] = self.socket.getsockname()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(socketserver.BaseRequestHandler):
    server: ThreadPerClient

    def handle(self) -> None:
        received = ""
        while data := self.request.recv(32):
            received += data.decode()
            if received.endswith("\r\n"):
                reply = json.dumps(self.server.chat.proses(received))
                self.request.sendall(reply.encode() + END)
                received = ""


Conversation = Callable[["Scripted", socket.socket], None]


class Scripted:
    """A server for one connection at a time that reads and writes as a test says."""

    def __init__(self, *conversations: Conversation) -> None:
        self.received: list[str] = []
        self._conversations = conversations
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.address: tuple[str, int] = self._listener.getsockname()
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.thread.join(PATIENCE)
        self._listener.close()
        assert not self.thread.is_alive()

    def _serve(self) -> None:
        for conversation in self._conversations:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                conversation(self, connection)

    def read(self, connection: socket.socket, end: bytes = b"\r\n") -> None:
        data = b""
        while not data.endswith(end):
            data += connection.recv(65_536) or pytest.fail("the client hung up")
        self.received.append(data.decode())


def reply(**values: object) -> bytes:
    return json.dumps(values).encode() + END


TOKEN = "0b3c8e2a-1d4f-4a6b-9c8d-7e6f5a4b3c2d"
WELCOME = reply(status="OK", tokenid=TOKEN)
EMPTY = reply(status="OK", messages={})


def answers(*replies: bytes) -> Conversation:
    """A conversation: a reply to each line, then the end."""

    def conversation(server: Scripted, connection: socket.socket) -> None:
        for each in replies:
            server.read(connection)
            connection.sendall(each)

    return conversation


def client_of(
    server: Scripted | ThreadPerClient,
    read: Callable[[], str] = input,
    show: Callable[[str], object] = print,
) -> ChatClient:
    return ChatClient(*server.address, timeout=PATIENCE, read=read, show=show)


@pytest.fixture
def classroom() -> Iterator[ThreadPerClient]:
    with ThreadPerClient(Chat()) as server:
        yield server


def test_texts_are_the_classic_ones(classroom: ThreadPerClient) -> None:
    with client_of(classroom) as messi, client_of(classroom) as henderson:
        assert messi.tokenid == ""
        assert messi.proses("auth messi wrong") == "Error, Password Salah"
        assert messi.proses("auth nobody x") == "Error, User Tidak Ada"
        login = messi.proses("auth messi surabaya")
        assert login == f"username messi logged in, token {messi.tokenid} "
        assert messi.proses("send henderson apa kabar") == "message sent to henderson"
        assert messi.proses("send nobody apa kabar") == "Error, User Tidak Ditemukan"
        henderson.proses("auth henderson surabaya")
        inbox = {
            "messi": [
                {
                    "msg_from": "Lionel Messi",
                    "msg_to": "Jordan Henderson",
                    "msg": "  apa kabar \r\n",
                }
            ]
        }
        assert henderson.proses("inbox") == json.dumps(inbox)
        assert henderson.proses("activeuser") == 'Active User: "messi, henderson, "'
        assert messi.proses("logout") == "Logout success!"
        assert messi.tokenid == ""


@pytest.mark.parametrize("verb", ["send henderson hi", "inbox", "activeuser", "logout", "group g"])
def test_nobody_who_is_not_logged_in_is_authorized(classroom: ThreadPerClient, verb: str) -> None:
    with client_of(classroom) as client:
        assert client.proses(verb) == "Error, not authorized"


def test_what_is_no_command_is_told(classroom: ThreadPerClient) -> None:
    with client_of(classroom) as client:
        for typed in ("", "halo", "AUTH messi surabaya"):
            assert client.proses(typed) == "*Maaf, command tidak benar"
        for typed in ("auth", "auth messi", "send", "group"):
            assert client.proses(typed) == "-Maaf, command tidak benar"


def test_a_text_of_several_lines_is_one_message(classroom: ThreadPerClient) -> None:
    with client_of(classroom) as client:
        client.proses("auth messi surabaya")
        assert client.proses("send messi satu\r\ndua\ntiga") == "message sent to messi"
        inbox = json.loads(client.proses("inbox"))

    assert inbox["messi"][0]["msg"] == "  satu\ndua\ntiga \r\n"


def test_what_cannot_be_utf_8_is_told() -> None:
    error = reply(status="ERROR", message="Baris bukan UTF-8 yang benar", code="invalid_utf8")

    def conversation(_server: Scripted, connection: socket.socket) -> None:
        data = b""
        while not data.endswith(b"\r\n"):
            data += connection.recv(65_536)
        assert b"\xed\xa0\x80" in data
        connection.sendall(error)

    with Scripted(conversation) as server, client_of(server) as client:
        assert client.proses("auth messi \ud800") == "Error, Baris bukan UTF-8 yang benar"


def test_the_address_is_that_of_the_environment(
    classroom: ThreadPerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ip, port = classroom.address
    monkeypatch.setenv("SERVER_IP", ip)
    monkeypatch.setenv("SERVER_PORT", str(port))

    with ChatClient() as client:
        assert client.proses("auth messi surabaya").startswith("username messi logged in")
    with ChatClient(ip, str(port)) as client:
        assert client.proses("auth messi x") == "Error, Password Salah"
    monkeypatch.setenv("SERVER_PORT", "x")
    with pytest.raises(ValueError, match="'x'"):
        ChatClient()


def test_a_reply_may_come_in_pieces() -> None:
    def conversation(server: Scripted, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.read(connection)
        for at in range(len(WELCOME)):
            connection.sendall(WELCOME[at : at + 1])

    with Scripted(conversation) as server, client_of(server) as client:
        assert client.proses("auth messi surabaya") == f"username messi logged in, token {TOKEN} "
        assert server.received == ["auth messi surabaya \r\n"]


def test_a_server_that_goes_away_is_told_and_found_again() -> None:
    def slams(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME)(server, connection)
        server.read(connection)
        connection.sendall(b'{"status": ')

    sent = reply(status="OK", message="Message Sent")
    with Scripted(slams, answers(sent)) as server, client_of(server) as client:
        client.proses("auth messi surabaya")
        assert client.proses("inbox") == "Error, the server has closed the connection"
        assert client.proses("send messi hi") == "message sent to messi"
    assert server.received[2] == f"send {TOKEN} messi  hi \r\n"


def test_a_server_that_is_gone_for_good_is_told() -> None:
    with Scripted(answers(WELCOME)) as server:
        client = client_of(server)
        client.proses("auth messi surabaya")
    with client:
        for _ in range(3):
            assert client.proses("inbox").startswith("Error, the server 127.0.0.1:")
        assert client.tokenid == TOKEN
    with pytest.raises(OSError):
        client_of(server)


def test_a_server_that_is_silent_is_told_and_its_late_answer_passed_over() -> None:
    over = threading.Event()

    def conversation_then_silence(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME)(server, connection)
        server.read(connection)
        over.wait(PATIENCE)
        # The client has hung up, or does so now.
        with suppress(OSError):
            connection.sendall(reply(status="OK", messages={"late": []}))

    with (
        Scripted(conversation_then_silence, answers(EMPTY)) as server,
        client_of(server) as client,
    ):
        client.proses("auth messi surabaya")
        client.timeout = 0.1
        assert client.proses("inbox") == "Error, the server has not answered for 0.1 s"
        client.timeout = PATIENCE
        over.set()
        assert client.proses("inbox") == "{}"


def is_stuck(connection: socket.socket) -> None:
    """Waits until something has come, and nothing more does for a while."""
    before, now = -1, 0
    while not now or now != before:
        before, now = now, len(connection.recv(16 << 20, socket.MSG_PEEK))
        time.sleep(0.05)


def test_a_long_text_goes_to_a_server_that_reads_late() -> None:
    received = 0

    def reads_late(server: Scripted, connection: socket.socket) -> None:
        nonlocal received
        answers(WELCOME)(server, connection)
        is_stuck(connection)
        last = b""
        while not last.endswith(b"\r\n"):
            data = connection.recv(1 << 20) or pytest.fail("the client hung up")
            received += len(data)
            last = last[-1:] + data
        connection.sendall(reply(status="OK", message="Message Sent"))

    with Scripted(reads_late) as server, client_of(server) as client:
        client.proses("auth messi surabaya")
        shown = client.proses("send messi " + "x" * 5_000_000)

    assert shown == "message sent to messi"
    assert received == len(f"send {TOKEN} messi  \r\n") + 1 + 5_000_000


def test_a_server_that_does_not_read_is_told_from_one_that_is_gone() -> None:
    over = threading.Event()

    def deaf(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME)(server, connection)
        over.wait(PATIENCE)

    with Scripted(deaf, answers(EMPTY)) as server, client_of(server) as client:
        client.proses("auth messi surabaya")
        client.timeout = 0.1
        shown = client.proses("send messi " + "x" * 32_000_000)
        client.timeout = PATIENCE
        over.set()

        assert shown == "Error, the server has not taken that within 0.1 s"
        assert client.proses("inbox") == "{}"


def test_a_client_that_could_not_be_made_ends_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    with pytest.raises(TypeError):
        ChatClient(adress="127.0.0.1")  # type: ignore[call-arg]
    gc.collect()

    assert told == []


def test_last_words_that_nobody_asked_for_are_no_answer() -> None:
    def evicted(server: Scripted, connection: socket.socket) -> None:
        server.read(connection)
        connection.sendall(WELCOME + reply(status="ERROR", message="Koneksi diam"))

    with Scripted(evicted, answers(EMPTY)) as server, client_of(server) as client:
        client.proses("auth messi surabaya")
        assert client.proses("inbox") == "{}"
    assert len(server.received) == 2


@pytest.mark.parametrize("answer", [b"halo", b"[]", b"{}", b'{"status": "OK"}', b"\xff", b"3"])
def test_an_answer_without_sense_is_told(answer: bytes) -> None:
    with Scripted(answers(answer + END)) as server, client_of(server) as client:
        assert client.proses("auth messi x") == "Error, the server's answer makes no sense"


# Live groups.


class Person:
    """Types what a test says, and remembers what was shown."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self.lines = list(lines)
        self.shown = ""
        self.changed = threading.Condition()

    def read(self) -> str:
        """Types the next line once what it waits for was shown."""
        if not self.lines:
            raise EOFError
        wait_for, typed = self.lines.pop(0)
        with self.changed:
            assert self.changed.wait_for(lambda: wait_for in self.shown, PATIENCE), self.shown
        return typed

    def show(self, text: str) -> None:
        with self.changed:
            self.shown += text + "|"
            self.changed.notify_all()


def live(person: Person, server: Scripted) -> ChatClient:
    client = client_of(server, read=person.read, show=person.show)
    client.proses("auth messi surabaya")
    return client


def group(*events: bytes, goodbye: Sequence[bytes]) -> Conversation:
    """A conversation in a group: the events, what is typed, and a goodbye in these pieces."""

    def conversation(server: Scripted, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers(WELCOME)(server, connection)
        server.read(connection)
        for event in events:
            connection.sendall(event)
        server.read(connection, b"exit")
        for piece in goodbye:
            connection.sendall(piece)

    return conversation


LEFT = "Telah keluar dari grup bukber"
OK = reply(status="OK", message=LEFT)


@pytest.mark.parametrize(
    "goodbye",
    [
        [b"exit" + OK],
        [b"exit", OK],
        [b"messi: da", b"hexit" + OK],
        [b"messi: dah", b"e", b"xi", b"t", *(OK[at : at + 1] for at in range(len(OK)))],
    ],
)
def test_a_group_lasts_until_exit_however_the_goodbye_is_cut(goodbye: list[bytes]) -> None:
    person = Person(("bergabung", "halo 😀"), ("exit", "exit"))
    events = b"messi telah bergabung", "henderson: exit é".encode()

    with Scripted(group(*events, goodbye=goodbye)) as server, live(person, server) as client:
        assert client.proses("group bukber") == LEFT
    assert server.received[1:] == [f"group {TOKEN} bukber origin \r\n", "halo 😀exit"]
    said = "messi: dah" if b"dah" in b"".join(goodbye) else ""
    assert person.shown.replace("|", "") == f"messi telah bergabunghenderson: exit é{said}"


def test_the_end_of_what_is_typed_leaves_the_group() -> None:
    person = Person()
    with (
        Scripted(group(b"messi telah bergabung", goodbye=[b"exit" + OK])) as server,
        live(person, server) as client,
    ):
        assert client.proses("group bukber") == LEFT


def test_a_character_that_comes_in_pieces_is_shown_whole() -> None:
    person = Person(("😀", "exit"))
    pieces = [b"messi telah bergabung " + "😀".encode()[:2], "😀".encode()[2:]]
    with Scripted(group(*pieces, goodbye=[b"exit" + OK])) as server, live(person, server) as client:
        client.proses("group bukber")
    assert "�" not in person.shown and "😀" in person.shown


def test_a_group_that_is_refused_is_told_at_once() -> None:
    full = reply(status="ERROR", message="Grup penuh", code="group_full")
    sent = reply(status="OK", message="Message Sent")
    person = Person()
    with Scripted(answers(WELCOME, full, sent)) as server, live(person, server) as client:
        assert client.proses("group bukber") == "Error, Grup penuh"
        assert client.proses("send messi hi") == "message sent to messi"


def test_a_server_that_goes_away_from_a_group_is_told() -> None:
    def conversation(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME, b"messi telah bergabung")(server, connection)

    person = Person(("closed", "halo"))
    with Scripted(conversation) as server, live(person, server) as client:
        assert client.proses("group bukber") == "Error, the server has closed the connection"
    assert "Error, the server has closed the connection" in person.shown


def test_who_is_shown_out_is_at_the_prompt_again() -> None:
    is_typing = threading.Event()

    def conversation(server: Scripted, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers(WELCOME, b"messi telah bergabung")(server, connection)
        assert is_typing.wait(PATIENCE)
        connection.sendall(b"exit" + OK)

    def read() -> str:
        listener = next(it for it in threading.enumerate() if it.name == "chatproto-live")
        is_typing.set()
        listener.join(PATIENCE)
        return "halo"

    with Scripted(conversation) as server, client_of(server, read=read, show=str) as client:
        client.proses("auth messi surabaya")
        assert client.proses("group bukber") == LEFT
    assert len(server.received) == 2


@pytest.mark.parametrize("cut", [4, 5, 10, 20, len(b"exit" + OK)])
def test_who_is_shown_out_is_out_however_the_goodbye_is_cut(cut: int) -> None:
    goodbye = b"exit" + OK
    reads = [piece for piece in (goodbye[:cut], goodbye[cut:]) if piece]
    shown: list[str] = []

    live = _Live(lambda _timeout: reads.pop(0), shown.append, b"exit telah bergabung")

    assert live.left(PATIENCE) == OK
    assert shown == ["exit telah bergabung"] and reads == []


class CannotShow(Exception):
    pass


def test_what_show_raises_is_raised_when_the_person_types_on() -> None:
    listeners: queue.Queue[threading.Thread] = queue.Queue()

    def show(text: str) -> None:
        listeners.put(threading.current_thread())
        raise CannotShow(text)

    def read() -> str:
        listeners.get(timeout=PATIENCE).join(PATIENCE)
        return "halo"

    def conversation(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME, b"messi telah bergabung")(server, connection)
        assert connection.recv(1) == b""

    with (
        Scripted(conversation, answers(EMPTY)) as server,
        client_of(server, read=read, show=show) as client,
    ):
        client.proses("auth messi surabaya")
        with pytest.raises(CannotShow, match="messi telah bergabung"):
            client.proses("group bukber")
        # The visit is over, and the client is not.
        assert client.proses("inbox") == "{}"


def test_what_show_raises_of_the_end_is_raised_too() -> None:
    def show(text: str) -> None:
        if text.startswith("Error, "):
            raise CannotShow(text)

    person = Person(("", "exit"))
    conversation = answers(WELCOME, b"messi telah bergabung")
    with (
        Scripted(conversation) as server,
        client_of(server, read=person.read, show=show) as client,
    ):
        client.proses("auth messi surabaya")
        with pytest.raises(CannotShow, match="the server has closed the connection"):
            client.proses("group bukber")


@pytest.mark.parametrize("error", [IndexError, OSError, ValueError])
def test_what_read_raises_is_not_taken_for_something_else(error: type[Exception]) -> None:
    def read() -> str:
        raise error("no more lines")

    def hung_up(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME, b"messi telah bergabung")(server, connection)
        assert connection.recv(1) == b""

    with Scripted(hung_up) as server, client_of(server, read=read, show=str) as client:
        client.proses("auth messi surabaya")
        with pytest.raises(error, match="no more lines"):
            client.proses("group bukber")


def test_the_program_shows_what_its_console_has_no_characters_for() -> None:
    smiles = group("henderson: halo 😀".encode(), goodbye=[b"exit" + OK])
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}

    with Scripted(smiles) as server:
        done = subprocess.run(
            [sys.executable, "-W", "error", str(PROGRAM), "127.0.0.1", str(server.address[1])],
            input="auth messi surabaya\ngroup bukber\nexit\nquit\n",
            env=environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )

    assert (done.stderr, done.returncode) == ("", 0)
    assert "henderson: halo ?\n" in done.stdout and LEFT in done.stdout
