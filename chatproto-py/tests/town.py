"""Realms among threads, and what their tests wait with."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chatproto import (
    Dial,
    LinkClose,
    LinkSend,
    Output,
    Peer,
    Realm,
    Reply,
    StaticKey,
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
