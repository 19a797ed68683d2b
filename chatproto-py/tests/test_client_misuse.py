"""`ChatClient` where a program does with it what it should not, and where a server does."""

from __future__ import annotations

import copy
import pickle
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from chatproto import ChatClient
from classroom import (
    EMPTY,
    LEFT,
    OK,
    PATIENCE,
    TOKEN,
    WELCOME,
    Scripted,
    answers,
    client_of,
    group,
    reply,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SENT = reply(status="OK", message="Message Sent")
BUSY = "Error, the command before this one has not ended"
HUNG_UP = "Error, this client has hung up"

# One request is one line.


class Counting:
    """A server that says yes to each line, and remembers them."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        held = b""
        while data := connection.recv(65_536):
            *lines, held = (held + data).split(b"\r\n")
            self.lines += lines
            connection.sendall(reply(status="OK", tokenid=TOKEN, message="", messages={}))
        # Without its end it is a line all the same.
        self.lines += [held] if held else []


@pytest.fixture(scope="module")
def counting() -> Iterator[tuple[Counting, ChatClient]]:
    server = Counting()
    with ChatClient(*server.address, timeout=PATIENCE) as client:
        client.proses("auth messi surabaya")
        yield server, client
    server.close()


TEXTS = st.lists(st.sampled_from(["\r", "\n", "\r\n", " ", "send", "x"]) | st.text(max_size=3)).map(
    "".join
)
COMMANDS = ["send henderson {}", "send {}", "auth {} surabaya", "auth messi {}", "group {}"]


@settings(max_examples=200, deadline=None)
@given(command=st.sampled_from(COMMANDS), text=TEXTS)
def test_a_command_is_one_line_whatever_its_text(
    counting: tuple[Counting, ChatClient], command: str, text: str
) -> None:
    server, client = counting
    server.lines.clear()
    client.tokenid = TOKEN

    client.proses(command.format(text))
    # The server has read all of it once it has read what comes next.
    client.proses("auth last one")

    assert len(server.lines) == 2
    assert server.lines[1] == b"auth last one "


def test_carriage_returns_before_a_line_end_make_no_second_line() -> None:
    with Scripted(answers(WELCOME, SENT)) as server, client_of(server) as client:
        client.proses("auth messi surabaya")
        client.proses(f"send henderson satu\r\r\nsend {TOKEN} henderson tiga")

    line = f"send {TOKEN} henderson  satu\nsend {TOKEN} henderson tiga \r\n"
    assert server.received[1:] == [line]


def test_a_token_with_a_line_end_makes_no_second_line() -> None:
    with Scripted(answers(SENT)) as server, client_of(server) as client:
        client.tokenid = f"{TOKEN}\r\n"
        client.proses("send henderson halo")

    assert server.received == [f"send {TOKEN}\n henderson  halo \r\n"]


# Calls from within.


def test_a_call_from_read_tells_the_group_nothing() -> None:
    told: list[str] = []

    def read() -> str:
        told.append(client.proses("send henderson halo"))
        return "exit"

    conversation = group(b"messi telah bergabung", goodbye=[b"exit" + OK])
    with (
        Scripted(conversation) as server,
        client_of(server, read=read, show=str) as client,
    ):
        client.proses("auth messi surabaya")
        assert client.proses("group bukber") == LEFT

    assert told == [BUSY]
    assert server.received[1:] == [f"group {TOKEN} bukber origin \r\n", "exit"]


def test_a_call_from_show_is_no_deadlock() -> None:
    told: list[str] = []
    has_told = threading.Event()

    def show(_text: str) -> None:
        told.append(client.proses("send henderson halo"))
        has_told.set()

    def read() -> str:
        assert has_told.wait(PATIENCE)
        return "exit"

    conversation = group(b"messi telah bergabung", goodbye=[b"exit" + OK])
    with (
        Scripted(conversation) as server,
        client_of(server, read=read, show=show) as client,
    ):
        client.proses("auth messi surabaya")
        assert client.proses("group bukber") == LEFT

    assert told == [BUSY]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals for threads")
def test_a_call_from_a_signal_handler_sends_nothing() -> None:
    told: list[str] = []
    has_told = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        told.append(client.proses("inbox"))
        has_told.set()

    def conversation(server: Scripted, connection: socket.socket) -> None:
        server.read(connection)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        assert has_told.wait(PATIENCE)
        connection.sendall(WELCOME)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with Scripted(conversation) as server, client_of(server) as client:
            client.tokenid = TOKEN
            assert client.proses("auth messi surabaya").startswith("username messi")
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert told == [BUSY]
    assert server.received == ["auth messi surabaya \r\n"]


# Its own hanging up.


@pytest.mark.parametrize("ends", [KeyboardInterrupt, ValueError])
def test_nobody_is_told_that_the_server_went_where_the_client_did(
    ends: type[BaseException],
) -> None:
    shown: list[str] = []

    def read() -> str:
        raise ends

    def conversation(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME, b"messi telah bergabung")(server, connection)
        assert connection.recv(1) == b""

    with (
        Scripted(conversation, answers(EMPTY)) as server,
        client_of(server, read=read, show=shown.append) as client,
    ):
        client.proses("auth messi surabaya")
        with pytest.raises(ends):
            client.proses("group bukber")
        # The visit is over, and the client is not.
        assert client.proses("inbox") == "{}"

    assert "".join(shown) in ("", "messi telah bergabung")


def test_who_closes_the_client_in_a_group_is_out_of_it() -> None:
    shown: list[str] = []

    def read() -> str:
        client.close()
        return "halo"

    def conversation(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME, b"messi telah bergabung")(server, connection)
        assert connection.recv(1) == b""

    with (
        Scripted(conversation) as server,
        client_of(server, read=read, show=shown.append) as client,
    ):
        client.proses("auth messi surabaya")
        assert client.proses("group bukber") == HUNG_UP

    assert "".join(shown) in ("", "messi telah bergabung")


def test_who_closes_the_client_while_it_waits_is_told() -> None:
    def conversation(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME)(server, connection)
        server.read(connection)
        client.close()

    with Scripted(conversation, answers(EMPTY)) as server, client_of(server) as client:
        client.proses("auth messi surabaya")
        assert client.proses("inbox") == HUNG_UP
        assert client.proses("inbox") == "{}"


def test_a_socket_that_somebody_else_has_closed_is_replaced() -> None:
    with Scripted(answers(WELCOME), answers(EMPTY)) as server, client_of(server) as client:
        client.proses("auth messi surabaya")
        assert client._socket is not None
        client._socket.close()
        assert client.proses("inbox") == "{}"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_client_cannot_be_copied(copied: Callable[[ChatClient], object]) -> None:
    with Scripted(answers(WELCOME, EMPTY)) as server, client_of(server) as client:
        client.proses("auth messi surabaya")
        with pytest.raises(TypeError, match="a ChatClient cannot be copied: it has a connection"):
            copied(client)
        assert client.proses("inbox") == "{}"


# What servers do.


def test_a_reply_that_drips_is_waited_for_no_longer_than_one_that_does_not_come() -> None:
    has_hung_up = threading.Event()

    def drips(server: Scripted, connection: socket.socket) -> None:
        server.read(connection)
        with suppress(OSError):
            # A client that begins to wait anew with each byte gets a whole reply in the end.
            for byte in b'{"status": "OK", ' + b" " * 100 + WELCOME[1:]:
                connection.sendall(bytes([byte]))
                has_hung_up.wait(0.02)

    with Scripted(drips) as server, client_of(server) as client:
        client.timeout = 0.2
        shown = client.proses("auth messi surabaya")
        has_hung_up.set()

    assert shown == "Error, the server has not answered for 0.2 s"


def test_a_client_without_patience_is_told_so() -> None:
    with Scripted(Scripted.read) as server, client_of(server) as client:
        client.timeout = 0
        assert client.proses("auth messi x") == "Error, the server has not answered for 0 s"


def test_a_group_may_be_silent_for_longer_than_a_server_may() -> None:
    def show(_text: str) -> None:
        client.timeout = 0.05

    def read() -> str:
        listener = next(it for it in threading.enumerate() if it.name == "chatproto-live")
        listener.join(0.5)
        client.timeout = PATIENCE
        return "exit"

    conversation = group(b"messi telah bergabung", goodbye=[b"exit" + OK])
    with Scripted(conversation) as server, client_of(server, read=read, show=show) as client:
        client.proses("auth messi surabaya")
        assert client.proses("group bukber") == LEFT


def test_a_server_that_does_not_read_what_is_said_in_a_group_is_told() -> None:
    over = threading.Event()

    def read() -> str:
        client.timeout = 0.1
        return "x" * 32_000_000

    def deaf(server: Scripted, connection: socket.socket) -> None:
        answers(WELCOME, b"messi telah bergabung")(server, connection)
        over.wait(PATIENCE)

    with Scripted(deaf) as server, client_of(server, read=read, show=str) as client:
        client.proses("auth messi surabaya")
        shown = client.proses("group bukber")
        over.set()

    assert shown == "Error, the server has not taken that within 0.1 s"


@pytest.mark.parametrize("answer", [b"[" * 100_000, b'{"status": "OK", "tokenid": ' * 50_000])
def test_an_answer_that_is_nested_too_deep_is_told(answer: bytes) -> None:
    with Scripted(answers(answer + b"\r\n\r\n")) as server, client_of(server) as client:
        assert client.proses("auth messi x") == "Error, the server's answer makes no sense"


# What is no argument.


@pytest.mark.parametrize("typed", [None, b"auth messi surabaya", 3])
def test_what_is_no_text_is_not_typed(typed: object) -> None:
    name = type(typed).__name__
    with Scripted(answers(WELCOME)) as server, client_of(server) as client:
        with pytest.raises(TypeError, match=f"^proses takes a str, not {name}$"):
            client.proses(typed)  # type: ignore[arg-type]
        assert client.proses("auth messi surabaya").startswith("username messi")


@pytest.mark.parametrize("port", [0, -1, 65_536, 65_536 + 8889, "0", "abc", "88 89", "9" * 5_000])
def test_a_port_is_a_port(port: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody is to be found by chance.
    monkeypatch.setenv("SERVER_PORT", "1")

    with pytest.raises(ValueError) as told:
        ChatClient("127.0.0.1", port)

    assert str(told.value) == f"the port is {port!r}, and ports are numbers from 1 to 65535"


@pytest.mark.parametrize("port", ["0", "-1", "65536", "abc"])
def test_a_port_of_the_environment_is_a_port(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_PORT", port)

    with pytest.raises(ValueError) as told:
        ChatClient("127.0.0.1")

    assert str(told.value) == f"SERVER_PORT is {port!r}, and ports are numbers from 1 to 65535"


@pytest.mark.parametrize("port", [None, ""])
@pytest.mark.parametrize("environment", [None, ""])
def test_without_a_port_it_is_the_classic_one(
    port: str | None, environment: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[object] = []

    def create_connection(address: object, timeout: float) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    monkeypatch.delenv("SERVER_IP", raising=False)
    monkeypatch.delenv("SERVER_PORT", raising=False)
    if environment is not None:
        monkeypatch.setenv("SERVER_PORT", environment)

    with pytest.raises(ConnectionRefusedError):
        ChatClient(None, port)

    assert called == [("127.0.0.1", 8889)]
