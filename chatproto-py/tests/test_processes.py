"""Threads share a realm; a forked child is told; a second interpreter is refused or works."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from chatproto import (
    ForkError,
    LinkTransport,
    Peer,
    Realm,
    Reply,
    Send,
    StaticKey,
    StoreError,
    TransportConfig,
    User,
    Work,
)

THREADS = 8
CALLS = 20_000


def plain_realm(store: str | Path | None = None) -> Realm:
    return Realm(
        "realm1",
        [User("messi", "surabaya"), User("henderson", "surabaya")],
        passwords="plain",
        limits={"inbox_messages_max": 1_000_000, "inbox_bytes_max": 1 << 30},
        store=store,
        durability="os",
    )


def settle(realm: Realm) -> list[object]:
    """Does all the work there is; returns the other outputs."""
    others: list[object] = []
    while outputs := realm.outputs():
        for output in outputs:
            if isinstance(output, Work):
                output.run()
            else:
                others.append(output)
    return others


def token(realm: Realm, name: str) -> str:
    realm.execute(f"auth {name} surabaya")
    (reply,) = [output for output in settle(realm) if isinstance(output, Reply)]
    return reply.data[29:65].decode()


def in_threads(act: Callable[[], int]) -> int:
    """Lets 8 threads do something; returns the sum."""
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(lambda _: act(), range(THREADS)))


def test_threads_share_a_realm_without_a_store() -> None:
    realm = plain_realm()
    line = f"send {token(realm, 'messi')} henderson halo".encode()

    def send() -> int:
        replies = 0
        for _ in range(CALLS):
            realm.execute(line)
            replies += sum(isinstance(output, Reply) for output in realm.outputs())
        return replies

    assert in_threads(send) == THREADS * CALLS
    henderson = token(realm, "henderson")
    realm.execute(f"inbox {henderson}")
    assert realm.outputs()[-1].data.count(b" halo") == THREADS * CALLS  # type: ignore[attr-defined]


def test_threads_share_a_realm_with_a_store(tmp_path: Path) -> None:
    realm = plain_realm(tmp_path / "realm1.db")
    line = f"send {token(realm, 'messi')} henderson halo"

    def send() -> int:
        replies = 0
        for _ in range(200):
            realm.execute(line)
            replies += sum(isinstance(output, Reply) for output in settle(realm))
        return replies

    replies = in_threads(send)
    replies += sum(isinstance(output, Reply) for output in settle(realm))
    assert replies == THREADS * 200
    realm.close()


def test_work_leaves_the_interpreter_to_others() -> None:
    realm = Realm("realm1", [User("messi", "surabaya")], limits={"hashes_max": 8})
    (hashing,) = [output for output in realm.outputs() if isinstance(output, Work)]
    begun, done = threading.Event(), threading.Event()
    turns = 0

    def work() -> None:
        begun.set()
        hashing.run()
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(60)
    while not done.is_set():
        turns += 1
    thread.join(60)

    assert turns > 0 and not thread.is_alive()


def test_many_outputs_leave_nothing_behind() -> None:
    realm = plain_realm()
    connection = realm.open("127.0.0.1")
    blocks: list[int] = []

    for _ in range(3):
        for _ in range(20):
            realm.receive(connection, b"auth messi wrong\r\n" * 500)
            for output in realm.outputs():
                if isinstance(output, Send):
                    realm.sent(connection, len(realm.outgoing(connection)))
        gc.collect()
        blocks.append(sys.getallocatedblocks())

    assert blocks[2] <= blocks[0] + 100


def forked(act: Callable[[], object]) -> int:
    """Does something in a forked child; returns how that ended."""
    process = multiprocessing.get_context("fork").Process(target=act)
    process.start()
    process.join(60)
    assert process.exitcode is not None, "the child hangs"
    return process.exitcode


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_what_was_made_before_a_fork_is_told_apart(tmp_path: Path) -> None:
    realm = plain_realm(tmp_path / "realm1.db")
    work = next(output for output in realm.outputs() if isinstance(output, Work))
    key = StaticKey.generate()
    config = TransportConfig("realm1", key, [Peer("a", public_key=StaticKey.generate().public)])
    transport = LinkTransport.accept(config)

    def use() -> None:
        acts: list[Callable[[], object]] = [
            realm.outputs,
            realm.close,
            realm.peers,
            realm.transport_config,
            work.run,
            transport.outputs,
            lambda: realm.store_failure,
        ]
        for act in acts:
            try:
                act()
            except ForkError as error:
                assert error.code == "forked"
            else:
                sys.exit(f"{act} went on")
        with plain_realm() as fresh:
            assert fresh.outputs() == []

    assert forked(use) == 0
    # The child has left the store alone.
    work.run()
    token(realm, "messi")
    realm.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_that_lives_on_keeps_the_store_from_nobody(tmp_path: Path) -> None:
    store = tmp_path / "realm1.db"
    realm = plain_realm(store)
    context = multiprocessing.get_context("fork")
    is_over = context.Event()
    child = context.Process(target=is_over.wait, args=(60,))
    child.start()
    try:
        realm.close()
        realm = plain_realm(store)

        # And a child that ends takes nothing away from its parent.
        assert forked(realm.__repr__) == 0
        with pytest.raises(StoreError) as in_use:
            plain_realm(store)
        assert in_use.value.code == "store_in_use"
    finally:
        is_over.set()
        child.join(60)
        realm.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_others_work_hangs_nobody() -> None:
    realm = plain_realm(":memory:")
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            realm.execute("auth messi surabaya")
            settle(realm)

    def use() -> None:
        try:
            realm.execute("auth messi surabaya")
        except ForkError:
            return
        sys.exit("it went on")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        codes = [forked(use) for _ in range(10)]
    finally:
        is_over.set()
        for thread in threads:
            thread.join(60)

    assert codes == [0] * 10


FORKS = """
import multiprocessing, sys, threading
from chatproto import Realm, User, Work

def store(path):
    realm = Realm("realm1", [User("messi", "x")], passwords="plain", store=path, durability="os")
    return realm, lambda: [output.run() for output in realm.outputs() if isinstance(output, Work)]

def work():
    while not over.is_set():
        realm.execute("auth messi x")
        settle()

def child(path):
    own, settle_own = store(path)
    settle_own()
    own.close()

over = threading.Event()
realm, settle = store(sys.argv[1] + "/parent.db")
threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
codes = []
for number in range(40):
    path = f"{sys.argv[1]}/child{number}.db"
    process = multiprocessing.get_context("fork").Process(target=child, args=(path,))
    process.start()
    process.join(60)
    codes.append(process.exitcode)
    if process.exitcode is None:
        process.kill()
        break
over.set()
for thread in threads:
    thread.join(60)
print(codes == [0] * 40 or codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_has_a_store_of_its_own_whatever_its_parents_threads_store(tmp_path: Path) -> None:
    # Newer versions of Python warn of any fork with threads.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


SUBINTERPRETER = """
import chatproto
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
chatproto.Realm("realm1", passwords="plain").outputs()
interpreter = interpreters.create()
try:
    failed = interpreters.run_string(interpreter, '''
import chatproto
realm = chatproto.Realm("realm1", [chatproto.User("messi", "x")], passwords="plain")
realm.execute("auth messi x")
assert any(isinstance(output, chatproto.Reply) for output in realm.outputs())
''')
except Exception as error:
    failed = error
print("works" if failed is None else failed)
interpreters.destroy(interpreter)
print(len(chatproto.Realm("realm2", store=":memory:").outputs()))
"""


def test_a_second_interpreter_works_or_is_refused_clearly() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SUBINTERPRETER],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "works" or "does not support loading in subinterpreters" in said[0]
    assert said[-1] == "0"


INTERRUPTED = """
import chatproto, signal, sys
realm = chatproto.Realm("realm1", [chatproto.User("messi", "x")], passwords="plain")
try:
    print("ready", flush=True)
    while True:
        realm.execute("auth messi x")
        realm.outputs()
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_works_at_any_time() -> None:
    arguments = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)

    assert said == "interrupted\n"
