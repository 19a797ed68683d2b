"""A client that behaves, on the wire, like the ones in classrooms: byte for byte, and no smarter.

It sends one request and waits. It reads 64 bytes at a time until the text ends with CR LF CR LF,
and takes all of that for one JSON value. In a group it reads up to 1,024 bytes at a time and is
out of it only once such a read is exactly ``exit``.

Where the real ones would hang or spin for ever, this one raises, so that a test can fail.

    python3 tests/classic/client.py [HOST PORT]

lets a person use it; it then shows on the screen what the classic client shows.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable

REPLY_END = "\r\n\r\n"
REPLY_READ = 64
LIVE_READ = 1024


class Hung(Exception):
    """The real client would wait here for ever."""


class Gone(Exception):
    """The server hung up; the real client would spin here for ever."""


class ClassicClient:
    """One connection, and the token of whoever logged in on it."""

    def __init__(self, address: tuple[str, int], patience: float = 20.0) -> None:
        self.socket = socket.create_connection(address, timeout=patience)
        self.patience = patience
        self.token = ""

    def __enter__(self) -> ClassicClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def sendstring(self, request: str) -> dict:
        """Sends the text as it is and waits for the reply."""
        self.socket.sendall(request.encode())
        return self.read_reply()

    def read_reply(self) -> dict:
        text = ""
        while not text.endswith(REPLY_END):
            text += self._read(REPLY_READ).decode()
        return json.loads(text)

    def _read(self, size: int) -> bytes:
        try:
            data = self.socket.recv(size)
        except TimeoutError:
            raise Hung(f"nothing to read for {self.patience} s") from None
        if not data:
            raise Gone
        return data

    def proses(self, typed: str, live: Callable[[Live], None] | None = None) -> str:
        """Does what a person types, and returns what the screen then shows.

        ``live`` chats in the group that was joined; without it the person leaves at once.
        """
        words = typed.split(" ")
        try:
            match words[0].strip():
                case "auth":
                    return self.login(words[1].strip(), words[2].strip())
                case "send":
                    message = "".join(f" {word}" for word in words[2:])
                    return self.send(words[1].strip(), message)
                case "inbox":
                    return self.inbox()
                case "activeuser":
                    return self.active_user()
                case "logout":
                    return self.logout()
                case "group":
                    return self.group(words[1].strip(), live)
                case _:
                    return "*Maaf, command tidak benar"
        except IndexError:
            return "-Maaf, command tidak benar"

    def login(self, username: str, password: str) -> str:
        reply = self.sendstring(f"auth {username} {password} \r\n")
        if reply["status"] != "OK":
            return f"Error, {reply['message']}"
        self.token = reply["tokenid"]
        return f"username {username} logged in, token {self.token} "

    def send(self, to: str, message: str) -> str:
        if not self.token:
            return "Error, not authorized"
        reply = self.sendstring(f"send {self.token} {to} {message} \r\n")
        if reply["status"] != "OK":
            return f"Error, {reply['message']}"
        return f"message sent to {to}"

    def inbox(self) -> str:
        if not self.token:
            return "Error, not authorized"
        reply = self.sendstring(f"inbox {self.token} \r\n")
        if reply["status"] != "OK":
            return f"Error, {reply['message']}"
        return json.dumps(reply["messages"])

    def active_user(self) -> str:
        if not self.token:
            return "Error, not authorized"
        reply = self.sendstring(f"activeuser {self.token} \r\n")
        if reply["status"] != "OK":
            return f"Error, {reply['message']}"
        return f"Active User: {json.dumps(reply['message'])}"

    def logout(self) -> str:
        if not self.token:
            return "Error, not authorized"
        reply = self.sendstring(f"logout {self.token} \r\n")
        if reply["status"] != "OK":
            return f"Error, {reply['message']}"
        self.token = ""
        return "Logout success!"

    def group(self, name: str, live: Callable[[Live], None] | None = None) -> str:
        if not self.token:
            return "Error, not authorized"
        group = self.join(name)
        try:
            if live is not None:
                live(group)
        finally:
            reply = group.leave()
        if reply["status"] != "OK":
            return f"Error, {reply['message']}"
        return reply["message"]

    def join(self, name: str) -> Live:
        """Sends ``group`` and is live from then on, whatever the server makes of it."""
        self.socket.sendall(f"group {self.token} {name} origin \r\n".encode())
        return Live(self)


class Live:
    """The time in a group: one thread reads, while whoever has this object writes."""

    def __init__(self, client: ClassicClient) -> None:
        self._client = client
        self._changed = threading.Condition()
        self._reads: list[str] = []
        self._failure: Exception | None = None
        self._show: Callable[[str], object] | None = None
        self._reader = threading.Thread(target=self._read_until_exit, daemon=True)
        self._reader.start()

    def say(self, typed: str) -> None:
        """Sends one typed line: one write, with no line end."""
        self._client.socket.sendall(typed.encode())

    def leave(self) -> dict:
        """Types ``exit``, waits until the reader has seen one, and reads the reply."""
        self.say("exit")
        self._reader.join(self._client.patience)
        if self._failure is not None:
            raise self._failure
        if self._reader.is_alive():
            raise Hung(f"never read an exit by itself; last reads: {self.reads()[-5:]}")
        return self._client.read_reply()

    def show(self, show: Callable[[str], object]) -> None:
        """Calls this for each read, those so far included."""
        with self._changed:
            for text in self._reads:
                show(text)
            self._show = show

    def reads(self) -> list[str]:
        """What was read so far, read by read."""
        with self._changed:
            return list(self._reads)

    def text(self) -> str:
        """What the screen shows of it."""
        return "".join(self.reads())

    def wait_for(self, part: str) -> None:
        """Waits until the text has this in it."""
        end = time.monotonic() + self._client.patience
        with self._changed:
            while part not in "".join(self._reads):
                left = end - time.monotonic()
                if self._failure is not None:
                    raise self._failure
                if left <= 0 or not self._changed.wait(left):
                    raise Hung(f"never read {part!r}; last reads: {self._reads[-5:]}")

    def _read_until_exit(self) -> None:
        try:
            while True:
                text = self._client._read(LIVE_READ).decode()
                if text == "exit":
                    return
                with self._changed:
                    self._reads.append(text)
                    if self._show is not None:
                        self._show(text)
                    self._changed.notify_all()
        except (Hung, Gone, OSError) as failure:
            with self._changed:
                self._failure = failure
                self._changed.notify_all()


def _chat_at_the_terminal(live: Live) -> None:
    live.show(print)
    while (typed := input()) != "exit":
        live.say(typed)


def main(host: str = "127.0.0.1", port: str = "8889") -> None:
    with ClassicClient((host, int(port)), patience=3600.0) as client:
        while True:
            try:
                typed = input(f"Command {client.token}:")
            except EOFError:
                return
            print(client.proses(typed, _chat_at_the_terminal))


if __name__ == "__main__":
    main(*sys.argv[1:])
