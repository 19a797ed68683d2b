"""`chatproto.asyncio.serve`: a server over real sockets, within one loop."""

import asyncio
import json
import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import chatproto.asyncio
import pytest
from chatproto import (
    ConfigError,
    Event,
    InternalError,
    LoggedIn,
    MisuseError,
    Output,
    Peer,
    Realm,
    StaticKey,
    User,
)
from chatproto.asyncio import Client, serve
from loop import ANY, MESSI, PATIENCE, eventually, realm1, run


def test_a_server_has_a_line_for_itself() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server:
            reply = await server.execute("auth messi surabaya")
            assert reply["status"] == "OK"
            assert (await server.execute("auth messi x"))["message"] == "Password Salah"

    run(main)


def test_events_are_told_and_harm_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        events: list[Event] = []

        def on_event(event: Event) -> None:
            events.append(event)
            raise ZeroDivisionError

        async with serve(realm1(), ANY, on_event=on_event) as server:
            await server.execute("auth messi surabaya")
            await eventually(lambda: bool(events))

        assert isinstance(events[0], LoggedIn) and events[0].user == "messi"

    run(main)
    assert "ZeroDivisionError" in caplog.text


def test_a_pipelined_half_closed_connection_gets_all_its_answers() -> None:
    async def main() -> None:
        async with serve(realm1(passwords="argon2id", store=":memory:"), ANY) as server:
            reader, writer = await asyncio.open_connection(*server.client_address)
            for byte in b"auth messi surabaya\r\nauth messi salah\r\n":
                writer.write(bytes([byte]))
            writer.write_eof()

            replies = (await reader.read()).decode().split("\r\n\r\n")
            writer.close()

            assert json.loads(replies[0])["status"] == "OK"
            assert json.loads(replies[1])["message"] == "Password Salah"
            assert replies[2:] == [""]

    run(main)


def test_quit_lets_the_client_read_the_last_words() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server:
            reader, writer = await asyncio.open_connection(*server.client_address)
            writer.write(b"quit\r\n" + b"x" * 100_000)

            goodbye = await reader.read()
            writer.close()

            assert goodbye.startswith(b'{"status": "OK"') and goodbye.endswith(b"\r\n\r\n")

    run(main)


def test_a_slow_reader_harms_only_itself() -> None:
    async def main() -> None:
        limits = {"outgoing_bytes_max": 65_536}
        async with (
            serve(realm1(limits=limits), ANY) as server,
            Client(*server.client_address) as messi,
        ):
            await messi.auth("messi", "surabaya")
            slow = socket.create_connection(server.client_address)
            slow.setblocking(False)
            with suppress(BlockingIOError):
                for _ in range(100_000):
                    slow.send(b"hello\r\n" * 100)

            assert (await messi.send("henderson", "halo"))["status"] == "OK"
            # A reset, while much of what it asked for is still to be written.
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            slow.close()
            assert (await messi.send("henderson", "halo"))["status"] == "OK"

    run(main)


def test_a_long_reply_arrives_whole() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server, Client(*server.client_address) as messi:
            await messi.auth("messi", "surabaya")
            text = "é" * 30_000
            for _ in range(40):
                await messi.send("messi", text)

            reader, writer = await asyncio.open_connection(*server.client_address, limit=1 << 24)
            writer.write(f"inbox {messi.token}\r\n".encode())
            # By the time it is read the buffers of the machine are full.
            await messi.command("hello")
            reply = json.loads(await reader.readuntil(b"\r\n\r\n"))
            writer.close()

            assert [it["msg"] for it in reply["messages"]["messi"]] == [f" {text}\r\n"] * 40

    run(main)


def test_a_server_that_ends_says_goodbye_and_what_it_promised_is_stored(tmp_path: Path) -> None:
    store = str(tmp_path / "realm1.db")

    async def main() -> None:
        server = serve(realm1(passwords="argon2id", store=store), ANY)
        async with server:
            messi = Client(*server.client_address)
            await messi.auth("messi", "surabaya")
            await messi.send("henderson", "halo")
            reader, writer = await asyncio.open_connection(*server.client_address)
            writer.write(b"hello\r\n")
            await reader.readuntil(b"\r\n\r\n")
        goodbye = json.loads(await reader.read())
        assert (goodbye["status"], goodbye["code"]) == ("ERROR", "shutting_down")
        writer.close()
        # Nobody listens, and the goodbye is no answer.
        with pytest.raises(ConnectionRefusedError):
            await messi.inbox()
        await messi.close()
        with pytest.raises(MisuseError):
            server.realm.peers()
        async with (
            serve(realm1(store=store, passwords="argon2id"), ANY) as server,
            Client(*server.client_address) as henderson,
        ):
            await henderson.auth("henderson", "surabaya")
            assert (await henderson.inbox())["messi"][0]["msg"] == " halo\r\n"

    run(main)


class BuggyRealm:
    """A realm that has nothing to say, and then meets a bug."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self.has_met_a_bug = False

    def outputs(self) -> list[Output]:
        if self.has_met_a_bug:
            raise InternalError("a bug")
        return []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._realm, name)


def test_a_bug_of_the_realm_ends_whoever_waits_for_a_reply() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server:
            realm = BuggyRealm(server.realm)
            server.realm = realm  # type: ignore[assignment]
            waiting = asyncio.create_task(server.execute("hello"))
            await eventually(lambda: bool(server._replies))
            realm.has_met_a_bug = True

            with pytest.raises(InternalError):
                await server.execute("hello")
            with pytest.raises(InternalError):
                await waiting
            # And whoever comes too late waits for nothing.
            with pytest.raises(InternalError):
                await server.execute("hello")
            with pytest.raises(InternalError):
                await server.wait()

    run(main)


def test_a_server_that_has_ended_executes_nothing() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server:
            pass
        with pytest.raises(MisuseError, match="the server has ended"):
            await server.execute("hello")

    run(main)


def test_what_cannot_be_served_is_told_at_once() -> None:
    async def main() -> None:
        with socket.create_server(ANY) as taken, pytest.raises(OSError):
            async with serve(realm1(), taken.getsockname()):
                pass
        no_key = realm1(peers=[Peer("realm2", public_key=StaticKey.generate().public)])
        with pytest.raises(ConfigError) as missing:
            async with serve(no_key, ANY, link=ANY):
                pass
        assert missing.value.code == "own_key_missing"
        with pytest.raises(ConfigError, match="'relam2' is no peer of realm1"):
            async with serve(realm1(), ANY, peers={"relam2": ANY}):
                pass

    run(main)


NO_ADDRESSES: list[tuple[Any, type[Exception], str]] = [
    ("127.0.0.1:8889", TypeError, "is a host and a port"),
    (("127.0.0.1",), ValueError, "is a host and a port"),
    (("127.0.0.1", "8889"), TypeError, "the port of '127.0.0.1' is an int"),
    ((None, 8889), TypeError, "the host is a str"),
]


@pytest.mark.parametrize(("address", "error", "says"), NO_ADDRESSES)
def test_what_is_no_address_is_told_before_anything_begins(
    address: Any, error: type[Exception], says: str
) -> None:
    realm = realm1()

    with pytest.raises(error, match=f"client.*{says}"):
        serve(realm, address)
    with pytest.raises(error, match=f"link.*{says}"):
        serve(realm, ANY, address)
    with pytest.raises(error, match=f"realm2.*{says}"):
        serve(realm, ANY, peers={"realm2": address})

    with pytest.raises(TypeError, match="peers"):
        serve(realm, ANY, peers=[ANY])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="0 to 65535"):
        serve(realm, ("127.0.0.1", 99_999))
    assert realm.peers() == []
    realm.close()


def test_a_realm_that_is_served_is_not_served_twice() -> None:
    async def main() -> None:
        realm = realm1()
        async with serve(realm, ANY) as server:
            with pytest.raises(MisuseError, match="served already"):
                async with serve(realm, ANY):
                    pass
            with pytest.raises(MisuseError, match="runs once"):
                await server.__aenter__()

            async with Client(*server.client_address) as messi:
                assert (await messi.auth("messi", "surabaya"))["status"] == "OK"
        # And not after its end, when it is closed.
        with pytest.raises(MisuseError, match="runs once"):
            await server.__aenter__()
        with pytest.raises(MisuseError, match="closed"):
            async with serve(realm, ANY):
                pass

    run(main)


def no_more_threads(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_server_has_its_threads_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        realm = realm1(passwords="argon2id", store=":memory:")
        async with serve(realm, ANY) as server:
            monkeypatch.setattr(threading.Thread, "start", no_more_threads)
            clients = [Client(*server.client_address) for _ in range(8)]
            for _ in range(2):
                await asyncio.gather(*(it.auth("messi", "surabaya") for it in clients))
            for client in clients:
                await client.close()

    run(main)


def test_a_server_without_threads_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def start_two(thread: threading.Thread) -> None:
        if len(started) == 2:
            no_more_threads(thread)
        started.append(thread)
        start(thread)

    async def main() -> None:
        realm = realm1()
        with socket.create_server(ANY) as free:
            address = free.getsockname()
        monkeypatch.setattr(threading.Thread, "start", start_two)
        with pytest.raises(RuntimeError, match="no 6 threads for the realm1 work"):
            async with serve(realm, address):
                pass
        with pytest.raises(MisuseError):
            realm.peers()
        # Nobody listens.
        with pytest.raises(ConnectionRefusedError):
            await Client(*address).command("hello")

    run(main)
    assert len(started) == 2
    for thread in started:
        thread.join(PATIENCE)
        assert not thread.is_alive()


BROKEN_STORE = """
import asyncio, resource, sys
from pathlib import Path
from chatproto import Realm, StoreBroken, StoreError, User
from chatproto.asyncio import Client, CommandError, serve

async def main(store):
    realm = Realm("realm1", [User("messi", "surabaya")], store=store, passwords="plain")
    events = []
    async with serve(realm, ("127.0.0.1", 0), on_event=events.append) as server:
        async with Client(*server.client_address) as messi:
            await messi.auth("messi", "surabaya")
            # From now on the system refuses to make any file longer.
            longest = max(file.stat().st_size for file in Path(store).parent.iterdir())
            resource.setrlimit(resource.RLIMIT_FSIZE, (longest, longest))
            try:
                while True:
                    await messi.send("messi", "x" * 10_000)
            except CommandError as error:
                print(error.code)
        try:
            await server.wait()
        except StoreError as error:
            print(error.code, StoreBroken() in events)

asyncio.run(main(sys.argv[1]))
"""


def test_a_broken_store_ends_the_server(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="this system has no limits for processes")
    arguments = [sys.executable, "-W", "error", "-c", BROKEN_STORE, str(tmp_path / "realm1.db")]

    done = subprocess.run(arguments, capture_output=True, check=False, text=True, timeout=60)

    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "store_broken\nstore_broken True\n"


def documented(count: int) -> list[str]:
    """The programs in the documentation."""
    documentation = chatproto.asyncio.__doc__ or ""
    texts = re.findall(r"(?:^    .*\n|^\n)+", documentation, re.MULTILINE)
    programs = [textwrap.dedent(text).strip() for text in texts if "import asyncio" in text]
    assert len(programs) == count
    for program in programs:
        assert len([line for line in program.splitlines() if line]) < 20
    return programs


# Any free port stands for those that the programs of the documentation name.
ELSEWHERE = """
import chatproto.asyncio as package, sys
real = package.serve
class Server(package.Server):
    async def __aenter__(self):
        await super().__aenter__()
        print(self.client_address[1], self.link_address is not None, flush=True)
        return self
def serve(realm, client=("127.0.0.1", 0), link=None, peers=None):
    assert link == ("127.0.0.1", 9889) and peers == {"realm2": ("127.0.0.1", 9899)}
    return Server(realm, client, ("127.0.0.1", 0), {"realm2": ("127.0.0.1", 1)}, None)
package.serve = serve
if len(sys.argv) > 1:
    package.Client.__init__.__defaults__ = ("127.0.0.1", int(sys.argv[1]))
"""


def test_the_server_of_the_documentation_serves(tmp_path: Path) -> None:
    program = documented(2)[0].replace(
        "…what StaticKey.public shows there…", StaticKey.generate().public
    )
    arguments = [sys.executable, "-W", "error", "-c", f"{ELSEWHERE}\n{program}"]

    async def main(port: int) -> None:
        async with Client("127.0.0.1", port) as messi:
            assert (await messi.auth("messi", "surabaya"))["status"] == "OK"

    with subprocess.Popen(
        arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            port, is_linked = process.stdout.readline().split()
            run(lambda: main(int(port)))
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)

    assert is_linked == "True"
    assert process.returncode == 0 and "Traceback" not in errors
    assert {"realm1.db", "realm1.key", "realm1.pub"} <= {it.name for it in tmp_path.iterdir()}


def test_the_bot_of_the_documentation_answers() -> None:
    program = documented(2)[1]
    lineker = User("lineker", "surabaya", "Gary Lineker")

    async def main() -> None:
        realm = Realm("realm1", [MESSI, lineker], passwords="plain")
        async with serve(realm, ANY) as server, Client(*server.client_address) as messi:
            arguments = ["-W", "error", "-c", f"{ELSEWHERE}\n{program}"]
            bot = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                str(server.client_address[1]),
                stderr=asyncio.subprocess.PIPE,
            )
            await messi.auth("messi", "surabaya")
            async with messi.group("bukber") as group:
                heard = ""
                async for text in group:
                    heard += text
                    # Whoever of the two came last.
                    if "telah bergabung" in text:
                        await group.say("ping")
                    if "lineker: pong" in heard:
                        break
            bot.send_signal(signal.SIGINT)
            _, errors = await bot.communicate()
            assert (bot.returncode, errors) == (0, b"")

    run(main)


def test_ctrl_c_ends_a_server_in_order(tmp_path: Path) -> None:
    program = """
import asyncio, os, signal, sys
from chatproto import Realm, User
from chatproto.asyncio import Client, serve

async def main():
    realm = Realm("realm1", [User("messi", "surabaya")], store=sys.argv[1])
    async with serve(realm, ("127.0.0.1", 0)) as server, Client(*server.client_address) as messi:
        await messi.auth("messi", "surabaya")
        os.kill(os.getpid(), signal.SIGINT)
        await server.wait()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("ended")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path / "realm1.db")],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr, done.returncode) == ("ended\n", "", 0)
