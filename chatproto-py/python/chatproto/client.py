"""The coursework's `ChatClient`: what a person types goes in, what the screen shows comes out."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, Self

from chatproto._live import Gone, HungUp, Live
from chatproto._replies import END, LINE_END, START

__all__ = ["ChatClient"]

# No inbox of a server with default limits reaches it.
_REPLY_BYTES_MAX = 64 << 20
# In seconds: with less a socket does not wait at all, and says so in words of its own.
_WAIT_MIN = 0.1
_PORT = 8889
_PORT_MAX = 65_535

_INCORRECT = "-Maaf, command tidak benar"
_UNKNOWN = "*Maaf, command tidak benar"
_NOT_AUTHORIZED = "Error, not authorized"
_BUSY = "Error, the command before this one has not ended"


class ChatClient:
    """One person's conversation with a server.

    The server is `ip` and `port`, by default those of the environment variables SERVER_IP and
    SERVER_PORT, or 127.0.0.1 and 8889. It is connected to at once: `OSError` is raised where nobody
    listens, `ValueError` for a port that is no number from 1 to 65535. The server has `timeout`
    seconds to take what is sent, and as many for the whole of its reply. `tokenid` is the token of
    whoever is logged in, and empty for nobody.

    In a live group, `read()` gives what the person types, line by line, and `show(text)` gets what
    the members are told, from a thread of its own.

    Threads that share a client take turns. It cannot be copied or pickled.
    """

    tokenid: str
    """The token of whoever is logged in; empty for nobody."""

    timeout: float
    """How many seconds a whole reply is waited for."""

    # Of the class, so that there is one to close where the constructor fails.
    _socket: socket.socket | None = None

    def __init__(
        self,
        ip: str | None = None,
        port: int | str | None = None,
        *,
        timeout: float = 60.0,
        read: Callable[[], str] = input,
        show: Callable[[str], object] = print,
    ) -> None:
        self._ip = ip or os.environ.get("SERVER_IP") or "127.0.0.1"
        self._port = _port(port)
        self.timeout = timeout
        self._read = read
        self._show = show
        self._turn = threading.RLock()
        self._is_busy = False
        # The thread of the last group.
        self._listener: threading.Thread | None = None
        self.tokenid = ""
        self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __getstate__(self) -> NoReturn:
        raise TypeError("a ChatClient cannot be copied: it has a connection of its own")

    def close(self) -> None:
        """Hangs up. What is typed afterwards connects again."""
        # A thread may be reading still, where a group was left by Ctrl-C.
        self._hang_up()

    def proses(self, cmdline: str) -> str:
        """Does what a person has typed and returns what is to be shown.

        Whatever goes wrong is told in the text; `TypeError` is raised for what is no text. In a group
        it returns when the person has left; what `read` or `show` raise there ends the visit, and is
        raised from here. Called by `read` or `show`, or by a signal handler meanwhile, it sends
        nothing and says that the command before has not ended.
        """
        if not isinstance(cmdline, str):
            raise TypeError(f"proses takes a str, not {type(cmdline).__name__}")
        if threading.current_thread() is self._listener:
            # Whoever has the turn waits for this thread.
            return _BUSY
        with self._turn:
            if self._is_busy:
                # In a group, all that is sent now would be read by its members.
                return _BUSY
            try:
                self._is_busy = True
                return self._command(cmdline.split(" "))
            except Gone as gone:
                return f"Error, {gone}"
            finally:
                self._is_busy = False

    def _command(self, words: list[str]) -> str:
        match [words[0].strip(), *words[1:]]:
            case ["auth", username, password, *_]:
                return self._login(username.strip(), password.strip())
            case ["send", to, *rest]:
                return self._send(to.strip(), "".join(f" {word}" for word in rest))
            case ["inbox", *_]:
                return self._ask("inbox", lambda reply: json.dumps(reply["messages"]))
            case ["activeuser", *_]:
                return self._ask(
                    "activeuser", lambda reply: f"Active User: {json.dumps(reply['message'])}"
                )
            case ["logout", *_]:
                return self._ask("logout", self._logged_out)
            case ["group", name, *_]:
                return self._group(name.strip())
            case ["auth" | "send" | "group", *_]:
                return _INCORRECT
            case _:
                return _UNKNOWN

    def _login(self, username: str, password: str) -> str:
        def logged_in(reply: dict[str, Any]) -> str:
            self.tokenid = str(reply["tokenid"])
            return f"username {username} logged in, token {self.tokenid} "

        return self._request(f"auth {username} {password}", logged_in)

    def _send(self, to: str, message: str) -> str:
        if not self.tokenid:
            return _NOT_AUTHORIZED
        request = f"send {self.tokenid} {to} {message}"
        return self._request(request, lambda _reply: f"message sent to {to}")

    def _ask(self, verb: str, shown: Callable[[dict[str, Any]], str]) -> str:
        if not self.tokenid:
            return _NOT_AUTHORIZED
        return self._request(f"{verb} {self.tokenid}", shown)

    def _logged_out(self, _reply: dict[str, Any]) -> str:
        self.tokenid = ""
        return "Logout success!"

    def _group(self, name: str) -> str:
        if not self.tokenid:
            return _NOT_AUTHORIZED
        first = self._exchange(f"group {self.tokenid} {name} origin", is_group=True)
        if first.startswith(START):
            return _text(first, _message)
        connection = self._socket
        live = Live(partial(self._receive, connection), self._show_live, first)
        try:
            live.talk(self._read, partial(self._write, connection))
            return _text(live.left(self.timeout), _message)
        except BaseException:
            # Nobody knows what comes next on it.
            self._hang_up()
            raise
        finally:
            live.thread.join(self.timeout)

    def _show_live(self, text: str) -> None:
        self._listener = threading.current_thread()
        self._show(text)

    # The connection.

    def _connect(self) -> socket.socket:
        connection = socket.create_connection((self._ip, self._port), timeout=self.timeout)
        self._socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _hang_up(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            try:
                # So that a thread that reads wakes up.
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    def _fresh(self) -> socket.socket:
        """The connection, or a new one if the server has ended it since."""
        connection = self._socket
        if connection is not None and _has_spoken(connection):
            # Nobody has asked: those are last words, or an answer that came too late.
            self._hang_up()
            connection = None
        try:
            return connection or self._connect()
        except OSError as error:
            where = f"{self._ip}:{self._port}"
            raise Gone(f"the server {where} cannot be reached ({error})") from None

    def _request(self, request: str, shown: Callable[[dict[str, Any]], str]) -> str:
        return _text(self._exchange(request), shown)

    def _exchange(self, request: str, is_group: bool = False) -> bytes:
        """Sends a request and returns the reply, or the first event of a group."""
        # A line end inside would end it; windows of several lines send LF alone.
        line = LINE_END.sub("\n", request) + " \r\n"
        connection = self._fresh()
        try:
            self._write(connection, line)
            deadline = time.monotonic() + self.timeout
            held = bytearray()
            end = -1
            while end < 0:
                # The end may have begun in the read before.
                start = max(len(held) - len(END) + 1, 0)
                held += self._receive(connection, deadline)
                if is_group and held[: len(START)] != START[: len(held)]:
                    return bytes(held)
                if len(held) > _REPLY_BYTES_MAX:
                    raise Gone("the server's answer is too long")
                end = held.find(END, start)
            end += len(END)
            if end < len(held):
                # More than was asked for: those are last words.
                self._hang_up()
            return bytes(held[:end])
        except BaseException:
            # The reply may still come, and must not be taken for the next one.
            self._hang_up()
            raise

    def _write(self, connection: socket.socket | None, text: str) -> None:
        try:
            if connection is None:
                raise OSError
            connection.settimeout(max(self.timeout, _WAIT_MIN))
            connection.sendall(text.encode("utf-8", "surrogatepass"))
        except TimeoutError:
            raise Gone(f"the server has not taken that within {self.timeout:g} s") from None
        except OSError:
            raise self._ended(connection) from None

    def _receive(self, connection: socket.socket | None, deadline: float | None) -> bytes:
        """The bytes of one read; without a deadline it waits for as long as it takes."""
        data = b""
        while connection is not None:
            # Whoever types in a group has the same timeout, since there is one for a socket.
            wait = max(self.timeout, _WAIT_MIN) if deadline is None else deadline - time.monotonic()
            try:
                if wait <= 0:
                    raise TimeoutError
                connection.settimeout(wait)
                data = connection.recv(65_536)
            except TimeoutError:
                if deadline is None:
                    continue
                raise Gone(f"the server has not answered for {self.timeout:g} s") from None
            except OSError:
                pass
            break
        if not data:
            raise self._ended(connection)
        return data

    def _ended(self, connection: socket.socket | None) -> Gone:
        """Why nothing goes over a connection any more."""
        if connection is None or connection is not self._socket:
            return HungUp("this client has hung up")
        return Gone("the server has closed the connection")


def _has_spoken(connection: socket.socket) -> bool:
    """Whether there is something to read, be it the end."""
    try:
        connection.settimeout(0)
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _port(given: int | str | None) -> int:
    """The port that is meant; raises `ValueError` for what is none."""
    what = "the port"
    if given is None or given == "":
        what, given = "SERVER_PORT", os.environ.get("SERVER_PORT") or _PORT
    try:
        port = int(given)
    except ValueError:
        port = 0
    if not 1 <= port <= _PORT_MAX:
        raise ValueError(f"{what} is {given!r}, and ports are numbers from 1 to {_PORT_MAX}")
    return port


def _message(reply: dict[str, Any]) -> str:
    return str(reply["message"])


def _text(reply: bytes, shown: Callable[[dict[str, Any]], str]) -> str:
    """What the screen shows of a reply."""
    try:
        told = json.loads(reply)
        if told["status"] == "OK":
            return shown(told)
        return f"Error, {told['message']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "Error, the server's answer makes no sense"
