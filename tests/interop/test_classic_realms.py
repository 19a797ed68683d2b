"""A realm and its classic neighbour, which speaks nothing but `server send`."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from client import ClassicClient
from conftest import check_log
from realmd import PASSWORDS, Realmd
from server import ClassicServer

AWAY = "Error, Realm tujuan sedang tidak terhubung"
UNCLEAR = "Error, Realm tujuan tidak menjawab, tidak diketahui apakah pesan sampai"
REFUSED = "Error, Realm tujuan menolak pesan"
WRONG_TEXT = "Error, Pesan ke realm klasik harus satu baris dan tanpa kata server"
NOT_FOUND = "Error, User Tidak Ditemukan"


@contextmanager
def neighbour_of(folder, address: tuple[str, int] | None, patience_ms: int = 60_000) -> Iterator[Realmd]:
    """realm1, with a classic neighbour at that address."""
    realm = Realmd(folder, "realm1", classic_ms_max=patience_ms)
    realm.neighbours = {"realm2": address}
    realm.start()
    try:
        yield realm
    finally:
        realm.kill()
        check_log(realm)


@pytest.fixture
def classic(tmp_path) -> Iterator[tuple[Realmd, ClassicServer]]:
    """realm1 and a classic realm2, each of which knows the other."""
    with ClassicServer() as server, neighbour_of(tmp_path, server.address) as realm:
        server.other = realm.heard_at["realm2"]
        yield realm, server


@pytest.fixture
def amsal(classic) -> Iterator[ClassicClient]:
    """amsal, logged in at the classic realm."""
    with ClassicClient(classic[1].address) as client:
        client.proses(f"auth amsal {PASSWORDS['amsal']}")
        yield client


def ask(address: tuple[str, int], request: bytes) -> str:
    """What one request on a connection of its own is answered."""
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(request)
        reply = b""
        while not reply.endswith(b"\r\n\r\n"):
            piece = connection.recv(64)
            assert piece, reply
            reply += piece
        return reply.decode()


def test_a_message_reaches_a_user_of_the_classic_realm(classic, amsal, login):
    messi = login(classic[0], "messi")

    assert messi.proses("send amsal jadi main bal? é😀") == "message sent to amsal"

    assert classic[1].asked == ["server send messi amsal  jadi main bal? é😀 \r\n"]
    assert json.loads(amsal.inbox()) == {
        "messi": [{"msg_from": "messi", "msg_to": "Amsal Rizky", "msg": "  jadi main bal? é😀 \r\n"}]
    }


def test_a_message_comes_from_a_user_of_the_classic_realm(classic, amsal, login):
    messi = login(classic[0], "messi")

    assert amsal.proses("send messi jadi main mes?") == "message sent to messi"

    assert json.loads(messi.inbox()) == {
        "amsal": [{"msg_from": "amsal", "msg_to": "Lionel Messi", "msg": "  jadi main mes? \r\n"}]
    }


def test_they_answer_each_other_by_bare_names(classic, amsal, login):
    messi = login(classic[0], "messi")

    for number in range(10):
        assert amsal.proses(f"send messi {number}") == "message sent to messi"
        assert messi.proses(f"send amsal {number}") == "message sent to amsal"

    texts = [f"  {number} \r\n" for number in range(10)]
    assert [message["msg"] for message in json.loads(messi.inbox())["amsal"]] == texts
    assert [message["msg"] for message in json.loads(amsal.inbox())["messi"]] == texts


def test_names_that_nobody_has_are_not_found_on_either_side(classic, amsal, login):
    messi = login(classic[0], "messi")

    assert messi.proses("send siapa halo") == NOT_FOUND
    assert messi.proses("send siapa@realm2 halo") == NOT_FOUND
    assert amsal.proses("send siapa halo") == NOT_FOUND


def test_texts_that_the_classic_realm_would_change_do_not_leave(classic, login):
    messi = login(classic[0], "messi")

    assert messi.proses("send amsal the server is down") == WRONG_TEXT
    assert messi.proses("send amsal satu\ndua") == WRONG_TEXT

    assert classic[1].asked == []


def test_a_long_text_arrives_whole_both_ways(classic, amsal, login):
    messi = login(classic[0], "messi")
    text = "panjang é " * 5_000 + "."

    assert messi.proses(f"send amsal {text}") == "message sent to amsal"
    assert amsal.proses(f"send messi {text}") == "message sent to messi"

    assert json.loads(amsal.inbox())["messi"][0]["msg"] == f"  {text} \r\n"
    assert json.loads(messi.inbox())["amsal"][0]["msg"] == f"  {text} \r\n"


def test_many_write_at_once_and_nothing_is_doubled(classic, amsal, login):
    clients = [login(classic[0], "messi") for _ in range(12)]
    shown: list[str] = []

    def send(at: int) -> None:
        for number in range(10):
            shown.append(clients[at].proses(f"send amsal@realm2 {at}-{number}"))

    threads = [threading.Thread(target=send, args=(at,)) for at in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(shown) == {"message sent to amsal@realm2"}
    received = [message["msg"].strip() for message in json.loads(amsal.inbox())["messi"]]
    assert sorted(received) == sorted(f"{at}-{number}" for at in range(12) for number in range(10))


def test_a_classic_realm_that_is_away_was_sent_nothing_and_is_called_again(tmp_path, login):
    with ClassicServer() as server:
        address = server.address
    with neighbour_of(tmp_path, address) as realm:
        messi = login(realm, "messi")
        assert messi.proses("send amsal halo") == AWAY
        assert messi.proses("send amsal@realm2 halo") == AWAY

        with ClassicServer(address[1]) as server:
            assert messi.proses("send amsal halo lagi") == "message sent to amsal"
            assert len(server.asked) == 1
        assert "cannot be reached" in realm.log()


def answers(connection: socket.socket, answer: bytes) -> None:
    connection.sendall(answer)


def hangs(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def pours(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x" * 65_536)


OK = b'{"status": "OK", "message": "Message Sent", "sendback": {"msg": " halo"}}\r\n\r\n'
MANNERS: dict[str, tuple[Callable[[socket.socket], object], str]] = {
    "never answers": (hangs, UNCLEAR),
    "hangs up": (lambda _: None, UNCLEAR),
    "answers garbage": (lambda it: answers(it, b"HTTP/1.1 400 Bad Request\r\n\r\n"), UNCLEAR),
    "answers bytes": (lambda it: answers(it, bytes(range(256)) + b"\r\n\r\n"), UNCLEAR),
    "answers without an end": (pours, UNCLEAR),
    "cuts its answer": (lambda it: answers(it, OK[:30]), UNCLEAR),
    "cuts its answer and never ends": (lambda it: (answers(it, OK[:30]), hangs(it)), UNCLEAR),
    "answers another error": (
        lambda it: answers(it, b'{"status": "ERROR", "message": "--Protocol Tidak Benar"}\r\n\r\n'),
        REFUSED,
    ),
    "answers and hangs up": (lambda it: answers(it, OK.strip()), "message sent to amsal@realm2"),
    "answers twice": (lambda it: answers(it, OK + OK), "message sent to amsal@realm2"),
    "answers byte by byte": (
        lambda it: [answers(it, bytes([byte])) for byte in OK],
        "message sent to amsal@realm2",
    ),
}


@contextmanager
def strange_server(manner: Callable[[socket.socket], object]) -> Iterator[tuple[str, int]]:
    """Reads one request on each connection, and then does that."""
    listener = socket.create_server(("127.0.0.1", 0))
    opened = []

    def serve(connection: socket.socket) -> None:
        try:
            request = b""
            while not request.endswith(b"\r\n"):
                request += connection.recv(32)
            manner(connection)
            connection.close()
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            opened.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()
    finally:
        listener.close()
        for connection in opened:
            connection.close()


@pytest.mark.parametrize("manner", MANNERS)
def test_whatever_the_other_side_does_the_sender_is_told_and_goes_on(tmp_path, login, manner):
    behave, expected = MANNERS[manner]
    patience_ms = 1_000 if "never" in manner else 60_000
    with strange_server(behave) as address, neighbour_of(tmp_path, address, patience_ms) as realm:
        messi, henderson = login(realm, "messi"), login(realm, "henderson")

        assert messi.proses("send amsal@realm2 halo") == expected

        assert messi.proses("send henderson halo") == "message sent to henderson"
        assert henderson.inbox() != "{}"


HOSTILE = {
    b"auth messi surabaya\r\n": "**Protocol Tidak Benar",
    b"hello\r\n": "**Protocol Tidak Benar",
    b"\x00\x01\x02\r\n": "**Protocol Tidak Benar",
    b"server send amsal\r\n": "--Protocol Tidak Benar",
    b"server send amsal siapa halo\r\n": "User Tidak Ditemukan",
    b"server send a/b messi halo\r\n": "Nama tidak benar",
    b"server send \xff messi halo\r\n": "Baris bukan UTF-8 yang benar",
    b"server send " + b"a" * 65 + b" messi halo\r\n": "Nama tidak benar",
    b"server send amsal messi " + b"x" * 100_000 + b"\r\n": (
        "Baris terlalu panjang, kirim dalam beberapa bagian"
    ),
}


def test_hostile_lines_are_answered_and_harm_nobody(classic, login):
    realm, _ = classic
    messi = login(realm, "messi")
    address = realm.heard_at["realm2"]

    for line, message in HOSTILE.items():
        assert json.loads(ask(address, line))["message"] == message, line
    token = messi.token.encode()
    for verb in [b"inbox", b"logout", b"activeuser", b"send", b"group"]:
        assert "**Protocol" in ask(address, verb + b" " + token + b" messi halo\r\n")

    assert messi.inbox() == "{}"
    assert json.loads(ask(address, b"check group amsal bukber other \r\n")) == {
        "status": "PENDING",
        "message": "Tidak ada grup bukber di server",
    }
    assert "sendback" in ask(address, b"server send amsal messi halo\r\n")
    assert "server send amsal messi halo" in realm.log()


def test_the_client_port_knows_nothing_of_it(classic, login):
    reply = ask(classic[0].address, b"server send amsal messi halo\r\n")

    assert json.loads(reply)["message"] == "**Protocol Tidak Benar"
    assert login(classic[0], "messi").inbox() == "{}"


def test_the_log_is_loud_about_it(classic):
    log = classic[0].log()

    assert "ANYONE WHO REACHES" in log
    assert "outside the promise" in log
