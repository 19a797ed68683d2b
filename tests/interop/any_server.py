"""What every realm server is asked, whatever it is written in: each file of tests imports these tests.

A realm by itself is their fixture `realm`, and two linked ones, of which the second calls, are `both`.
"""

import json
import socket

from client import ClassicClient
from realmd import PATIENCE, eventually


def inbox_of(client: ClassicClient, sender: str, count: int = 1) -> list[str]:
    """What the sender wrote, once so much has come."""
    received: list[str] = []

    def all_there() -> bool:
        received.extend(message["msg"] for message in json.loads(client.inbox()).get(sender, []))
        return len(received) >= count

    eventually(f"mail from {sender}", all_there)
    return received


def has_empty_queue(client: ClassicClient) -> bool:
    told = client.sendstring(f"outbox {client.token} \r\n")
    return all(message["state"] == "delivered" for message in told["messages"])


def test_a_classic_client_is_answered_byte_for_byte(realm):
    with socket.create_connection(realm.address, timeout=PATIENCE) as client:
        for request, reply in [
            (b"auth nobody x \r\n", b'{"status": "ERROR", "message": "User Tidak Ada"}\r\n\r\n'),
            (b"auth messi salah\r\n", b'{"status": "ERROR", "message": "Password Salah"}\r\n\r\n'),
            (b"inbox x \r\n", b'{"status": "ERROR", "message": "Informasi tidak ditemukan"}\r\n\r\n'),
            (b"inbox\r\n", b'{"status": "ERROR", "message": "--Protocol Tidak Benar"}\r\n\r\n'),
            (b"halo\r\n", b'{"status": "ERROR", "message": "**Protocol Tidak Benar"}\r\n\r\n'),
        ]:
            # A byte at a time: however it is cut, it is one line.
            for byte in request:
                client.sendall(bytes([byte]))
            got = b""
            while not got.endswith(b"\r\n\r\n"):
                got += client.recv(64)
            assert got == reply


def test_the_screen_of_a_classic_client(realm, login):
    messi, henderson = login(realm, "messi"), login(realm, "henderson")

    assert messi.proses("send henderson apa kabar") == "message sent to henderson"
    assert messi.proses("activeuser") == 'Active User: "messi, henderson, "'
    assert henderson.inbox() == (
        '{"messi": [{"msg_from": "Lionel Messi", "msg_to": "Jordan Henderson", "msg": "  apa kabar \\r\\n"}]}'
    )
    assert henderson.inbox() == '{"messi": []}'
    assert messi.proses("group bukber") == "Telah keluar dari grup bukber"
    assert messi.proses("logout") == "Logout success!"


def test_a_group_is_live(realm, login):
    first = login(realm, "messi").join("bukber")
    first.wait_for("messi telah bergabung")
    second = login(realm, "henderson").join("bukber")
    first.wait_for("henderson telah bergabung")

    second.say("halo é😀")
    first.wait_for("henderson: halo é😀")
    assert second.leave() == {"status": "OK", "message": "Telah keluar dari grup bukber"}
    first.wait_for("henderson meninggalkan group")

    assert first.leave()["status"] == "OK"


def test_a_slow_reader_harms_only_itself(realm, login):
    messi, slow = login(realm, "messi"), login(realm, "henderson")
    text = "x" * 60_000
    for _ in range(100):
        assert messi.proses(f"send henderson {text}") == "message sent to henderson"

    slow.socket.sendall(f"inbox {slow.token} \r\n".encode())
    for _ in range(10):
        assert messi.proses("send lineker halo") == "message sent to lineker"

    reply = slow.read_reply()
    assert [message["msg"].strip() for message in reply["messages"]["messi"]] == [text] * 100


def test_connections_that_break_leave_nothing_behind(realm, login):
    for _ in range(50):
        with socket.create_connection(realm.address, timeout=PATIENCE) as client:
            client.sendall(b"auth messi surabaya\r\nhello\r\n" * 2)

    with socket.create_connection(realm.address, timeout=PATIENCE) as client:
        client.sendall(b"hello\r\nquit\r\n" + b"x" * 100_000)
        client.shutdown(socket.SHUT_WR)
        said = b""
        while piece := client.recv(65_536):
            said += piece
    assert said.count(b'"status": "OK"') == 2
    assert login(realm, "lineker").inbox() == "{}"


def test_mail_goes_both_ways(both, login):
    messi, amsal = login(both[0], "messi"), login(both[1], "amsal")

    assert messi.proses("send amsal halo") == "message sent to amsal"
    assert inbox_of(amsal, "messi") == ["  halo \r\n"]
    for number in range(1, 101):
        assert amsal.proses(f"send messi {number}") == "message sent to messi"

    assert inbox_of(messi, "amsal", 100) == [f"  {number} \r\n" for number in range(1, 101)]
    assert amsal.proses("send nobody halo") == "Error, User Tidak Ditemukan"


def test_a_group_across_realms(both, login):
    first = login(both[0], "messi").join("bukber")
    first.wait_for("messi telah bergabung")
    second = login(both[1], "amsal").join("bukber")
    first.wait_for("amsal telah bergabung")

    second.say("halo dari realm2")

    first.wait_for("amsal: halo dari realm2")
    assert second.leave()["status"] == "OK"
    assert first.leave()["status"] == "OK"
