"""`chatproto.asyncio`: servers and clients that talk over real sockets, within one loop."""

import asyncio
import json
import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import chatproto.asyncio
import pytest
from chatproto import (
    ConfigError,
    Event,
    InternalError,
    LinkUp,
    LoggedIn,
    MisuseError,
    Output,
    Peer,
    Realm,
    StaticKey,
    User,
)
from chatproto.asyncio import Client, CommandError, Server, serve

PATIENCE = 30.0
ANY = ("127.0.0.1", 0)
MESSI = User("messi", "surabaya", "Lionel Messi")
HENDERSON = User("henderson", "surabaya", "Jordan Henderson")


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await main()

    asyncio.run(bounded())


def realm1(**more: Any) -> Realm:
    return Realm("realm1", [MESSI, HENDERSON], **{"passwords": "plain", **more})


async def eventually(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.01)


def test_commands_are_answered_as_dicts() -> None:
    async def main() -> None:
        async with (
            serve(realm1(), ANY) as server,
            Client(*server.client_address) as messi,
            Client(*server.client_address) as henderson,
        ):
            reply = await messi.auth("messi", "surabaya")
            await henderson.auth("henderson", "surabaya")

            sent = await messi.send("henderson", "apa\r\nkabar")

            assert reply == {"status": "OK", "tokenid": messi.token}
            assert sent == {"status": "OK", "message": "Message Sent"}
            assert (await henderson.command("hello"))["realm"] == "realm1"
            assert await henderson.inbox() == {
                "messi": [
                    {
                        "msg_from": "Lionel Messi",
                        "msg_to": "Jordan Henderson",
                        "msg": " apa\nkabar\r\n",
                    }
                ]
            }
            assert (await messi.logout())["messages"] == "Logged Out!"
            assert messi.token == ""

    run(main)


def test_a_reply_that_is_an_error_is_raised_with_its_code() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server, Client(*server.client_address) as client:
            for line, code, message in [
                ("auth messi salah", "wrong_password", "Password Salah"),
                ("inbox x", "no_session", "Informasi tidak ditemukan"),
                ("group x bukber", "no_session", "Informasi tidak ditemukan"),
            ]:
                with pytest.raises(CommandError) as refused:
                    await client.command(line)
                assert (refused.value.code, str(refused.value)) == (code, message)
            for line in ["", " \r\n", "hello\r\nhello"]:
                with pytest.raises(ValueError):
                    await client.command(line)

            assert (await client.auth("messi", "surabaya"))["status"] == "OK"

    run(main)


def test_tasks_that_share_a_client_take_turns() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server, Client(*server.client_address) as client:
            await client.auth("messi", "surabaya")

            sends = [client.send("messi", str(number)) for number in range(50)]
            await asyncio.gather(*sends)

            texts = [message["msg"] for message in (await client.inbox())["messi"]]
            assert texts == [f" {number}\r\n" for number in range(50)]

    run(main)


def test_a_bot_answers_in_a_group() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server, AsyncExitStack() as stack:
            messi = await stack.enter_async_context(Client(*server.client_address))
            bot = await stack.enter_async_context(Client(*server.client_address))
            await messi.auth("messi", "surabaya")
            await bot.auth("henderson", "surabaya")
            joined, heard = asyncio.Event(), ""

            async def play() -> None:
                async with bot.group("bukber") as group:
                    joined.set()
                    async for text in group:
                        if text.endswith(": ping"):
                            await group.say("pong")
                            return

            playing = asyncio.create_task(play())
            await joined.wait()
            async with messi.group("bukber") as group:
                await group.say("ping")
                async for text in group:
                    heard += text
                    if "henderson meninggalkan group" in heard:
                        break
            await playing

            assert "messi telah bergabung" in heard
            assert "messi: ping" in heard and "henderson: pong" in heard
            # Both are back to commands.
            assert (await messi.command(f"activeuser {messi.token}"))["status"] == "OK"
            assert await bot.inbox() == {}

    run(main)


def test_texts_said_one_after_the_other_are_messages_of_their_own() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server, Client(*server.client_address) as messi:
            await messi.auth("messi", "surabaya")
            async with messi.group("bukber") as group:
                for text in ["halo", "halo", "é" * 300, "x" * 200 + "exit", "\x00"]:
                    await group.say(text)
                heard = ""
                async for text in group:
                    heard += text
                    if heard.count("messi: ") == 7:
                        break

            assert heard.startswith("messi telah bergabungmessi: halomessi: halomessi: éé")
            assert "messi: " + "é" * 100 + "messi: " + "x" * 199 + "messi: xexit" in heard

    run(main)


def test_a_group_is_left_whatever_happens_in_it() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server, Client(*server.client_address) as messi:
            await messi.auth("messi", "surabaya")

            with pytest.raises(ZeroDivisionError):
                async with messi.group("bukber") as group:
                    for text in ["exit", "exit\r\n", ""]:
                        with pytest.raises(ValueError):
                            await group.say(text)
                    raise ZeroDivisionError

            assert await messi.inbox() == {}

    run(main)


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


def test_a_client_connects_again_after_the_server_went_away() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as first:
            address = first.client_address
            client = Client(*address)
            await client.auth("messi", "surabaya")
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                await client.command("hello")
        async with serve(realm1(), address):
            assert (await client.auth("messi", "surabaya"))["status"] == "OK"
        await client.close()

    run(main)


def test_a_reply_that_does_not_come_is_not_taken_for_the_next_one() -> None:
    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                if b"one" not in await reader.readuntil(b"\r\n"):
                    writer.write(b'{"status": "OK", "message": "two"}\r\n\r\n')
                await reader.read()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
            host, port = listener.sockets[0].getsockname()
            client = Client(host, port, timeout=0.2)
            with pytest.raises(TimeoutError):
                await client.command("one")
            client._timeout = PATIENCE

            assert (await client.command("two"))["message"] == "two"
            await client.close()

    run(main)


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
WELCOME = b'{"status": "OK", "tokenid": "T"}\r\n\r\n'
OLD = b'{"status": "OK", "messages": {"old": []}}\r\n\r\n'
NEW = b'{"status": "OK", "messages": {"new": []}}\r\n\r\n'


class Scripted:
    """A server whose connections go as a test says, the first one first."""

    def __init__(self, *conversations: Conversation) -> None:
        self._conversations = iter(conversations)

    async def __aenter__(self) -> Client:
        self._listener = await asyncio.start_server(self._serve, *ANY)
        return Client(*self._listener.sockets[0].getsockname(), timeout=PATIENCE)

    async def __aexit__(self, *_why: object) -> None:
        self._listener.close()
        await self._listener.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            await next(self._conversations)(reader, writer)
        writer.close()


async def answers_anew(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n")
    writer.write(NEW)
    await reader.read()


@pytest.mark.parametrize("hangs_up", [False, True])
def test_last_words_that_nobody_asked_for_are_no_answer(hangs_up: bool) -> None:
    async def main() -> None:
        is_time, is_said = asyncio.Event(), asyncio.Event()

        async def evicts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n")
            writer.write(WELCOME)
            await is_time.wait()
            writer.write(OLD)
            if hangs_up:
                writer.close()
            is_said.set()
            await reader.read()

        async with Scripted(evicts, answers_anew) as client:
            await client.auth("messi", "surabaya")
            is_time.set()
            await is_said.wait()

            assert await client.inbox() == {"new": []}
            await client.close()

    run(main)


def test_more_than_one_answer_is_cut_after_the_first() -> None:
    async def main() -> None:
        async def says_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n")
            writer.write(WELCOME + OLD)
            await reader.read()

        async with Scripted(says_two, answers_anew) as client:
            assert (await client.auth("messi", "surabaya"))["tokenid"] == "T"
            assert await client.inbox() == {"new": []}
            await client.close()

    run(main)


@pytest.mark.parametrize("cut", [4, 5, 10, 20])
def test_a_group_is_over_however_the_goodbye_is_cut(cut: int) -> None:
    async def main() -> None:
        goodbye = b'exit{"status": "OK", "message": "Telah keluar"}\r\n\r\n'
        is_heard = asyncio.Event()

        async def shows_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n")
            writer.write(b"messi telah bergabung")
            await is_heard.wait()
            writer.write(goodbye[:cut])
            # Whoever reads in this loop has done so by then.
            for _ in range(10):
                await asyncio.sleep(0)
            writer.write(goodbye[cut:])
            await reader.read()

        async with Scripted(shows_out) as client:
            heard = ""
            async with client.group("bukber") as group:
                async for text in group:
                    heard += text
                    is_heard.set()
            await client.close()

        assert heard == "messi telah bergabung"

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


class Two:
    """Two realms that are linked, on free ports; only the second one knows where the first is."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.events: list[Event] = []

    async def start(self) -> tuple[Server, Server]:
        keys = {name: StaticKey.generate() for name in ("realm1", "realm2")}
        limits = {"redial_ms_min": 50, "redial_ms_max": 200}
        first = serve(
            realm1(
                peers=[Peer("realm2", public_key=keys["realm2"].public, dial=False)],
                key=keys["realm1"],
                limits=limits,
                store=":memory:",
            ),
            ANY,
            link=ANY,
            on_event=self.events.append,
        )
        await self._stack.enter_async_context(first)
        assert first.link_address is not None
        second = serve(
            Realm(
                "realm2",
                [User("amsal", "jakarta", "Amsal Rizky")],
                peers=[Peer("realm1", public_key=keys["realm1"].public)],
                key=keys["realm2"],
                limits=limits,
                passwords="plain",
            ),
            ANY,
            peers={"realm1": first.link_address},
        )
        await self._stack.enter_async_context(second)
        await eventually(lambda: LinkUp("realm2") in self.events)
        return first, second


def test_linked_realms_carry_mail_and_groups() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            first, second = await Two(stack).start()
            messi = await stack.enter_async_context(Client(*first.client_address))
            amsal = await stack.enter_async_context(Client(*second.client_address))
            await messi.auth("messi", "surabaya")
            await amsal.auth("amsal", "jakarta")

            for number in range(300):
                await messi.send("amsal@realm2", str(number))
            await amsal.send("messi", "balas")
            texts: list[str] = []
            while len(texts) < 300:
                texts += [it["msg"] for it in (await amsal.inbox()).get("messi", [])]
            while not (got := await messi.inbox()):
                await asyncio.sleep(0.01)

            assert texts == [f" {number}\r\n" for number in range(300)]
            assert got["amsal"][0]["msg"] == " balas\r\n"
            async with messi.group("bukber") as here, amsal.group("bukber") as there:
                await there.say("halo dari realm2")
                heard = ""
                async for text in here:
                    heard += text
                    if "amsal: halo dari realm2" in heard:
                        break

    run(main)


def test_a_stranger_at_the_link_port_gets_nowhere() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            first, _ = await Two(stack).start()
            assert first.link_address is not None
            for _ in range(80):
                reader, writer = await asyncio.open_connection(*first.link_address)
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                with suppress(ConnectionError):
                    assert await reader.read() == b""
                writer.close()

            # Where they crowd, the one that came first makes room.
            crowd = [await asyncio.open_connection(*first.link_address) for _ in range(65)]
            assert await crowd[0][0].read() == b""
            for _, writer in crowd:
                writer.close()

            assert (await first.execute("auth messi surabaya"))["status"] == "OK"
            assert [peer.state for peer in first.realm.peers()] == ["linked"]

    run(main)


@pytest.mark.parametrize(("port", "why"), [(0, "Connect call failed"), (99_890, "0-65535")])
def test_a_peer_nobody_can_reach_is_called_again(port: int, why: str) -> None:
    async def main() -> None:
        with socket.create_server(ANY) as closed:
            nobody = ("127.0.0.1", port or closed.getsockname()[1])
        keys = [StaticKey.generate(), StaticKey.generate()]
        realm = realm1(
            peers=[Peer("realm2", public_key=keys[1].public)],
            key=keys[0],
            limits={"redial_ms_min": 10, "redial_ms_max": 20},
        )
        async with serve(realm, ANY, peers={"realm2": nobody}):
            await eventually(lambda: realm.peers()[0].last_error is not None)
            (status,) = realm.peers()

        assert status.last_error is not None and why in status.last_error

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

    run(main)


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

    with subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port, is_linked = process.stdout.readline().split()
            run(lambda: main(int(port)))
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)

    assert is_linked == "True"
    assert {"realm1.db", "realm1.key", "realm1.pub"} <= {it.name for it in tmp_path.iterdir()}


def test_the_bot_of_the_documentation_answers() -> None:
    program = documented(2)[1]
    lineker = User("lineker", "surabaya", "Gary Lineker")

    async def main() -> None:
        realm = Realm("realm1", [MESSI, lineker], passwords="plain")
        async with serve(realm, ANY) as server, Client(*server.client_address) as messi:
            arguments = ["-W", "error", "-c", f"{ELSEWHERE}\n{program}"]
            bot = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, str(server.client_address[1])
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
            bot.kill()
            await bot.wait()

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
