"""`chatproto.threads`: realms among threads, and links on a thread of their own."""

import errno
import gc
import importlib.util
import os
import re
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import chatproto.threads
import pytest
from chatproto import (
    ConfigError,
    Dial,
    InternalError,
    LinkClose,
    LinkSend,
    LinkTransport,
    LinkUp,
    MisuseError,
    Output,
    Peer,
    Realm,
    Reply,
    Send,
    StaticKey,
    TransportConfig,
    User,
    Work,
)
from chatproto.realm_file import RealmFile
from chatproto.threads import Driver, LinkThread, link_thread

SERVER = Path(__file__).resolve().parents[2] / "examples" / "server_thread_chat.py"
PATIENCE = 30.0
ANY = ("127.0.0.1", 0)
KEYS = {name: StaticKey.generate() for name in ("realm1", "realm2")}
MESSI = User("messi", "surabaya", "Lionel Messi")
AMSAL = User("amsal", "jakarta", "Amsal Rizky")
LIMITS = {"redial_ms_min": 20, "redial_ms_max": 100}


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never holds"
        time.sleep(0.005)


class Town:
    """A realm with its driver and its link thread, and no clients but `ask`."""

    def __init__(self, realm: Realm, address: tuple[str, int] | None = None, **more: Any) -> None:
        self.realm = realm
        self.seen: list[Output] = []
        self.driver = Driver(realm, self.carry_out)
        self.links = LinkThread(self.driver, address, **more)

    def carry_out(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Work():
                    self.driver.work(output)
                case LinkSend() | LinkClose() | Dial():
                    self.links.carry_out(output)
                case _:
                    self.seen.append(output)

    def ask(self, line: str) -> str:
        requests: list[int] = []
        self.driver.tell(lambda: requests.append(self.realm.execute(line)))
        replies: list[Reply] = []

        def is_there() -> bool:
            found = [it for it in self.seen if isinstance(it, Reply)]
            replies[:] = [it for it in found if it.request == requests[0]]
            return bool(replies)

        eventually(is_there)
        return replies[0].data.decode()

    def login(self, user: str, password: str) -> str:
        return self.ask(f"auth {user} {password}")[29:65]


@contextmanager
def running(town: Town) -> Iterator[Town]:
    town.links.start()
    try:
        yield town
    finally:
        assert town.driver.shut_down(PATIENCE)
        assert not town.links.is_alive()


def realm1(**more: Any) -> Realm:
    peer = Peer("realm2", public_key=KEYS["realm2"].public, dial=False)
    return Realm(
        "realm1",
        [MESSI],
        **{"peers": [peer], "key": KEYS["realm1"], "limits": LIMITS, "passwords": "plain", **more},
    )


def realm2() -> Realm:
    peer = Peer("realm1", public_key=KEYS["realm1"].public)
    return Realm(
        "realm2",
        [AMSAL],
        peers=[peer],
        key=KEYS["realm2"],
        limits=LIMITS,
        passwords="plain",
        store=":memory:",
    )


def test_any_number_of_threads_tell_and_one_at_a_time_carries_out() -> None:
    realm = Realm("realm1", [MESSI], passwords="plain")
    inside, most, replies = 0, 0, 0

    def carry_out(outputs: list[Output]) -> None:
        nonlocal inside, most, replies
        inside += 1
        most = max(most, inside)
        replies += sum(isinstance(output, Reply) for output in outputs)
        inside -= 1

    driver = Driver(realm, carry_out)
    LinkThread(driver).start()

    def tell(_: int) -> None:
        for _ in range(5_000):
            driver.tell(realm.execute, "halo")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))
    # Whoever told something last may have left it to another one.
    eventually(lambda: replies == 40_000)

    assert most == 1
    assert driver.shut_down(PATIENCE)


def test_an_act_in_turn_waits_until_nothing_is_carried_out() -> None:
    begun, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def carry_out(_outputs: list[Output]) -> None:
        begun.set()
        go_on.wait(PATIENCE)
        order.append("carried out")

    realm = Realm("realm1", passwords="plain")
    driver = Driver(realm, carry_out)
    links = LinkThread(driver)
    first = threading.Thread(target=driver.tell, args=(realm.execute, "halo"))
    first.start()
    assert begun.wait(PATIENCE)
    second = threading.Thread(target=driver.in_turn, args=(order.append, "in turn"))
    second.start()
    # A thread that only tells waits for nobody.
    driver.tell(lambda: order.append("told"))
    go_on.set()
    first.join(PATIENCE)
    second.join(PATIENCE)

    assert order == ["told", "carried out", "in turn"]
    links.start()
    assert driver.shut_down(PATIENCE)


def test_the_main_thread_never_has_the_turn() -> None:
    realm, who = Realm("realm1", [MESSI], passwords="plain"), set[threading.Thread]()

    def carry_out(outputs: list[Output]) -> None:
        who.add(threading.current_thread())

    driver = Driver(realm, carry_out)
    acted = list[threading.Thread]()
    # Even where there is no clock yet.
    driver.tell(realm.execute, "halo")
    eventually(lambda: len(who) == 1)
    LinkThread(driver).start()
    for _ in range(100):
        driver.tell(realm.execute, "halo")
        driver.in_turn(lambda: acted.append(threading.current_thread()))

    assert driver.shut_down(PATIENCE)
    assert len(acted) == 100
    assert threading.main_thread() not in who | set(acted)


def test_a_driver_asks_for_no_thread_once_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client at the limit of threads costs nobody else an answer."""
    town = Town(Realm("realm1", [MESSI]))
    with running(town):
        monkeypatch.setattr(threading.Thread, "start", refuse)
        numbers = [town.realm.open("127.0.0.1") for _ in range(4)]
        for number in numbers:
            town.driver.tell(town.realm.receive, number, b"auth messi surabaya\r\n")
        town.driver.in_turn(town.realm.execute, "halo")

        eventually(lambda: all(b'"OK"' in town.realm.outgoing(it) for it in numbers))
        for number in numbers:
            town.driver.tell(town.realm.closed, number)
        monkeypatch.undo()


def refuse(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("given", [0, 3])
def test_a_driver_without_threads_says_so_and_leaves_none_behind(
    given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun = threading.Thread.start, list[threading.Thread]()

    def start(thread: threading.Thread) -> None:
        if len(begun) == given:
            refuse(thread)
        begun.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    said = "no 6 threads for the realm1 work: can't start"
    with Realm("realm1") as realm, pytest.raises(RuntimeError, match=said):
        Driver(realm, lambda outputs: None)

    assert len(begun) == given
    eventually(lambda: not any(thread.is_alive() for thread in begun))


def test_a_driver_that_is_forgotten_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    driver = Driver(Realm("realm1"), lambda outputs: None)
    workers = set(threading.enumerate()) - before
    assert len(workers) == 6

    del driver

    def is_over() -> bool:
        gc.collect()
        return not any(thread.is_alive() for thread in workers)

    eventually(is_over)


FORGOTTEN = """
from chatproto import Realm
from chatproto.threads import Driver
driver = Driver(Realm("realm1"), lambda outputs: None)
"""


def test_a_driver_that_is_not_shut_down_keeps_no_program_alive() -> None:
    arguments = [sys.executable, "-W", "error", "-c", FORGOTTEN]

    done = subprocess.run(arguments, capture_output=True, check=False, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_whoever_leaves_the_turn_to_the_clock_leaves_it_free() -> None:
    realm, said = Realm("realm1", [MESSI], passwords="plain"), 0
    looked = threading.Event()

    def carry_out(outputs: list[Output]) -> None:
        nonlocal said
        for output in outputs:
            if isinstance(output, Send):
                realm.sent(output.connection, len(realm.outgoing(output.connection)))
                said += 1
                # Others go on talking meanwhile.
                if said < 41:
                    realm.receive(output.connection, b"halo\r\n")

    class Clock(LinkThread):
        def wake(self) -> None:
            super().wake()
            # The thread that wakes the clock is held up until the clock has had a look.
            if threading.current_thread() not in (self, threading.main_thread()):
                looked.wait(PATIENCE)

    driver = Driver(realm, carry_out)
    clock = Clock(driver)
    take_turn = driver.take_turn

    def looks() -> None:
        take_turn()
        if threading.current_thread() is clock:
            looked.set()

    number = realm.open("127.0.0.1")
    clock.start()
    eventually(lambda: clock._wakes_at_ms > 0)
    driver.take_turn = looks  # type: ignore[method-assign]
    first = threading.Thread(target=driver.tell, args=(realm.receive, number, b"halo\r\n"))
    first.start()

    eventually(lambda: said == 41)
    first.join(PATIENCE)
    driver.tell(realm.closed, number)
    assert driver.shut_down(PATIENCE)


def test_the_link_thread_is_the_clock() -> None:
    town = Town(Realm("realm1", passwords="plain", limits={"line_ms_max": 100}))
    with running(town):
        number = town.realm.open("127.0.0.1")
        town.driver.tell(town.realm.receive, number, b"a line that never ends")

        eventually(lambda: b"ERROR" in town.realm.outgoing(number))
        town.driver.tell(town.realm.closed, number)


def test_after_the_end_nothing_is_told_and_nothing_raised() -> None:
    town = Town(Realm("realm1", passwords="plain"))
    with running(town):
        assert town.ask("halo").startswith('{"status": "ERROR"')
    town.seen.clear()

    town.driver.tell(town.realm.execute, "halo")
    town.driver.take_turn()
    town.driver.in_turn(town.realm.execute, "halo")

    assert town.driver.is_over and town.seen == []
    with pytest.raises(MisuseError):
        town.realm.execute("halo")


def test_a_mistake_of_the_program_is_raised_and_ends_nothing() -> None:
    town = Town(Realm("realm1", passwords="plain"))
    with running(town):
        with pytest.raises(MisuseError):
            town.driver.tell(town.realm.pause_peer, "nobody")

        assert town.ask("halo").startswith('{"status": "ERROR"')


def test_a_bug_of_the_realm_is_told_once_and_ends_all() -> None:
    told: list[str] = []
    driver = Driver(Realm("realm1"), lambda outputs: None, on_failure=lambda: told.append("a bug"))
    links = LinkThread(driver)
    links.start()

    def bug() -> None:
        raise InternalError("a bug")

    with pytest.raises(InternalError):
        driver.tell(bug)
    driver.tell(bug)

    assert told == ["a bug"] and isinstance(driver.failure, InternalError)
    assert not driver.shut_down(PATIENCE)


@pytest.mark.parametrize("line", ["auth messi surabaya", "halo"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_carrying_out_raises_ends_all(line: str) -> None:
    told: list[str] = []
    realm = Realm("realm1", [MESSI])

    def carry_out(outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Work():
                    ours.work(output)
                case Reply():
                    raise ZeroDivisionError

    ours = Driver(realm, carry_out, on_failure=lambda: told.append("a bug"))
    links = LinkThread(ours)
    links.start()
    ours.tell(realm.execute, line)

    eventually(lambda: told == ["a bug"])
    assert ours.is_over and isinstance(ours.failure, ZeroDivisionError)
    assert not ours.shut_down(PATIENCE) and not links.is_alive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_link_thread_that_meets_a_bug_ends_all() -> None:
    is_asked: list[bool] = []

    def config(_dialled: str | None) -> TransportConfig:
        if is_asked:
            raise AttributeError("a bug")
        is_asked.append(True)
        return realm.transport_config()

    realm = realm1()
    town = Town(realm, ANY, config=config)
    town.links.start()
    assert town.links.address is not None
    with socket.create_connection(town.links.address):
        town.links.join(PATIENCE)

    assert isinstance(town.driver.failure, AttributeError)
    assert not town.driver.shut_down(PATIENCE)


@pytest.mark.parametrize("is_main", [True, False])
def test_an_act_that_raises_keeps_nothing_from_anybody(is_main: bool) -> None:
    town = Town(Realm("realm1", passwords="plain"))
    raised: list[BaseException] = []

    def act() -> None:
        town.realm.execute("halo")
        raise ValueError("of the act")

    def attempt(how: Callable[..., object]) -> None:
        try:
            how(act)
        except ValueError as error:
            raised.append(error)

    with running(town):
        for how in (town.driver.tell, town.driver.in_turn):
            if is_main:
                attempt(how)
            else:
                thread = threading.Thread(target=attempt, args=(how,))
                thread.start()
                thread.join(PATIENCE)
            eventually(lambda: any(isinstance(it, Reply) for it in town.seen))
            town.seen.clear()

    assert [str(it) for it in raised] == ["of the act", "of the act"]


def test_a_shutdown_does_not_wait_for_ever_for_whoever_has_the_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatproto.threads.driver._LAST_TURN_SECONDS", 0.05)
    begun, go_on = threading.Event(), threading.Event()

    def carry_out(_outputs: list[Output]) -> None:
        begun.set()
        go_on.wait(PATIENCE)

    realm = Realm("realm1", passwords="plain")
    ours = Driver(realm, carry_out)
    links = LinkThread(ours)
    stuck = threading.Thread(target=ours.tell, args=(realm.execute, "halo"))
    stuck.start()
    assert begun.wait(PATIENCE)

    assert not ours.shut_down(0.01)
    assert stuck.is_alive() and ours.is_over

    go_on.set()
    stuck.join(PATIENCE)
    links.stop()


def test_linked_realms_carry_mail_both_ways_and_find_each_other_again() -> None:
    with running(Town(realm1(), ANY)) as first:
        assert first.links.address is not None
        peers = {"realm1": first.links.address}
        messi = first.login("messi", "surabaya")
        for times in (1, 2):
            with running(Town(realm2(), peers=peers)) as second:
                numbers, echo = exchanged(first, messi, second, 100)

            assert numbers == [str(number) for number in range(100)]
            assert echo.count('"msg": " balas') == 1
            assert first.seen.count(LinkUp("realm2")) == times


def exchanged(first: Town, messi: str, second: Town, count: int) -> tuple[list[str], str]:
    """Sends so many numbers to messi and one text back; returns what has come on both sides."""
    amsal = second.login("amsal", "jakarta")
    for number in range(count):
        second.ask(f"send {amsal} messi@realm1 {number}")
    eventually(lambda: first.ask(f"peek {messi} {count}").count('"id"') == count)
    first.ask(f"send {messi} amsal@realm2 balas")
    eventually(lambda: '"id"' in second.ask(f"peek {amsal}"))
    numbers = re.findall(r'"msg": " (\d+)', first.ask(f"inbox {messi}"))
    return numbers, second.ask(f"inbox {amsal}")


def test_strangers_crowd_out_each_other_and_not_the_peer() -> None:
    with running(Town(realm1(), ANY)) as first:
        assert first.links.address is not None
        strangers = [socket.create_connection(first.links.address) for _ in range(65)]
        try:
            # The one that came first has made room.
            strangers[0].settimeout(PATIENCE)
            assert strangers[0].recv(1) == b""
            with running(Town(realm2(), peers={"realm1": first.links.address})):
                eventually(lambda: LinkUp("realm2") in first.seen)
            strangers[-1].sendall(b"GET / HTTP/1.1\r\n\r\n")
            strangers[-1].settimeout(PATIENCE)
            assert strangers[-1].recv(1) == b""
        finally:
            for stranger in strangers:
                stranger.close()


@pytest.mark.parametrize(
    "error", [ConfigError("a key is being written"), ValueError("a key is no text")]
)
def test_a_config_that_is_not_to_be_had_keeps_nobody_out_for_ever(
    error: Exception,
) -> None:
    realm = realm1()
    lacking = [True]

    def config(_dialled: str | None) -> TransportConfig:
        if lacking[0]:
            raise error
        return realm.transport_config()

    lacking[0] = False
    with running(Town(realm, ANY, config=config)) as first:
        assert first.links.address is not None
        lacking[0] = True
        with socket.create_connection(first.links.address) as early:
            early.settimeout(PATIENCE)
            assert early.recv(1) == b""
        lacking[0] = False
        with running(Town(realm2(), peers={"realm1": first.links.address})):
            eventually(lambda: LinkUp("realm2") in first.seen)


def test_a_link_whose_peer_stops_reading_is_cut() -> None:
    with running(Town(realm1(), ANY)) as first:
        assert first.links.address is not None
        # A peer that says hello, gives credit, and reads no more.
        other = realm2()
        with closing(socket.create_connection(first.links.address)) as peer:
            wire = LinkTransport.dial(other.transport_config(), "realm1")
            peer.settimeout(0.01)
            link: int | None = None
            while LinkUp("realm2") not in first.seen:
                peer.sendall(wire.outgoing())
                wire.sent(len(wire.outgoing()))
                try:
                    wire.receive(peer.recv(65_536))
                except TimeoutError:
                    continue
                for output in wire.outputs():
                    if isinstance(output, chatproto.Up):
                        link = other.link_up(output.peer, output.direction)
                    else:
                        assert link is not None
                        other.link_frames(link, [output])
                if link is not None:
                    frames = other.link_outgoing(link)
                    for frame in frames:
                        wire.send(frame)
                    other.link_sent(link, len(frames))
            messi = first.login("messi", "surabaya")
            for _ in range(200):
                first.ask(f"send {messi} amsal@realm2 {'x' * 60_000}")
            assert first.links._connections
            first.driver.tell(first.realm.pause_peer, "realm2")

            eventually(lambda: not first.links._connections)

        other.close()
        first.driver.tell(lambda: first.realm.remove_peer("realm2", bounce=True))


@pytest.mark.parametrize(
    ("port", "why"),
    [(None, "nobody has said where it is"), (0, "refused"), (99_890, "0-65535")],
)
def test_why_a_peer_cannot_be_called_is_told(port: int | None, why: str) -> None:
    with socket.create_server(ANY) as closed:
        port = closed.getsockname()[1] if port == 0 else port
    peers = {} if port is None else {"realm1": ("127.0.0.1", port)}
    town = Town(realm2(), peers=peers)

    with running(town):
        eventually(lambda: why in str(town.realm.peers()[0].last_error))


def test_why_a_peer_cannot_be_called_names_no_file(tmp_path: Path) -> None:
    def config(dialled: str | None) -> TransportConfig:
        if dialled is not None:
            (tmp_path / "realm1.pub").read_text()
        return realm.transport_config()

    realm = realm2()
    with running(Town(realm, peers={"realm1": ANY}, config=config)):
        eventually(lambda: realm.peers()[0].last_error is not None)

        assert realm.peers()[0].last_error == os.strerror(errno.ENOENT)


def test_a_call_that_fails_is_told_once_for_each_reason_and_again_after_a_link() -> None:
    told: list[tuple[str, str]] = []
    lacking, calls = [""], [0]

    def config(_dialled: str | None) -> TransportConfig:
        if lacking[0]:
            raise ConfigError(lacking[0])
        return realm.transport_config()

    def is_called_again() -> None:
        before = calls[0]
        eventually(lambda: calls[0] > before + 2)

    def on_dial_failed(peer: str, why: str) -> None:
        told.append((peer, why))

    class Counting(Town):
        def carry_out(self, outputs: list[Output]) -> None:
            calls[0] += sum(isinstance(it, Dial) for it in outputs)
            super().carry_out(outputs)

    realm = realm2()
    # Nobody else gets this port, and nobody answers there.
    reserved = socket.socket()
    reserved.bind(ANY)
    address = reserved.getsockname()
    second = Counting(
        realm, peers={"realm1": address}, config=config, on_dial_failed=on_dial_failed
    )
    refused = ("realm1", os.strerror(errno.ECONNREFUSED))
    no_key = ("realm1", "its key is not there yet")
    with running(second):
        with reserved:
            is_called_again()
            assert told == [refused]
            lacking[0] = no_key[1]
            is_called_again()
            assert told == [refused, no_key]
        with running(Town(realm1(), address)):
            lacking[0] = ""
            eventually(lambda: LinkUp("realm1") in second.seen)
            lacking[0] = no_key[1]
            assert told == [refused, no_key]
        # What it met last before is told again now.
        eventually(lambda: len(told) > 2 and told[-1] == no_key)


def test_a_peer_for_whom_the_system_has_no_room_is_called_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, has_room = link_thread._Connection, threading.Event()

    def connection(*arguments: Any) -> Any:
        if not has_room.is_set():
            raise OSError("no space left")
        return real(*arguments)

    monkeypatch.setattr(link_thread, "_Connection", connection)
    with socket.create_server(ANY) as silent:
        town = Town(realm2(), peers={"realm1": silent.getsockname()})
        with running(town):
            eventually(lambda: "no space left" in str(town.realm.peers()[0].last_error))
            has_room.set()

            silent.settimeout(PATIENCE)
            silent.accept()[0].close()


def test_what_cannot_be_is_told_at_once() -> None:
    driver = Driver(realm1(key=None), lambda outputs: None)
    with pytest.raises(ConfigError) as missing:
        LinkThread(driver, ANY)
    assert missing.value.code == "own_key_missing"
    with socket.create_server(ANY) as taken, pytest.raises(OSError):
        LinkThread(Driver(realm1(), lambda outputs: None), taken.getsockname())


def test_the_program_of_the_documentation_serves() -> None:
    texts = re.findall(r"(?:^    .*\n|^\n)+", chatproto.threads.__doc__ or "", re.MULTILINE)
    (program,) = [textwrap.dedent(text).strip() for text in texts if "import socket" in text]
    with socket.create_server(ANY) as free:
        port = free.getsockname()[1]
    arguments = ["-W", "error", "-c", program.replace("8889", str(port))]

    def connection() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    def is_served() -> bool:
        try:
            with connection() as client:
                client.sendall(b"auth messi surabaya\r\n")
                return client.recv(64).startswith(b'{"status": "OK", "tokenid"')
        except ConnectionRefusedError:
            return False

    with subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE) as process:
        try:
            eventually(is_served)
            # One does not read, one is gone before it is answered, and one waits for the goodbye.
            with connection() as slow, connection() as reset, connection() as leaving:
                slow.setblocking(False)
                with suppress(BlockingIOError):
                    for _ in range(10_000):
                        slow.send(b"x" * 400 + b"\r\n")
                reset.sendall(b"auth messi surabaya\r\n" * 10)
                reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                reset.close()
                leaving.sendall(b"hello\r\nquit\r\n")
                answers = b"".join(iter(lambda: leaving.recv(65_536), b""))

                assert answers.startswith(b'{"status": "OK", "realm": "realm1"')
                assert is_served()
        finally:
            process.kill()
        assert process.stderr is not None and process.stderr.read() == b""


@pytest.mark.parametrize("lacking", ["run", "write_slowly", "cut"])
def test_a_lack_of_threads_costs_the_server_one_client(
    lacking: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "realm1.toml").write_text(
        'name = "realm1"\npasswords = { scheme = "plain" }\n'
        'client = { address = "127.0.0.1:0" }\n'
        'users = [{ name = "messi", password = "surabaya" }]\n'
    )
    spec = importlib.util.spec_from_file_location("server_thread_chat", SERVER)
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    # As on a system whose sockets all wait, where each write has a thread.
    monkeypatch.setattr(example, "DONT_WAIT", None)
    real, refused = threading.Thread.start, list[str]()

    def start(thread: Any) -> None:
        act = getattr(thread, "function", None) or getattr(thread, "_target", None)
        if not refused and getattr(act, "__name__", "") == lacking:
            refused.append(lacking)
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    server = example.RealmServer(RealmFile(tmp_path / "realm1.toml"), threading.Event())
    try:
        for status in (b"", b'{"status": "OK"'):
            where = server.listener.getsockname()
            with socket.create_connection(where, timeout=PATIENCE) as client:
                client.sendall(b"auth messi surabaya\r\nquit\r\n")
                answer = b""
                with suppress(ConnectionResetError):
                    answer = b"".join(iter(lambda: client.recv(65_536), b""))
                # Whom no timer watches is cut, and may have read the last words before.
                assert answer.startswith(status)

        eventually(lambda: not server.clients)
        assert refused == [lacking] and server.driver.failure is None
    finally:
        server.stop()
        server.listener.close()


SHARED = """
import os, threading
from chatproto import Realm, User, Work
from chatproto.threads import Driver, LinkThread, share_processor

everywhere = len(os.sched_getaffinity(0))
share_processor()
share_processor()
found = {}
def look(who):
    found[who] = len(os.sched_getaffinity(0))
look("main")
thread = threading.Thread(target=look, args=("thread",))
thread.start()
thread.join()
driver = Driver(Realm("realm1"), lambda outputs: None)
LinkThread(driver).start()
driver._workers.submit(look, "worker").result()
driver.shut_down(60)
print(found == {"main": 1, "thread": 1, "worker": everywhere})
"""


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system lets no program choose processors"
)
def test_threads_share_a_processor_and_slow_work_does_not() -> None:
    arguments = [sys.executable, "-W", "error", "-c", SHARED]

    done = subprocess.run(arguments, capture_output=True, check=False, text=True, timeout=60)

    assert (done.stdout, done.stderr) == ("True\n", "")
