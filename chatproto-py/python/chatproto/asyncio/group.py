"""The time in a live group."""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from typing import Self

from chatproto._native import MisuseError
from chatproto._replies import END, EXIT, START, shows_out

__all__ = ["Group", "checked_str", "read"]

# Shorter than what a server splits, which is at most 4 bytes a character and at 900 bytes.
_SAID_AT_ONCE = 200
# By so many bytes at its end a text is recognised; if it is not after that time, we go on.
_ECHO_BYTES = 12
_ECHO_SECONDS = 2.0
_HEARD_BYTES_MAX = 16 << 20


class Group:
    """The time in a live group: what `Client.group` gives. It is over with the `async with`.

    Several tasks may use it at a time. What nobody takes out by iterating is kept, up to 16 MiB.
    """

    is_over: bool
    """Whether the server has said goodbye."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes
    ) -> None:
        self.is_over = False
        # By us; from then on the connection is for commands.
        self._is_left = False
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

        The iteration ends when the server shows everybody out, and once the group was left.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._heard or self._has_ended())
        if self._heard:
            text = self._heard.popleft()
            self._heard_bytes -= len(text)
            return text
        if self._why is not None:
            raise self._why
        raise StopAsyncIteration

    async def say(self, text: str) -> None:
        """Sends a text to all members, and waits until the server has told it; a long one in pieces.

        Raises ValueError for one that is empty or would end the visit, TypeError for what is no str,
        MisuseError once the group was left, and ConnectionError when the server has ended it or hung
        up.
        """
        if not checked_str("text", text) or text.rstrip("\r\n") == "exit":
            raise ValueError("leave a group by leaving `async with`; an empty text is none")
        async with self._speaking:
            for piece in _pieces(text):
                await self._say(piece)

    async def _say(self, text: str) -> None:
        # Whatever is written from here on would begin the next command.
        if self._is_left:
            raise MisuseError("the group was left: join it again, and stay in `async with`")
        if self.is_over:
            raise ConnectionAbortedError("the server has ended the group: join it again")
        # The server takes what it reads at once for one message, so two must not be under way.
        told = text.encode("utf-8", "surrogatepass")
        self._echo = told[-_ECHO_BYTES:]
        await self._write(told)
        try:
            async with asyncio.timeout(_ECHO_SECONDS), self._changed:
                await self._changed.wait_for(lambda: not self._echo or self._has_ended())
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
            self._is_left = True
            if not self.is_over:
                await self._write(EXIT)
            await self._changed.wait_for(lambda: self.is_over or self._why)
        if self._why is not None:
            raise self._why

    async def _end(self) -> None:
        """Lets nobody say anything any more, nor wait for something to be heard."""
        self._is_left = True
        self._listener.cancel()
        async with self._changed:
            self._changed.notify_all()

    def _has_ended(self) -> bool:
        return self.is_over or self._why is not None or self._is_left

    async def _listen(self, data: bytes) -> None:
        try:
            while not self.is_over:
                if shows_out(data):
                    await self._goodbye(data)
                    self.is_over = True
                else:
                    self._hear(data)
                async with self._changed:
                    self._changed.notify_all()
                if not self.is_over:
                    data = await read(self._reader)
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
        while not (held.endswith(END) and (held.startswith(START) or EXIT + START in held)):
            held += await read(self._reader)


def _pieces(text: str) -> list[str]:
    """A text cut into what may be said at once, none of which is taken for a goodbye."""
    pieces = [text[at : at + _SAID_AT_ONCE] for at in range(0, len(text), _SAID_AT_ONCE)]
    if pieces[-1].rstrip("\r\n") == "exit":
        pieces[-2:] = [pieces[-2][:-1], pieces[-2][-1] + pieces[-1]]
    return pieces


async def read(reader: asyncio.StreamReader) -> bytes:
    """Returns what came next; raises ConnectionResetError at the end."""
    data = await reader.read(65_536)
    if not data:
        raise ConnectionResetError("the server has closed the connection")
    return data


def checked_str(what: str, text: str) -> str:
    """Returns an argument that is a str; raises TypeError for any other, before something is sent."""
    if not isinstance(text, str):
        raise TypeError(f"{what} is a str, not {type(text).__name__}")
    return text
