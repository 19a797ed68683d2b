"""A client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from chatproto._native import ChatProtoError, error_codes
from chatproto.asyncio.group import END, START, Group, read

__all__ = ["Client", "CommandError"]

# No inbox of a server with default limits reaches it.
_REPLY_BYTES_MAX = 64 << 20
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
            if first.startswith(START):
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
                    start = max(len(held) - len(END) + 1, 0)
                    held += await read(reader)
                    if is_group and held[: len(START)] != START[: len(held)]:
                        return bytes(held)
                    if len(held) > _REPLY_BYTES_MAX:
                        raise ConnectionError("the server's answer is too long")
                    end = held.find(END, start)
            end += len(END)
            if end < len(held):
                # More than was asked for: those are last words.
                await self.close()
            return bytes(held[:end])
        except BaseException:
            # The reply may still come, and must not be taken for the next one.
            await self.close()
            raise


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


def _checked(reply: bytes) -> dict[str, Any]:
    """A reply that is no error."""
    told: dict[str, Any] = json.loads(reply)
    if told.get("status") != "OK":
        raise CommandError(told)
    return told
