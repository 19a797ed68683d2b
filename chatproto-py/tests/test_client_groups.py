"""`ChatClient` in live groups: whatever ends them, and however that is cut."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from chatproto._live import Live
from classroom import (
    EMPTY,
    LEFT,
    OK,
    PATIENCE,
    TOKEN,
    WELCOME,
    Person,
    Scripted,
    answers,
    client_of,
    group,
    live,
    reply,
)

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "chat-cli.py"


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

    live = Live(lambda _timeout: reads.pop(0), shown.append, b"exit telah bergabung")

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
