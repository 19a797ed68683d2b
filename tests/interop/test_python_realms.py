"""`examples/server_thread_chat.py`: a classic client's server, and a neighbour of realmd both ways."""

import errno
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
from any_server import (  # noqa: F401
    has_empty_queue,
    inbox_of,
    test_a_classic_client_is_answered_byte_for_byte,
    test_a_group_across_realms,
    test_a_group_is_live,
    test_a_slow_reader_harms_only_itself,
    test_connections_that_break_leave_nothing_behind,
    test_mail_goes_both_ways,
    test_the_screen_of_a_classic_client,
)
from chatproto import StaticKey
from client import Gone
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
                ": GROUP: bukber, messi left",
                ': balas ke  client: {"status": "OK", "message": "Message Sent"}',
                ": Logout: messi",
            ]
        )

    eventually("all lines", has_all)
    log = realm.log()
    assert token not in log and "surabaya" not in log
    assert "\x1b" not in log


def test_a_neighbour_that_is_away_is_told_of_and_users_read_no_path(tmp_path, login):
    line = "realm1: no link to realm2: {}; it is called again and again\n"
    no_key, refused = "the key of realm2 is not there yet", os.strerror(errno.ECONNREFUSED)
    realm = PythonRealm(tmp_path, "realm1", redial_ms_min=10, redial_ms_max=20)

    def is_told(why: str) -> bool:
        told = messi.sendstring(f"checkrealm {messi.token}\r\n")
        return line.format(why) in realm.log() and told["realms"][0]["error"] == why

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        realm.peers = {"realm2": nobody.getsockname()}
        try:
            messi = login(realm.start(), "messi")
            eventually("its key is missed", lambda: is_told(no_key))
            StaticKey.generate().save(tmp_path / "data" / "realm2.key")
            eventually("it is called", lambda: is_told(refused))
            assert realm.stop() == 0
        finally:
            realm.kill()

    assert [realm.log().count(line.format(why)) for why in (no_key, refused)] == [1, 1]


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


def test_ctrl_c_says_goodbye_and_keeps_what_was_promised(tmp_path, login):
    realm = PythonRealm(tmp_path, "realm1").start()
    login(realm, "messi").proses("send henderson halo")

    assert realm.stop() == 0

    assert "realm1 has ended" in realm.log() and "Traceback" not in realm.log()
    # realmd goes on with the same data.
    again = Realmd(tmp_path, "realm1").start()
    assert inbox_of(login(again, "henderson"), "messi") == ["  halo \r\n"]
    assert again.stop() == 0


def test_a_log_that_nobody_reads_keeps_nobody_waiting(tmp_path):
    file = tmp_path / "realm1.toml"
    file.write_text('name = "realm1"\nlog = "wire"\nclient = { address = "127.0.0.1:0" }\n')
    command = [sys.executable, "-W", "error", PROGRAM, file]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            port = int(program.stdout.readline().rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
                # Half a megabyte of lines, which no pipe has room for.
                client.sendall(b"halo\r\n" * 3_000)
                answers = 0
                while answers < 3_000:
                    piece = client.recv(65_536)
                    assert piece, "it has hung up"
                    answers += piece.count(b"}")
            program.send_signal(signal.SIGTERM)
            assert program.wait(PATIENCE) == 0
        finally:
            program.kill()
        assert "data dari client: ***" in program.stderr.read()


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_it_tells_how_it_is_used(option):
    ran = subprocess.run([sys.executable, PROGRAM, option], capture_output=True, text=True, timeout=60)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "python3 examples/server_thread_chat.py [realm1.toml ...]\n" in ran.stdout


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
