"""What is promised is stored first, and is there after a restart."""

import contextlib
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chatproto import (
    MisuseError,
    Now,
    Realm,
    Reply,
    Send,
    StoreBroken,
    StoreError,
    StoreFull,
    StoreRecovered,
    User,
    Work,
)

START = Now(0, 1_790_000_000_000)
USERS = [User("messi", "surabaya", "Lionel Messi"), User("henderson", "surabaya", "Jordan")]


def settle(realm: Realm) -> list[object]:
    """Does all the work there is; returns the other outputs."""
    others: list[object] = []
    for _ in range(1_000):
        outputs = realm.outputs()
        if not outputs:
            return others
        for output in outputs:
            if isinstance(output, Work):
                output.run(now=START)
            else:
                others.append(output)
    raise AssertionError("there is always more to do")


def ask(realm: Realm, line: str) -> str:
    request = realm.execute(line, now=START)
    replies = {output.request: output.data for output in settle(realm) if isinstance(output, Reply)}
    return replies[request].decode()


def token(realm: Realm, name: str) -> str:
    return ask(realm, f"auth {name} surabaya")[29:65]


def open_realm(store: str | Path, **settings: str) -> Realm:
    return Realm(
        "realm1",
        USERS,
        store=store,
        passwords="plain",
        durability=settings.get("durability", "os"),  # type: ignore[arg-type]
        now=START,
    )


def test_a_reply_waits_for_the_commit() -> None:
    realm = open_realm(":memory:")
    settle(realm)
    connection = realm.open("127.0.0.1", now=START)

    realm.receive(connection, b"auth messi surabaya \r\n", now=START)
    before = realm.outputs()
    (commit,) = [output for output in before if isinstance(output, Work)]
    assert commit.kind == "commit"
    assert Send(connection) not in before and realm.outgoing(connection) == b""
    commit.run(now=START)

    assert Send(connection) in realm.outputs()


def test_batches_group_while_one_is_under_way() -> None:
    realm = open_realm(":memory:")
    settle(realm)
    realm.execute("auth messi surabaya", now=START)
    (first,) = [output for output in realm.outputs() if isinstance(output, Work)]

    for _ in range(5):
        realm.execute("auth henderson surabaya", now=START)
    assert not [output for output in realm.outputs() if isinstance(output, Work)]
    first.run(now=START)
    after = realm.outputs()
    (second,) = [output for output in after if isinstance(output, Work)]
    second.run(now=START)

    assert len([output for output in after if isinstance(output, Reply)]) == 1
    assert len([output for output in realm.outputs() if isinstance(output, Reply)]) == 5


def test_the_store_is_put_in_order_while_nobody_waits_for_it(tmp_path: Path) -> None:
    with open_realm(tmp_path / "realm1.db") as realm:
        messi = token(realm, "messi")
        replied, tidied = 0, 0
        # 1 MiB of log is long.
        for sent in range(1, 41):
            realm.execute(f"send {messi} henderson {'x' * 60_000}", now=START)
            while outputs := realm.outputs():
                replied += sum(isinstance(output, Reply) for output in outputs)
                for work in outputs:
                    if isinstance(work, Work):
                        if work.kind == "tidy":
                            assert replied == sent
                            tidied += 1
                        work.run(now=START)
    assert 1 <= tidied <= 4


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_messages_outlive_the_realm(tmp_path: Path, durability: str) -> None:
    with open_realm(tmp_path / "realm1.db", durability=durability) as realm:
        messi = token(realm, "messi")
        sent = ask(realm, f"send {messi} henderson halo")
    assert sent == '{"status": "OK", "message": "Message Sent"}\r\n\r\n'

    with open_realm(str(tmp_path / "realm1.db")) as realm:
        inbox = ask(realm, f"inbox {token(realm, 'henderson')}")
        again = ask(realm, f"send {messi} henderson halo")

    assert '"msg": " halo' in inbox
    assert '"Message Sent"' in again, "a token is good after a restart"


def test_old_messages_are_read_from_the_store(tmp_path: Path) -> None:
    realm = Realm(
        "realm1",
        USERS,
        limits={"inbox_memory_bytes_max": 0},
        store=tmp_path / "realm1.db",
        passwords="plain",
        now=START,
    )
    messi, henderson = token(realm, "messi"), token(realm, "henderson")
    for number in range(3):
        ask(realm, f"send {messi} henderson pesan {number}")

    realm.execute(f"inbox {henderson}", now=START)
    kinds = []
    for _ in range(100):
        outputs = realm.outputs()
        for output in outputs:
            match output:
                case Work(kind=kind):
                    kinds.append(kind)
                    output.run(now=START)
                case Reply(data=data):
                    assert all(b"pesan %d" % number in data for number in range(3))
                    assert kinds[0] == "read"
                    realm.close()
                    return
    raise AssertionError("the inbox was never read")


def test_a_store_is_for_its_owner_and_one_realm(tmp_path: Path) -> None:
    store = tmp_path / "realm1.db"
    realm = open_realm(store)

    with pytest.raises(StoreError) as in_use:
        open_realm(store)
    realm.close()
    with pytest.raises(StoreError) as foreign:
        Realm("realm2", store=store)

    assert in_use.value.code == "store_in_use"
    assert foreign.value.code == "store_foreign"
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    open_realm(store).close()


def test_what_is_no_store_is_left_as_it_is(tmp_path: Path) -> None:
    store = tmp_path / "notes.txt"
    store.write_text("halo " * 1_000)

    with pytest.raises(StoreError) as error:
        open_realm(store)

    assert error.value.code in ("store_foreign", "store_damaged")
    assert store.read_text() == "halo " * 1_000
    with pytest.raises(StoreError):
        open_realm(tmp_path / "no" / "folder" / "realm1.db")


def test_a_closed_realm_is_of_no_use_and_its_work_does_no_harm(tmp_path: Path) -> None:
    realm = open_realm(tmp_path / "realm1.db")
    (work,) = [output for output in realm.outputs() if isinstance(output, Work)]

    realm.close()
    realm.close()
    work.run(now=START)

    with pytest.raises(MisuseError) as error:
        realm.outputs()
    assert error.value.code == "closed"
    assert (realm.name, repr(realm)) == ("realm1", '<Realm "realm1">')


@contextlib.contextmanager
def other_program(file: Path, statement: str) -> Iterator[None]:
    """Another program that does something with a store's file, and holds it meanwhile."""
    program = (
        "import sqlite3, sys\n"
        "store = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "store.execute(sys.argv[2])\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", program, str(file), statement]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"\n"
        yield
        process.stdin.close()


def test_a_store_that_is_held_by_others_is_tried_again(tmp_path: Path) -> None:
    realm = open_realm(tmp_path / "realm1.db")
    settle(realm)

    with other_program(tmp_path / "realm1.db", "BEGIN IMMEDIATE"):
        realm.execute("auth messi surabaya", now=START)
        waiting = settle(realm)
        why = realm.store_failure
    realm.handle_timeout(now=START.after_ms(1_000))
    going_on = settle(realm)

    assert StoreFull() in waiting and not any(isinstance(output, Reply) for output in waiting)
    assert why is not None
    assert StoreRecovered() in going_on and any(isinstance(output, Reply) for output in going_on)
    assert realm.store_failure is None
    realm.close()


def test_a_store_that_fails_ends_the_realm_and_says_why(tmp_path: Path) -> None:
    realm = open_realm(tmp_path / "realm1.db")
    settle(realm)
    with other_program(tmp_path / "realm1.db", "DROP TABLE sessions"):
        pass

    realm.execute("auth messi surabaya", now=START)
    outputs = settle(realm)

    assert StoreBroken() in outputs
    assert b'"code": "store_broken"' in next(
        output.data for output in outputs if isinstance(output, Reply)
    )
    assert realm.store_failure is not None and "realm1.db" in realm.store_failure
    realm.close()
