"""The coursework's `ChatClient`: what a person types goes in, what the screen shows comes out."""

from __future__ import annotations

import codecs
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, Self

__all__ = ["ChatClient"]

_END = b"\r\n\r\n"
# Every reply begins with this, and no text of a group does: no name holds a quotation mark.
_START = b'{"status": '
_EXIT = b"exit"
# No inbox of a server with default limits reaches it.
_REPLY_BYTES_MAX = 64 << 20
# In seconds; somebody may wish for a timeout of none at all.
_POLL_MIN = 0.1
_PORT = 8889
_PORT_MAX = 65_535
# All that ends a line once its carriage returns but one are taken off, by whomever.
_LINE_END = re.compile(r"\r*\n")

_INCORRECT = "-Maaf, command tidak benar"
_UNKNOWN = "*Maaf, command tidak benar"
_NOT_AUTHORIZED = "Error, not authorized"
_BUSY = "Error, the command before this one has not ended"


class _Gone(Exception):
    """There is no server to talk with; the text says why."""


class _HungUp(_Gone):
    """It was this side that ended the connection."""


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
            except _Gone as gone:
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
        if first.startswith(_START):
            return _text(first, _message)
        connection = self._socket
        live = _Live(partial(self._receive, connection), self._show_live, first)
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
            raise _Gone(f"the server {where} cannot be reached ({error})") from None

    def _request(self, request: str, shown: Callable[[dict[str, Any]], str]) -> str:
        return _text(self._exchange(request), shown)

    def _exchange(self, request: str, is_group: bool = False) -> bytes:
        """Sends a request and returns the reply, or the first event of a group."""
        # A line end inside would end it; windows of several lines send LF alone.
        line = _LINE_END.sub("\n", request) + " \r\n"
        connection = self._fresh()
        try:
            self._write(connection, line)
            deadline = time.monotonic() + self.timeout
            held = bytearray()
            end = -1
            while end < 0:
                # The end may have begun in the read before.
                start = max(len(held) - len(_END) + 1, 0)
                held += self._receive(connection, deadline)
                if is_group and held[: len(_START)] != _START[: len(held)]:
                    return bytes(held)
                if len(held) > _REPLY_BYTES_MAX:
                    raise _Gone("the server's answer is too long")
                end = held.find(_END, start)
            end += len(_END)
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
            connection.settimeout(self.timeout)
            connection.sendall(text.encode("utf-8", "surrogatepass"))
        except TimeoutError:
            raise _Gone(f"the server has not taken that within {self.timeout:g} s") from None
        except OSError:
            raise self._ended(connection) from None

    def _receive(self, connection: socket.socket | None, deadline: float | None) -> bytes:
        """The bytes of one read; without a deadline it waits for as long as it takes."""
        data = b""
        while connection is not None:
            # Whoever types in a group has the same timeout, since there is one for a socket.
            wait = max(self.timeout, _POLL_MIN) if deadline is None else deadline - time.monotonic()
            try:
                if wait <= 0:
                    raise TimeoutError
                connection.settimeout(wait)
                data = connection.recv(65_536)
            except TimeoutError:
                if deadline is None:
                    continue
                raise _Gone(f"the server has not answered for {self.timeout:g} s") from None
            except OSError:
                pass
            break
        if not data:
            raise self._ended(connection)
        return data

    def _ended(self, connection: socket.socket | None) -> _Gone:
        """Why nothing goes over a connection any more."""
        if connection is None or connection is not self._socket:
            return _HungUp("this client has hung up")
        return _Gone("the server has closed the connection")


class _Live:
    """The time in a group: a thread shows what comes, while whoever has this object types."""

    def __init__(
        self,
        receive: Callable[[float | None], bytes],
        show: Callable[[str], object],
        first: bytes,
    ) -> None:
        self._receive = receive
        self._show = show
        self._is_leaving = False
        self._held = b""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._reply: bytes | None = None
        self._why: BaseException | None = None
        self.thread = threading.Thread(
            target=self._listen, args=(first,), name="chatproto-live", daemon=True
        )
        self.thread.start()

    def talk(self, read: Callable[[], str], write: Callable[[str], None]) -> None:
        """Sends what is typed until that is `exit`, its end, or the group is over."""
        while self.thread.is_alive():
            try:
                typed = read()
            except EOFError:
                typed = "exit"
            if not self.thread.is_alive():
                return
            if typed == "exit":
                self._is_leaving = True
                return write(typed)
            if typed:
                write(typed)

    def left(self, timeout: float) -> bytes:
        """Waits until the server has said goodbye, and returns its reply."""
        self.thread.join(timeout)
        if self._reply is None:
            raise self._why or _Gone(f"the server has not answered for {timeout:g} s")
        return self._reply

    def _listen(self, data: bytes) -> None:
        try:
            self._follow(data)
        except BaseException as error:  # noqa: BLE001
            # That is of `show`: whoever has this object raises it.
            self._why = error

    def _follow(self, data: bytes) -> None:
        try:
            while not self._is_over(data):
                data = self._receive(None)
        except _HungUp as hung_up:
            # Whoever did that knows.
            self._why = hung_up
        except _Gone as gone:
            self._why = gone
            self._show(f"Error, {gone}")

    def _is_over(self, data: bytes) -> bool:
        """Shows what is for the person, and keeps what is for the program."""
        if _shows_out(data) and not self._held:
            # Nobody has asked, and yet the server shows us out.
            self._is_leaving = True
        held = self._held + data
        if not self._is_leaving:
            self._tell(held)
            return False
        mark = held.rfind(_EXIT + _START)
        begin = mark + len(_EXIT) if mark >= 0 else 0
        if held.startswith(_START, begin) and held.endswith(_END):
            self._tell(held[: max(mark, 0)])
            self._reply = held[begin:]
            return True
        keep = mark if mark >= 0 else _begun(held)
        self._tell(held[:keep])
        self._held = held[keep:]
        return False

    def _tell(self, text: bytes) -> None:
        if shown := self._decode(text):
            self._show(shown)


def _shows_out(data: bytes) -> bool:
    """Whether a read is a goodbye or its beginning; what is said in a group begins with a name."""
    goodbye = _EXIT + _START
    is_begun = data.startswith(_EXIT) and goodbye.startswith(data)
    return is_begun or data.startswith((_START, goodbye))


def _begun(held: bytes) -> int:
    """From where on the bytes may be the beginning of a goodbye."""
    if held.startswith(_START):
        return 0
    goodbye = _EXIT + _START
    lengths = range(min(len(held), len(goodbye)), 0, -1)
    return len(held) - next((n for n in lengths if held.endswith(goodbye[:n])), 0)


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
