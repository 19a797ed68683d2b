"""`examples/c/realm_server.c`: a classic client's server, and a neighbour of realmd and of the Python server."""

import json
import signal
import subprocess
from collections.abc import Iterator

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
from conftest import check_log
from examples_in_c import CRealm, program
from realmd import PATIENCE, PythonRealm, Realmd, eventually, linked


@pytest.fixture
def realm(tmp_path) -> Iterator[CRealm]:
    """A realm by itself."""
    realm = CRealm(tmp_path, "realm1").start()
    yield realm
    realm.kill()
    check_log(realm)


@pytest.fixture(params=["c calls", "realmd calls", "both are c"])
def both(request, tmp_path) -> Iterator[tuple[Realmd, Realmd]]:
    """Two linked realms; the second one calls."""
    kinds = {"c calls": (Realmd, CRealm), "realmd calls": (CRealm, Realmd), "both are c": (CRealm, CRealm)}
    realms = linked(tmp_path, *kinds[request.param])
    yield realms
    for realm in realms:
        realm.kill()
        check_log(realm)


@pytest.fixture
def three(tmp_path) -> Iterator[list[Realmd]]:
    """A realm in C, realmd and a realm in Python, each linked with each."""
    limits = {"redial_ms_min": 50, "redial_ms_max": 200}
    realms = [
        kind(tmp_path, f"realm{number}", **limits)
        for number, kind in enumerate((CRealm, Realmd, PythonRealm), start=1)
    ]
    for realm in realms:
        realm.peers = {other.name: None for other in realms if other is not realm}
    try:
        for number, realm in enumerate(realms):
            # Whoever comes later calls.
            realm.peers |= {other.name: other.link_address for other in realms[:number]}
            realm.start()
        all_linked(realms)
        yield realms
    finally:
        for realm in realms:
            realm.kill()
    for realm in realms:
        check_log(realm)


def all_linked(realms: list[Realmd], times: dict[str, int] | None = None) -> None:
    """Waits until each two realms are linked, for the so-manieth time."""
    for realm in realms:
        for peer in realms:
            if peer is not realm:
                count = (times or {}).get(realm.name, 0) + (times or {}).get(peer.name, 0) + 1
                line = realm.link_line(peer.name, "up")
                eventually(
                    f"{realm.name}: {line}, {count} times",
                    lambda r=realm, line=line, count=count: r.log().count(line) >= count,
                )


def test_the_log_has_no_secrets(realm, login):
    messi = login(realm, "messi")
    messi.proses("auth messi \x1b[31msalah")
    messi.proses("send henderson \x1b[31mhalo")
    eventually("all lines", lambda: 'sent {"session": ' in realm.log())

    log = realm.log()
    assert messi.token not in log and "surabaya" not in log and "salah" not in log
    assert "\x1b" not in log


def test_three_kinds_of_realms_lose_and_double_nothing_while_each_is_killed_once(three, login):
    users = {"realm1": "messi", "realm2": "amsal", "realm3": "raisa"}
    killed: dict[str, int] = {}
    for dies in three:
        stays = [realm for realm in three if realm is not dies]
        home = f"{users[dies.name]}@{dies.name}"
        senders = {realm.name: login(realm, users[realm.name]) for realm in stays}
        last_words = login(dies, users[dies.name])
        for realm in stays:
            for number in range(20):
                to = f"{users[realm.name]}@{realm.name}"
                assert last_words.proses(f"send {to} {number}") == f"message sent to {to}"

        dies.kill()
        for realm in stays:
            line = realm.link_line(dies.name, "down")
            eventually("the loss is noticed", lambda r=realm, line=line: line in r.log())
            for number in range(20):
                assert senders[realm.name].proses(f"send {home} {number}") == f"message sent to {home}"
        dies.start()
        killed[dies.name] = 1
        all_linked(three, killed)

        receiver = login(dies, users[dies.name])
        arrived: dict[str, list[str]] = {users[realm.name]: [] for realm in stays}

        def all_there(receiver=receiver, arrived=arrived) -> bool:
            for sender, messages in json.loads(receiver.inbox()).items():
                arrived[sender] += [message["msg"] for message in messages]
            return all(len(messages) >= 20 for messages in arrived.values())

        eventually("mail for whoever was away", all_there)
        expected = [f"  {number} \r\n" for number in range(20)]
        assert arrived == {sender: expected for sender in arrived}
        for realm in stays:
            client = senders[realm.name]
            assert inbox_of(client, users[dies.name], 20) == expected
            # The ledger is balanced: nothing waits, and nothing comes any more.
            eventually("an empty queue", lambda client=client: has_empty_queue(client))
        eventually("an empty queue", lambda: has_empty_queue(receiver))
        assert all("msg" not in client.inbox() for client in (receiver, *senders.values()))


def test_realmd_and_python_and_c_run_the_same_data_by_turns(tmp_path, login):
    public_keys = set()
    peers = {"realm2": None}
    for turn, kind in enumerate((CRealm, Realmd, CRealm, PythonRealm, CRealm)):
        realm = kind(tmp_path, "realm1")
        realm.peers = peers
        realm.start()
        public_keys.add((tmp_path / "data" / "realm1.pub").read_text())
        if turn > 0:
            expected = [f"  {turn - 1} \r\n"]
            assert inbox_of(login(realm, "henderson"), "messi") == expected
        assert login(realm, "messi").proses(f"send henderson {turn}") == "message sent to henderson"

        assert realm.stop() == 0

    assert len(public_keys) == 1
    assert ((tmp_path / "data" / "realm1.key").stat().st_mode & 0o777) == 0o600


def test_ctrl_c_says_goodbye_and_keeps_what_was_promised(tmp_path, login):
    realm = CRealm(tmp_path, "realm1").start()
    messi = login(realm, "messi")
    messi.proses("send henderson halo")

    assert realm.stop() == 0

    last_words = b""
    while piece := messi.socket.recv(64):
        last_words += piece
    assert json.loads(last_words)["code"] == "shutting_down"
    assert "realm1 has ended" in realm.log()


@pytest.mark.parametrize(("options", "name"), [([], "realm1"), (["--realm2"], "realm2")])
def test_the_examples_are_served_without_a_file(tmp_path, options, name):
    free = ["--client", "127.0.0.1:0", "--link", "127.0.0.1:0"]
    command = [program("realm_server"), *options, *free]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as server:
        ready = server.stdout.readline()
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=PATIENCE)

    assert ready.startswith(f"{name} is ready at 127.0.0.1:") and " (link 127.0.0.1:" in ready
    assert server.returncode == 0 and log.endswith(f"{name} has ended\n")
    assert sorted(path.name for path in (tmp_path / "data").glob("*.pub")) == [f"{name}.pub"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--nama", "realm1"], "there is no such option"),
        (["--name", "not a name"], "name"),
        (["--limit", "line_bytes_max=1"], "line_bytes_max must be from 256 to 16777216"),
        (["--client", "127.0.0.1"], "127.0.0.1: "),
    ],
)
def test_what_an_option_has_wrong_is_told_in_one_line(tmp_path, options, sentence):
    ran = subprocess.run(
        [program("realm_server"), *options], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )

    assert ran.returncode == 1 and ran.stdout == ""
    assert ran.stderr.startswith("realm_server: ") and ran.stderr.count("\n") == 1
    assert sentence in ran.stderr


def test_valgrind_finds_nothing(tmp_path, login):
    valgrind = ["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=definite"]
    checked = type("Checked", (CRealm,), {"before": valgrind})
    realms = linked(tmp_path, Realmd, checked)
    try:
        messi, amsal = login(realms[0], "messi"), login(realms[1], "amsal")
        assert messi.proses("send amsal halo") == "message sent to amsal"
        assert amsal.proses("send messi hai") == "message sent to messi"
        assert inbox_of(amsal, "messi") == ["  halo \r\n"]
        assert inbox_of(messi, "amsal") == ["  hai \r\n"]
        assert amsal.proses("group bukber") == "Telah keluar dari grup bukber"

        assert realms[1].stop() == 0
    finally:
        for realm in realms:
            realm.kill()
    assert "==" not in realms[1].log()
