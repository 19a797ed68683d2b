"""A client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

from chatproto._native import ChatProtoError, error_codes
from chatproto._replies import END, LINE_END, START
from chatproto.asyncio.group import Group, checked_str, read

__all__ = ["Client", "CommandError"]

# No inbox of a server with default limits reaches it.
_REPLY_BYTES_MAX = 64 << 20
_CODES = {message: code for code, message in error_codes().items()}


class CommandError(ChatProtoError):
    """A server answered a command with an error; its text is the server's `message`.

    `code` is one of `error_codes()`, or "error" where the server's words are its own; `reply` is all
    that the server said.
    """

    reply: dict[str, Any]

    def __init__(self, reply: dict[str, Any]) -> None:
        message = str(reply.get("message", ""))
        super().__init__(message)
        self.reply = reply
        self.code = str(reply.get("code") or _CODES.get(message, "error"))

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies, and what comes from another process, would be made of the message alone.
        return type(self), (self.reply,), self.__dict__


class Client:
    """One connection to a server, made by `async with` or at the first command.

    Replies are dictionaries, as the server sent them. `token` is that of whoever is logged in, and
    empty for nobody. Tasks that share a client take turns. A reply is waited for `timeout` seconds.

    Commands raise CommandError for a reply that is an error, TimeoutError for none, OSError where
    nobody listens, and ConnectionError when the server hung up, or said what makes no sense; but for
    the first the connection is then closed, and the next command makes a new one, on which the token
    is still good. They raise TypeError and ValueError for arguments that cannot be; then nothing is
    sent.
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
        """Logs in; `token` is then the one that the other commands use.

        Both are one word each: no user of a server has another name or password.
        """
        line = f"auth {_word('username', username)} {_word('password', password)}"
        reply = await self._ask(line, "tokenid", _is_word)
        self.token = reply["tokenid"]
        return reply

    async def send(self, to: str, message: str) -> dict[str, Any]:
        """Sends a private message to a user, `name` or `name@realm`.

        The message may be of several lines; CR LF in it becomes LF.
        """
        # A line end inside would end the request.
        text = LINE_END.sub("\n", checked_str("message", message))
        return await self._ask(f"send {self.token} {_word('to', to)} {text}")

    async def inbox(self) -> dict[str, list[dict[str, str]]]:
        """Takes all messages out of the inbox: lists of them, oldest first, by sender."""
        reply = await self._ask(f"inbox {self.token}", "messages", _is_dict)
        messages: dict[str, list[dict[str, str]]] = reply["messages"]
        return messages

    async def logout(self) -> dict[str, Any]:
        """Ends the token."""
        reply = await self._ask(f"logout {self.token}")
        self.token = ""
        return reply

    async def command(self, line: str) -> dict[str, Any]:
        """Carries out any command that has one reply, written as in the protocol, without a line end.

        Raises ValueError for a line that is none: empty, or with a line end inside. In the text of
        a `send` LF is none.
        """
        return await self._ask(line)

    @asynccontextmanager
    async def group(self, name: str) -> AsyncIterator[Group]:
        """Joins a live group for the time of an `async with`; other commands wait until it is over.

        Iterate over the Group for what its members read, the own texts too; `say` writes.
        """
        line = _one_line(f"group {self.token} {_word('name', name)} origin")
        async with self._turn:
            first = await self._exchange(line, is_group=True)
            if first.startswith(START):
                await self._understood(first)
            if self._streams is None:
                raise _nonsense()
            group = Group(*self._streams, first)
            try:
                yield group
                async with asyncio.timeout(self._timeout):
                    await group._leave()
            finally:
                await group._end()
                if not group.is_over:
                    # Nobody knows what comes next on it.
                    await self.close()

    async def _ask(
        self, line: str, field: str = "status", is_right: Callable[[object], bool] = bool
    ) -> dict[str, Any]:
        """Carries out a command, and sees to it that what it is for is in the reply."""
        line = _one_line(line)
        async with self._turn:
            return await self._understood(await self._exchange(line), field, is_right)

    async def _understood(
        self, reply: bytes, field: str = "status", is_right: Callable[[object], bool] = bool
    ) -> dict[str, Any]:
        """What a reply says, if that is no error."""
        try:
            told = json.loads(reply)
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict) and told.get("status", "OK") != "OK":
            raise CommandError(told)
        if not isinstance(told, dict) or "status" not in told or not is_right(told.get(field)):
            # Whoever that is will say more of the kind.
            await self.close()
            raise _nonsense()
        return told

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


def _nonsense() -> ConnectionError:
    return ConnectionError("the server's answer makes no sense: is that a chat server?")


# What is given and got.


def _is_word(text: object) -> bool:
    return isinstance(text, str) and bool(text) and not any(map(str.isspace, text))


def _is_dict(it: object) -> bool:
    return isinstance(it, dict)


def _word(what: str, text: str) -> str:
    """Checks an argument that the server takes for one word; it may be a secret."""
    if not _is_word(checked_str(what, text)):
        raise ValueError(f"{what} is one word: not empty, and without spaces and line ends")
    return text


def _one_line(line: str) -> str:
    first, is_cut, _ = checked_str("line", line).partition("\n")
    # Only in a text does a server take LF for a part of the line.
    is_text = first.split(" ")[0].strip() in ("send", "sendid")
    if not line.strip() or "\r\n" in line or (is_cut and not is_text):
        raise ValueError("a command is one line, without its end, and not an empty one")
    return line
