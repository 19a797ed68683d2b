"""`chatproto.asyncio.Client`: against our servers and scripted ones, within one loop."""

import asyncio
import copy
import pickle
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from chatproto import MisuseError
from chatproto.asyncio import Client, CommandError, serve
from loop import ANY, PATIENCE, realm1, run


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


def test_a_reply_that_is_an_error_goes_over_to_another_process() -> None:
    error = CommandError({"status": "ERROR", "message": "Habis", "code": "full", "retry_ms": 5})

    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert isinstance(again, CommandError)
        assert (str(again), again.code, again.reply) == ("Habis", "full", error.reply)


# What the methods of a client are given, and what of it is wrong.
WRONG: list[tuple[str, tuple[object, ...], type[Exception], str]] = [
    ("auth", (None, "surabaya"), TypeError, "username is a str, not NoneType"),
    ("auth", ("messi", None), TypeError, "password is a str, not NoneType"),
    ("auth", ("messi", ""), ValueError, "password is one word"),
    ("auth", ("messi", "surabaya\r\nlogout"), ValueError, "password is one word"),
    ("auth", ("messi surabaya", "x"), ValueError, "username is one word"),
    ("send", ("line ker", "x"), ValueError, "to is one word"),
    ("send", ("lineker\n", "x"), ValueError, "to is one word"),
    ("send", (b"lineker", "x"), TypeError, "to is a str, not bytes"),
    ("send", ("lineker", 5), TypeError, "message is a str, not int"),
    ("group", (None,), TypeError, "name is a str, not NoneType"),
    ("group", ("",), ValueError, "name is one word"),
    ("group", ("a\r\nb",), ValueError, "name is one word"),
    ("command", (None,), TypeError, "line is a str, not NoneType"),
    ("command", ("hello\nhello",), ValueError, "one line"),
    ("command", ("\nsend T messi x",), ValueError, "one line"),
]


@pytest.mark.parametrize(("method", "arguments", "error", "says"), WRONG)
def test_what_cannot_be_asked_is_told_and_not_sent(
    method: str, arguments: tuple[object, ...], error: type[Exception], says: str
) -> None:
    async def main() -> None:
        asked = asyncio.get_running_loop().create_future()

        async def listens(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            asked.set_result(await reader.read())

        async with Scripted(listens) as client:
            async with client:
                with pytest.raises(error, match=says) as told:
                    doing = getattr(client, method)(*arguments)
                    await (doing.__aenter__() if method == "group" else doing)

            assert await asked == b""
            assert "surabaya" not in str(told.value)

    run(main)


def test_line_ends_within_a_message_end_no_request() -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server, Client(*server.client_address) as messi:
            await messi.auth("messi", "surabaya")

            await messi.send("messi", "satu\r\r\ndua\ntiga\r")
            await messi.command(f"send {messi.token} messi empat\nlima")

            assert [message["msg"] for message in (await messi.inbox())["messi"]] == [
                " satu\ndua\ntiga\r\r\n",
                " empat\nlima\r\n",
            ]

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
                    with pytest.raises(TypeError, match="text is a str, not bytes"):
                        await group.say(b"halo")  # type: ignore[arg-type]
                    raise ZeroDivisionError

            assert await messi.inbox() == {}

    run(main)


@pytest.mark.parametrize("why", [None, ZeroDivisionError()])
def test_in_a_group_that_was_left_nothing_is_said_nor_waited_for(why: Exception | None) -> None:
    async def main() -> None:
        async with serve(realm1(), ANY) as server, Client(*server.client_address) as messi:
            await messi.auth("messi", "surabaya")
            with suppress(ZeroDivisionError):
                async with messi.group("bukber") as group:
                    assert await anext(group) == "messi telah bergabung"
                    waiting = asyncio.create_task(anext(group, None))
                    if why is not None:
                        raise why

            with pytest.raises(MisuseError, match="left"):
                await group.say("halo")

            assert await waiting in (None, "messi meninggalkan group")
            assert (await messi.command("hello"))["realm"] == "realm1"

    run(main)


def test_in_a_group_that_the_server_has_ended_nothing_is_said() -> None:
    async def main() -> None:
        is_heard = asyncio.Event()

        async def shows_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n")
            writer.write(b"messi telah bergabung")
            await is_heard.wait()
            writer.write(b'exit{"status": "OK", "message": "Telah keluar"}\r\n\r\n')
            # What comes now is a command.
            assert await reader.readuntil(b"\r\n") == b"hello\r\n"
            writer.write(NEW)
            await reader.read()

        async with Scripted(shows_out) as client:
            async with client.group("bukber") as group:
                async for _ in group:
                    is_heard.set()
                with pytest.raises(ConnectionError, match="ended the group"):
                    await group.say("halo")

            assert (await client.command("hello"))["messages"] == {"new": []}
            await client.close()

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


NONSENSE = [
    b"halo",
    b"",
    b"[]",
    b"null",
    b"5",
    b'"OK"',
    b"{}",
    b"\xff",
    b"[" * 100_000,
    b"1" * 10_000,
    b'{"status": "OK"}',
    b'{"status": "OK", "tokenid": null, "messages": []}',
    b'{"status": "OK", "tokenid": "T\\r\\nlogout", "messages": "x"}',
]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=lambda it: it[:40].decode("latin-1"))
def test_a_server_that_makes_no_sense_is_left(nonsense: bytes) -> None:
    async def main() -> None:
        async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n")
            writer.write(nonsense + b"\r\n\r\n")
            # The client hangs up.
            assert await reader.read() == b""

        async with Scripted(talks, talks, answers_anew) as client:
            with pytest.raises(ConnectionError, match="makes no sense"):
                await client.auth("messi", "surabaya")
            with pytest.raises(ConnectionError, match="makes no sense"):
                await client.inbox()

            assert client.token == ""
            assert await client.inbox() == {"new": []}
            await client.close()

    run(main)


@pytest.mark.parametrize("more", [b'"}', b'"OK"}\r\n\r\nhalo'])
def test_a_group_that_makes_no_sense_is_none(more: bytes) -> None:
    async def main() -> None:
        async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n")
            writer.write(b'{"status": ' + more + b"\r\n\r\n")
            assert await reader.read() == b""

        async with Scripted(talks, answers_anew) as client:
            with pytest.raises(ConnectionError, match="makes no sense"):
                async with client.group("bukber"):
                    pass

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
