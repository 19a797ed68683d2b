"""Threads that take turns with a realm."""

import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from chatproto import (
    InternalError,
    MisuseError,
    Output,
    Realm,
    Reply,
    Send,
    TransportConfig,
    Work,
)
from chatproto.threads import Driver, LinkThread
from town import ANY, MESSI, PATIENCE, Town, eventually, realm1, running


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
