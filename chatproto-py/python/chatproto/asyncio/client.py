"""A client, and its time in a live group."""

from __future__ import annotations

import asyncio
import codecs
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from chatproto._native import ChatProtoError, error_codes

__all__ = ["Client", "CommandError", "Group"]

_END = b"\r\n\r\n"
# Every reply begins with this, and no text of a group does: no name holds a quotation mark.
_START = b'{"status": '
_EXIT = b"exit"
# No inbox of a server with default limits reaches it.
_REPLY_BYTES_MAX = 64 << 20
# Shorter than what a server splits, which is at most 4 bytes a character and at 900 bytes.
_SAID_AT_ONCE = 200
# By so many bytes at its end a text is recognised; if it is not after that time, we go on.
_ECHO_BYTES = 12
_ECHO_SECONDS = 2.0
_HEARD_BYTES_MAX = 16 << 20
_CODES = {message: code for code, message in error_codes().items()}


class CommandError(ChatProtoError):
    """A server answered a command with an error; its text is the server's `message`.

    `code` is one of `error_codes()`, or "error" where the server's words are its own.
    """

    def __init__(self, reply: dict[str, Any]) -> None:
        message = str(reply.get("message", ""))
        super().__init__(message)
        self.code = str(reply.get("code") or _CODES.get(message, "error"))


class Client:
    """One connection to a server, made by `async with` or at the first command.

    Replies are dictionaries, as the server sent them. `token` is that of whoever is logged in, and
    empty for nobody. Tasks that share a client take turns. A reply is waited for `timeout` seconds.

    Commands raise CommandError for a reply that is an error, TimeoutError for none, OSError where
    nobody listens, and ConnectionError when the server hung up; the connection is then closed, and
    the next command makes a new one, on which the token is still good.
    """

    token: str
    """The token of whoever is logged in; empty for nobody."""

    def __init__(self, host: str = "127.0.0.1", port: int = 8889, *, timeout: float = 60.0) -> None:
        self.token = ""
        self._address = (host, port)
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        async with self._turn:
            await self._connected()
        return self

    async def __aexit__(self, *_why: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hangs up."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            try:
                await streams[1].wait_closed()
            except OSError:
                # The server was faster.
                pass

    # Commands.

    async def auth(self, username: str, password: str) -> dict[str, Any]:
        """Logs in; `token` is then the one that the other commands use."""
        reply = await self.command(f"auth {username} {password}")
        self.token = str(reply["tokenid"])
        return reply

    async def send(self, to: str, message: str) -> dict[str, Any]:
        """Sends a private message to a user, `name` or `name@realm`."""
        # A line end inside would end the request.
        return await self.command(f"send {self.token} {to} " + message.replace("\r\n", "\n"))

    async def inbox(self) -> dict[str, list[dict[str, str]]]:
        """Takes all messages out of the inbox: lists of them, oldest first, by sender."""
        reply = await self.command(f"inbox {self.token}")
        messages: dict[str, list[dict[str, str]]] = reply["messages"]
        return messages

    async def logout(self) -> dict[str, Any]:
        """Ends the token."""
        reply = await self.command(f"logout {self.token}")
        self.token = ""
        return reply

    async def command(self, line: str) -> dict[str, Any]:
        """Carries out any command that has one reply, written as in the protocol, without a line end.

        Raises ValueError for a line that is none: empty, or with a line end inside.
        """
        if not line.strip() or "\r\n" in line:
            raise ValueError("a command is one line, and not an empty one")
        async with self._turn:
            return _checked(await self._exchange(line))

    @asynccontextmanager
    async def group(self, name: str) -> AsyncIterator[Group]:
        """Joins a live group for the time of an `async with`; other commands wait until it is over.

        Iterate over the Group for what its members read, the own texts too; `say` writes.
        """
        async with self._turn:
            first = await self._exchange(f"group {self.token} {name} origin", is_group=True)
            if first.startswith(_START):
                _checked(first)
            assert self._streams is not None
            group = Group(*self._streams, first)
            try:
                yield group
                async with asyncio.timeout(self._timeout):
                    await group._leave()
            finally:
                group._listener.cancel()
                if not group.is_over:
                    # Nobody knows what comes next on it.
                    await self.close()

    # The connection.

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None:
            # The loop looks at its sockets in the first of these rounds, and reads in the second.
            for _ in range(2):
                await asyncio.sleep(0)
        if self._streams is not None and _has_spoken(self._streams[0]):
            # Nobody has asked: those are last words, or an answer that came too late.
            await self.close()
        if self._streams is None:
            async with asyncio.timeout(self._timeout):
                self._streams = await asyncio.open_connection(*self._address)
        return self._streams

    async def _exchange(self, line: str, is_group: bool = False) -> bytes:
        """Sends a line and returns the reply, or the first text of a group."""
        reader, writer = await self._connected()
        held = bytearray()
        end = -1
        try:
            async with asyncio.timeout(self._timeout):
                writer.write(line.encode("utf-8", "surrogatepass") + b"\r\n")
                await writer.drain()
                while end < 0:
                    # The end may have begun in the read before.
                    start = max(len(held) - len(_END) + 1, 0)
                    held += await _read(reader)
                    if is_group and held[: len(_START)] != _START[: len(held)]:
                        return bytes(held)
                    if len(held) > _REPLY_BYTES_MAX:
                        raise ConnectionError("the server's answer is too long")
                    end = held.find(_END, start)
            end += len(_END)
            if end < len(held):
                # More than was asked for: those are last words.
                await self.close()
            return bytes(held[:end])
        except BaseException:
            # The reply may still come, and must not be taken for the next one.
            await self.close()
            raise


class Group:
    """The time in a live group: what `Client.group` gives.

    Several tasks may use it at a time. What nobody takes out by iterating is kept, up to 16 MiB.
    """

    is_over: bool
    """Whether the server has said goodbye."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes
    ) -> None:
        self.is_over = False
        self._reader = reader
        self._writer = writer
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._heard: deque[str] = deque()
        self._heard_bytes = 0
        # The end of what was said last, until the server has told it to all members.
        self._echo = b""
        self._last = b""
        self._why: Exception | None = None
        self._changed = asyncio.Condition()
        self._speaking = asyncio.Lock()
        self._listener = asyncio.create_task(self._listen(first))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        """Returns what one read brought: mostly one event, several if they came close together.

        The iteration ends when the server shows everybody out.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._heard or self.is_over or self._why)
        if self._heard:
            text = self._heard.popleft()
            self._heard_bytes -= len(text)
            return text
        if self._why is not None:
            raise self._why
        raise StopAsyncIteration

    async def say(self, text: str) -> None:
        """Sends a text to all members, and waits until the server has told it; a long one in pieces.

        Raises ValueError for one that is empty or would end the visit, and ConnectionError when the
        server has hung up.
        """
        if not text or text.rstrip("\r\n") == "exit":
            raise ValueError("leave a group by leaving `async with`; an empty text is none")
        async with self._speaking:
            for piece in _pieces(text):
                await self._say(piece)

    async def _say(self, text: str) -> None:
        # The server takes what it reads at once for one message, so two must not be under way.
        told = text.encode("utf-8", "surrogatepass")
        self._echo = told[-_ECHO_BYTES:]
        await self._write(told)
        try:
            async with asyncio.timeout(_ECHO_SECONDS), self._changed:
                await self._changed.wait_for(lambda: not self._echo or self.is_over or self._why)
        except TimeoutError:
            # It had something in it that the server tells in another way.
            pass

    async def _write(self, told: bytes) -> None:
        if self._why is not None:
            raise self._why
        self._writer.write(told)
        await self._writer.drain()

    async def _leave(self) -> None:
        async with self._speaking, self._changed:
            if not self.is_over:
                await self._write(_EXIT)
            await self._changed.wait_for(lambda: self.is_over or self._why)
        if self._why is not None:
            raise self._why

    async def _listen(self, data: bytes) -> None:
        try:
            while not self.is_over:
                if _shows_out(data):
                    await self._goodbye(data)
                    self.is_over = True
                else:
                    self._hear(data)
                async with self._changed:
                    self._changed.notify_all()
                if not self.is_over:
                    data = await _read(self._reader)
        except OSError as why:
            self._why = why
            async with self._changed:
                self._changed.notify_all()

    def _hear(self, data: bytes) -> None:
        self._last = self._last[-_ECHO_BYTES:] + data
        if self._echo and self._echo in self._last:
            self._echo, self._last = b"", b""
        if text := self._decode(data):
            self._heard.append(text)
            self._heard_bytes += len(text)
        if self._heard_bytes > _HEARD_BYTES_MAX:
            raise ConnectionAbortedError("nobody takes what is said in the group")

    async def _goodbye(self, held: bytes) -> None:
        """Reads on to the end of the reply that the server shows us out with."""
        while not (held.endswith(_END) and (held.startswith(_START) or _EXIT + _START in held)):
            held += await _read(self._reader)


def _shows_out(data: bytes) -> bool:
    """Whether a read is a goodbye or its beginning; what is said in a group begins with a name."""
    goodbye = _EXIT + _START
    is_begun = data.startswith(_EXIT) and goodbye.startswith(data)
    return is_begun or data.startswith((_START, goodbye))


def _pieces(text: str) -> list[str]:
    """A text cut into what may be said at once, none of which is taken for a goodbye."""
    pieces = [text[at : at + _SAID_AT_ONCE] for at in range(0, len(text), _SAID_AT_ONCE)]
    if pieces[-1].rstrip("\r\n") == "exit":
        pieces[-2:] = [pieces[-2][:-1], pieces[-2][-1] + pieces[-1]]
    return pieces


def _has_spoken(reader: asyncio.StreamReader) -> bool:
    """Whether there is something to read, be it the end."""
    look = reader.read(1)
    try:
        # One step, not awaited: it comes to its end if there is something, and else would wait.
        look.send(None)
    except (StopIteration, OSError):
        return True
    finally:
        look.close()
    return False


async def _read(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(65_536)
    if not data:
        raise ConnectionResetError("the server has closed the connection")
    return data


def _checked(reply: bytes) -> dict[str, Any]:
    """A reply that is no error."""
    told: dict[str, Any] = json.loads(reply)
    if told.get("status") != "OK":
        raise CommandError(told)
    return told
