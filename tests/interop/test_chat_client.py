"""`chatproto.ChatClient` and realmd: what a person types, and what comes on the screen."""

import threading
from collections.abc import Iterator
from queue import Queue
from types import SimpleNamespace

import pytest
from chatproto import ChatClient
from realmd import PASSWORDS, PATIENCE, Realmd, eventually


class Person(SimpleNamespace):
    """Somebody at a client of their own; in a group they type what is put into `typed`."""

    def __init__(self, realm: Realmd, name: str) -> None:
        super().__init__()
        self.typed: Queue[str] = Queue()
        self.seen = ""
        self.client = ChatClient(
            *realm.address, timeout=PATIENCE, read=lambda: self.typed.get(timeout=PATIENCE), show=self.see
        )
        assert f"username {name} logged in" in self.client.proses(f"auth {name} {PASSWORDS[name]}")

    def see(self, text: str) -> None:
        self.seen += text

    def join(self, group: str) -> None:
        """Goes into a group; what comes of it in the end is in `left`."""
        self.left = ""

        def stay() -> None:
            self.left = self.client.proses(f"group {group}")

        self.thread = threading.Thread(target=stay)
        self.thread.start()

    def leave(self) -> str:
        self.typed.put("exit")
        self.thread.join(PATIENCE)
        return self.left


@pytest.fixture
def people(both) -> Iterator[tuple[Person, Person, Person]]:
    """Two of realm1, and one of realm2."""
    names = [(both[0], "messi"), (both[0], "henderson"), (both[1], "amsal")]
    people = tuple(Person(realm, name) for realm, name in names)
    yield people
    for person in people:
        person.client.close()


def test_a_group_of_three_in_two_realms(people):
    messi, henderson, amsal = people
    messi.join("bukber")
    eventually("messi is there", lambda: "messi telah bergabung" in messi.seen)
    henderson.join("bukber")
    eventually("henderson is there", lambda: "henderson telah bergabung" in messi.seen)
    amsal.join("bukber")
    eventually("amsal is there", lambda: "amsal telah bergabung" in henderson.seen)

    said = {"messi": "jadi main?", "henderson": "jadi é😀", "amsal": "x" * 2_000}
    for person, text in zip(people, said.values(), strict=True):
        person.typed.put(text)

    for person in people:
        # A long text comes in pieces, each with the name of who says it.
        eventually("all is seen", lambda p=person: p.seen.replace("amsal: ", "").count("x") == 2_000)
        assert "messi: jadi main?" in person.seen and "henderson: jadi é😀" in person.seen
    assert amsal.leave() == "Telah keluar dari grup bukber"
    eventually("amsal has left", lambda: "amsal meninggalkan group" in messi.seen)
    assert henderson.leave() == messi.leave() == "Telah keluar dari grup bukber"


def test_after_a_group_there_are_commands_again(people):
    messi, henderson, _ = people
    messi.join("bukber")
    eventually("messi is there", lambda: "messi telah bergabung" in messi.seen)

    assert messi.leave() == "Telah keluar dari grup bukber"
    assert messi.client.proses("send henderson apa kabar") == "message sent to henderson"
    assert '"  apa kabar' in henderson.client.proses("inbox")
    assert messi.client.proses("group a,b") == "Error, Nama tidak benar"


def test_a_server_that_goes_away_ends_a_group(both, people):
    messi, _, _ = people
    messi.join("bukber")
    eventually("messi is there", lambda: "messi telah bergabung" in messi.seen)

    both[0].kill()
    eventually("the end is told", lambda: "Error, the server has closed the connection" in messi.seen)
    messi.typed.put("halo?")
    messi.thread.join(PATIENCE)

    assert messi.left == "Error, the server has closed the connection"
