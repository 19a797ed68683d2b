"""One realm, and a classic client that talks to it."""

import json
import re
import signal
import socket

import pytest
from client import ClassicClient, Gone


def test_what_the_screen_shows_of_each_command(realm1, login):
    messi = login(realm1, "messi")
    henderson = login(realm1, "henderson")

    assert messi.proses("send henderson apa kabar") == "message sent to henderson"
    assert messi.proses("activeuser") == 'Active User: "messi, henderson, "'
    assert json.loads(henderson.proses("inbox")) == {
        "messi": [
            {
                "msg_from": "Lionel Messi",
                "msg_to": "Jordan Henderson",
                "msg": "  apa kabar \r\n",
            }
        ]
    }
    assert henderson.proses("inbox") == '{"messi": []}'
    assert messi.proses("logout") == "Logout success!"
    assert henderson.proses("activeuser") == 'Active User: "henderson, "'


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("auth messi salah", "Error, Password Salah"),
        ("auth nobody x", "Error, User Tidak Ada"),
        ("inbox", "Error, not authorized"),
        ("send henderson halo", "Error, not authorized"),
        ("auth messi", "-Maaf, command tidak benar"),
        ("halo", "*Maaf, command tidak benar"),
    ],
)
def test_what_the_screen_shows_of_each_error(realm1, typed, shown):
    with ClassicClient(realm1.address) as client:
        assert client.proses(typed) == shown
        assert client.proses("auth messi surabaya").startswith("username messi logged in")


def test_a_stranger_is_not_found(realm1, login):
    assert login(realm1, "messi").proses("send nobody halo") == "Error, User Tidak Ditemukan"


def test_a_token_is_a_version_4_uuid_that_works_on_any_connection(realm1, login):
    messi = login(realm1, "messi")

    with ClassicClient(realm1.address) as other:
        other.token = messi.token
        assert other.proses("activeuser") == 'Active User: "messi, "'

    uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(uuid, messi.token)


@pytest.mark.parametrize(
    ("request_bytes", "reply"),
    [
        (b"inbox x \r\n", b'{"status": "ERROR", "message": "Informasi tidak ditemukan"}\r\n\r\n'),
        (b"inbox\r\n", b'{"status": "ERROR", "message": "--Protocol Tidak Benar"}\r\n\r\n'),
        (b"halo\r\n", b'{"status": "ERROR", "message": "**Protocol Tidak Benar"}\r\n\r\n'),
        (b"halo\n", b'{"status": "ERROR", "message": "**Protocol Tidak Benar"}\r\n\r\n'),
        (b"\r\n\r\nhalo\r\n", b'{"status": "ERROR", "message": "**Protocol Tidak Benar"}\r\n\r\n'),
        (b"auth nobody \xf0\x9f\x98\x80\r\n", b'{"status": "ERROR", "message": "User Tidak Ada"}\r\n\r\n'),
    ],
)
def test_replies_are_what_they_were_byte_for_byte(realm1, request_bytes, reply):
    with socket.create_connection(realm1.address, timeout=10) as client:
        client.sendall(request_bytes)
        client.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: client.recv(4096), b""))

    assert received == reply


def test_requests_may_come_in_pieces_and_all_at_once(realm1, login):
    messi = login(realm1, "messi")

    for piece in f"send {messi.token} henderson one \r\n".encode():
        messi.socket.sendall(bytes([piece]))
    assert messi.read_reply()["message"] == "Message Sent"
    messi.socket.sendall(b"halo\r\n" * 50 + b"inbox x\r\n")
    received = b""
    while received.count(b"\r\n\r\n") < 51:
        received += messi.socket.recv(4096)

    assert received.endswith(b'{"status": "ERROR", "message": "Informasi tidak ditemukan"}\r\n\r\n')
    assert received.count(b"**Protocol Tidak Benar") == 50


def test_texts_survive_the_way_whatever_is_in_them(realm1, login):
    messi, henderson = login(realm1, "messi"), login(realm1, "henderson")
    text = ' é 名 😀 "quoted" \\ / \t\x7f\x1b[2J end'

    assert messi.send("henderson", text) == "message sent to henderson"

    assert json.loads(henderson.inbox())["messi"][0]["msg"] == f" {text} \r\n"


def test_a_line_over_the_limit_costs_one_error_and_nothing_else(realm1, login):
    messi, henderson = login(realm1, "messi"), login(realm1, "henderson")

    messi.socket.sendall(f"send {messi.token} henderson ".encode() + b"x" * 100_000 + b"\r\n")
    assert messi.read_reply()["code"] == "line_too_long"

    assert messi.proses("send henderson short") == "message sent to henderson"
    assert [m["msg"] for m in json.loads(henderson.inbox())["messi"]] == ["  short \r\n"]


def test_ctrl_c_ends_the_server_cleanly(realm1, login):
    messi = login(realm1, "messi")

    assert realm1.stop() == 0

    with pytest.raises((Gone, ConnectionError)):
        while True:
            messi.read_reply()


def test_the_log_masks_passwords_and_tokens(realm1, login):
    messi = login(realm1, "messi")
    messi.proses("send henderson halo")
    messi.proses("auth messi surabayaa")
    messi.proses("logout")
    token = messi.token or "none"

    realm1.process.send_signal(signal.SIGINT)
    realm1.process.wait(20)
    log = realm1.log()

    assert "connection from ('127.0.0.1', " in log
    assert "SEND: session " in log
    assert "surabaya" not in log
    assert token not in log
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}", log)
