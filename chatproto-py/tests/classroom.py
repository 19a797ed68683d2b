"""Servers for `ChatClient` that behave and servers that do not, and a person at a client."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Sequence
from typing import Self

import pytest
from chatproto import Chat, ChatClient

PATIENCE = 20.0
END = b"\r\n\r\n"


class ThreadPerClient(socketserver.ThreadingTCPServer):
    """A classroom server: a thread a client, a `Chat` for all of them."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        super().__init__(("127.0.0.1", 0), Handler)
        self.address: tuple[str, int] = self.socket.getsockname()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(socketserver.BaseRequestHandler):
    server: ThreadPerClient

    def handle(self) -> None:
        received = ""
        while data := self.request.recv(32):
            received += data.decode()
            if received.endswith("\r\n"):
                reply = json.dumps(self.server.chat.proses(received))
                self.request.sendall(reply.encode() + END)
                received = ""


Conversation = Callable[["Scripted", socket.socket], None]


class Scripted:
    """A server for one connection at a time that reads and writes as a test says."""

    def __init__(self, *conversations: Conversation) -> None:
        self.received: list[str] = []
        self._conversations = conversations
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.address: tuple[str, int] = self._listener.getsockname()
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.thread.join(PATIENCE)
        self._listener.close()
        assert not self.thread.is_alive()

    def _serve(self) -> None:
        for conversation in self._conversations:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                conversation(self, connection)

    def read(self, connection: socket.socket, end: bytes = b"\r\n") -> None:
        data = b""
        while not data.endswith(end):
            data += connection.recv(65_536) or pytest.fail("the client hung up")
        self.received.append(data.decode())


def reply(**values: object) -> bytes:
    return json.dumps(values).encode() + END


TOKEN = "0b3c8e2a-1d4f-4a6b-9c8d-7e6f5a4b3c2d"
WELCOME = reply(status="OK", tokenid=TOKEN)
EMPTY = reply(status="OK", messages={})


def answers(*replies: bytes) -> Conversation:
    """A conversation: a reply to each line, then the end."""

    def conversation(server: Scripted, connection: socket.socket) -> None:
        for each in replies:
            server.read(connection)
            connection.sendall(each)

    return conversation


def client_of(
    server: Scripted | ThreadPerClient,
    read: Callable[[], str] = input,
    show: Callable[[str], object] = print,
) -> ChatClient:
    return ChatClient(*server.address, timeout=PATIENCE, read=read, show=show)


class Person:
    """Types what a test says, and remembers what was shown."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self.lines = list(lines)
        self.shown = ""
        self.changed = threading.Condition()

    def read(self) -> str:
        """Types the next line once what it waits for was shown."""
        if not self.lines:
            raise EOFError
        wait_for, typed = self.lines.pop(0)
        with self.changed:
            assert self.changed.wait_for(lambda: wait_for in self.shown, PATIENCE), self.shown
        return typed

    def show(self, text: str) -> None:
        with self.changed:
            self.shown += text + "|"
            self.changed.notify_all()


def live(person: Person, server: Scripted) -> ChatClient:
    client = client_of(server, read=person.read, show=person.show)
    client.proses("auth messi surabaya")
    return client


def group(*events: bytes, goodbye: Sequence[bytes]) -> Conversation:
    """A conversation in a group: the events, what is typed, and a goodbye in these pieces."""

    def conversation(server: Scripted, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers(WELCOME)(server, connection)
        server.read(connection)
        for event in events:
            connection.sendall(event)
        server.read(connection, b"exit")
        for piece in goodbye:
            connection.sendall(piece)

    return conversation


LEFT = "Telah keluar dari grup bukber"
OK = reply(status="OK", message=LEFT)
