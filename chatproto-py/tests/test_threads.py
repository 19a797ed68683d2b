"""`chatproto.threads`: realms among threads, and links on a thread of their own."""

import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
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
    StaticKey,
    TransportConfig,
    User,
    Work,
)
from chatproto.threads import Driver, LinkThread

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


def test_a_config_that_is_not_to_be_had_keeps_nobody_out_for_ever() -> None:
    realm = realm1()
    lacking = [True]

    def config(_dialled: str | None) -> TransportConfig:
        if lacking[0]:
            raise ConfigError("a key is being written")
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


@pytest.mark.parametrize("is_known", [True, False])
def test_why_a_peer_cannot_be_called_is_told(is_known: bool) -> None:
    with socket.create_server(ANY) as closed:
        nobody = closed.getsockname()
    town = Town(realm2(), peers={"realm1": nobody} if is_known else {})
    why = "refused" if is_known else "nobody has said where it is"

    with running(town):
        eventually(lambda: why in str(town.realm.peers()[0].last_error))


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

    with subprocess.Popen([sys.executable, *arguments]) as process:
        try:

            def is_served() -> bool:
                try:
                    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
                        client.sendall(b"auth messi surabaya\r\n")
                        return client.recv(64).startswith(b'{"status": "OK", "tokenid"')
                except ConnectionRefusedError:
                    return False

            eventually(is_served)
        finally:
            process.kill()


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
