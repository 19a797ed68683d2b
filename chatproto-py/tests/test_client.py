"""The drop-in for the coursework's `ChatClient`, against servers that behave and servers that do not."""

from __future__ import annotations

import gc
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from chatproto import Chat, ChatClient
from classroom import (
    EMPTY,
    END,
    PATIENCE,
    TOKEN,
    WELCOME,
    Scripted,
    ThreadPerClient,
    answers,
    client_of,
    reply,
)


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
