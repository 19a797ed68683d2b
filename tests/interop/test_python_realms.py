"""`examples/server_thread_chat.py`: a classic client's server, and a neighbour of realmd both ways."""

import json
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
from client import ClassicClient, Gone
from conftest import check_log
from realmd import (
    PATIENCE,
    ROOT,
    PortablePythonRealm,
    PythonRealm,
    Realmd,
    eventually,
    linked,
    links_up,
)

PROGRAM = ROOT / "examples" / "server_thread_chat.py"


@pytest.fixture(params=[PythonRealm, PortablePythonRealm])
def realm(request, tmp_path) -> Iterator[PythonRealm]:
    """A realm by itself."""
    realm = request.param(tmp_path, "realm1").start()
    yield realm
    realm.kill()
    check_log(realm)


@pytest.fixture(params=["python calls", "realmd calls", "both are python"])
def both(request, tmp_path) -> Iterator[tuple[Realmd, Realmd]]:
    """Two linked realms; the second one calls."""
    kinds = {
        "python calls": (Realmd, PythonRealm),
        "realmd calls": (PythonRealm, Realmd),
        "both are python": (PythonRealm, PythonRealm),
    }
    realms = linked(tmp_path, *kinds[request.param])
    yield realms
    for realm in realms:
        realm.kill()
        check_log(realm)


def inbox_of(client: ClassicClient, sender: str, count: int = 1) -> list[str]:
    """What the sender wrote, once so much has come."""
    received: list[str] = []

    def all_there() -> bool:
        received.extend(message["msg"] for message in json.loads(client.inbox()).get(sender, []))
        return len(received) >= count

    eventually(f"mail from {sender}", all_there)
    return received


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
    first, second = login(realm, "messi").join("bukber"), None
    first.wait_for("messi telah bergabung")
    second = login(realm, "henderson").join("bukber")
    first.wait_for("henderson telah bergabung")

    second.say("halo é😀")
    first.wait_for("henderson: halo é😀")
    assert second.leave() == {"status": "OK", "message": "Telah keluar dari grup bukber"}
    first.wait_for("henderson meninggalkan group")

    assert first.leave()["status"] == "OK"


def test_the_log_is_the_classic_one_without_secrets(realm, login):
    messi = login(realm, "messi")
    token = messi.token
    messi.proses("send henderson halo")
    messi.proses("group bukber")
    messi.proses("auth messi \x1b[31msalah")
    messi.proses("logout")

    def has_all() -> bool:
        log = realm.log()
        return all(
            line in log
            for line in [
                ": connection from ('127.0.0.1', ",
                ": data dari client: auth messi ***",
                ": AUTH: auth messi *** is session ",
                "AUTH: auth messi *** failed: wrong_password",
                "send message from messi to henderson",
                ": GROUP: bukber, messi joined at realm1",
                ': balas ke  client: {"status": "OK", "message": "Message Sent"}',
                ": Logout: messi",
            ]
        )

    eventually("all lines", has_all)
    log = realm.log()
    assert token not in log and "surabaya" not in log
    assert "\x1b" not in log


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


@pytest.mark.parametrize("restarted", [0, 1])
def test_a_restart_of_either_loses_and_doubles_nothing(both, login, restarted):
    dies, stays = both[restarted], both[1 - restarted]
    names = ("messi", "amsal")
    there, here = names[restarted], names[1 - restarted]
    sender, receiver = login(stays, here), login(dies, there)
    receiver.proses(f"send {here} pamit")
    assert inbox_of(sender, there) == ["  pamit \r\n"]
    for number in range(20):
        assert receiver.proses(f"send {here} {number}") == f"message sent to {here}"

    dies.kill()
    eventually("the loss is noticed", lambda: f"link to {dies.name} is down" in stays.log())
    home = f"{there}@{dies.name}"
    for number in range(20):
        assert sender.proses(f"send {home} {number}") == f"message sent to {home}"
    dies.start()
    links_up(*both)
    receiver = login(dies, there)

    expected = [f"  {number} \r\n" for number in range(20)]
    assert inbox_of(receiver, here, 20) == expected
    assert inbox_of(sender, there, 20) == expected
    # The ledger is balanced: nothing waits, and nothing comes any more.
    for client in (sender, receiver):
        eventually("an empty queue", lambda client=client: has_empty_queue(client))
    assert (receiver.inbox(), sender.inbox()) == (f'{{"{here}": []}}', f'{{"{there}": []}}')


def has_empty_queue(client: ClassicClient) -> bool:
    told = client.sendstring(f"outbox {client.token} \r\n")
    return all(message["state"] == "delivered" for message in told["messages"])


def test_a_group_across_realms(both, login):
    first = login(both[0], "messi").join("bukber")
    first.wait_for("messi telah bergabung")
    second = login(both[1], "amsal").join("bukber")
    first.wait_for("amsal telah bergabung")

    second.say("halo dari realm2")

    first.wait_for("amsal: halo dari realm2")
    assert second.leave()["status"] == "OK"
    assert first.leave()["status"] == "OK"


def test_ctrl_c_says_goodbye_and_keeps_what_was_promised(tmp_path, login):
    realm = PythonRealm(tmp_path, "realm1").start()
    login(realm, "messi").proses("send henderson halo")

    assert realm.stop() == 0

    assert "realm1 has ended" in realm.log() and "Traceback" not in realm.log()
    # realmd goes on with the same data.
    again = Realmd(tmp_path, "realm1").start()
    assert inbox_of(login(again, "henderson"), "messi") == ["  halo \r\n"]
    assert again.stop() == 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no limits for other processes here")
def test_a_broken_store_ends_it(tmp_path, login):
    realm = PythonRealm(tmp_path, "realm1").start()
    messi = login(realm, "messi")
    # From now on no file of its becomes longer, the log neither.
    longest = max(file.stat().st_size for file in (tmp_path / "data").iterdir())
    resource.prlimit(realm.process.pid, resource.RLIMIT_FSIZE, (longest, longest))

    with suppress(Gone, OSError):
        while messi.proses(f"send henderson {'x' * 10_000}") == "message sent to henderson":
            pass

    with realm.process, realm.process.stdout:
        assert realm.process.wait(PATIENCE) == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nama = 1", "the key nama is not known here"),
        ("[store]\nhistory_days = 1", "the key store.history_days is not known here"),
        ("[client]\naddress = 1", "client.address"),
    ],
)
def test_what_a_file_has_wrong_is_told_in_one_line(tmp_path, line, sentence):
    file = tmp_path / "realm1.toml"
    file.write_text(f'name = "realm1"\n{line}\n')

    ran = subprocess.run([sys.executable, PROGRAM, file], capture_output=True, text=True, timeout=60)

    assert ran.returncode == 1 and ran.stdout == ""
    assert ran.stderr.startswith(f"{file}: ") and ran.stderr.count("\n") == 1
    assert sentence in ran.stderr


def test_the_examples_are_served_as_they_are(tmp_path):
    """Both realms in one process, on free ports: the second finds the key that the first made."""
    for name in ("realm1", "realm2"):
        text = (ROOT / "examples" / f"{name}.toml").read_text()
        for port in ("8889", "8899", "9889", "9899"):
            text = text.replace(f":{port}", ":0")
        (tmp_path / f"{name}.toml").write_text(text)
    command = [sys.executable, "-W", "error", PROGRAM, *sorted(tmp_path.glob("*.toml"))]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        ready = [program.stdout.readline(), program.stdout.readline()]
        program.send_signal(signal.SIGTERM)
        _, log = program.communicate(timeout=PATIENCE)

    assert [line.split(" at ")[0] for line in ready] == ["realm1 is ready", "realm2 is ready"]
    assert program.returncode == 0 and "Traceback" not in log
    assert sorted(path.name for path in (tmp_path / "data").glob("*.pub")) == ["realm1.pub", "realm2.pub"]
