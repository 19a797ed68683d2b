"""A realm server that behaves, on the wire, like the ones in classrooms: private messages only.

A thread for each connection reads 32 bytes at a time and runs what it has whenever that happens to end
with CR LF. A user it does not have is looked for in the other realm, over a new connection that carries
one ``server send``; whatever comes as such a request has every ``server `` cut out of it and is served
from its own users alone. Whoever connects may ask anything.

    python3 tests/classic/server.py PORT [OTHER-HOST OTHER-PORT]

runs it with the users of realm 2.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import uuid

LINE_END = b"\r\n"
REPLY_END = b"\r\n\r\n"
REQUEST_READ = 32
REPLY_READ = 64

# Username: display name and password.
USERS = {
    "amsal": ("Amsal Rizky", "jakarta"),
    "herbert": ("Herbert Sterling", "singapura"),
    "napitupulu": ("Napitupulu", "jakarta"),
}

TOO_FEW = {"status": "ERROR", "message": "--Protocol Tidak Benar"}
UNKNOWN = {"status": "ERROR", "message": "**Protocol Tidak Benar"}
NO_SESSION = {"status": "ERROR", "message": "Informasi tidak ditemukan"}
NOT_FOUND = {"status": "ERROR", "message": "User Tidak Ditemukan"}


class ClassicServer:
    """A realm that runs until it is closed. ``asked`` has every request of another realm as it came."""

    def __init__(self, port: int = 0, other: tuple[str, int] | None = None, patience: float = 20.0) -> None:
        self.other = other
        self.patience = patience
        self.asked: list[str] = []
        self._lock = threading.Lock()
        self._sessions: dict[str, str] = {}
        self._inboxes: dict[str, dict[str, list[dict]]] = {user: {} for user in USERS}
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.address: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> ClassicServer:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends as a killed process would."""
        # Closing alone would leave the thread that accepts where it is.
        for each in [self._listener, *self._open]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = b""
        try:
            with connection:
                while data := connection.recv(REQUEST_READ):
                    buffer += data
                    if buffer.endswith(LINE_END):
                        reply = self._run(buffer.decode())
                        connection.sendall(json.dumps(reply).encode() + REPLY_END)
                        buffer = b""
        except (OSError, UnicodeDecodeError):
            pass
        finally:
            self._open.discard(connection)

    def _run(self, request: str) -> dict:
        is_from_server = request.startswith("server ")
        if is_from_server:
            self.asked.append(request)
            request = request.replace("server ", "")
        fields = request.split(" ")
        try:
            return self._command(fields[0].strip(), fields, is_from_server)
        except IndexError:
            return TOO_FEW

    def _command(self, verb: str, fields: list[str], is_from_server: bool) -> dict:
        if verb == "auth":
            return self._auth(fields[1].strip(), fields[2].strip())
        if verb == "send":
            first, to = fields[1].strip(), fields[2].strip()
            message = "".join(f" {field}" for field in fields[3:])
            if is_from_server:
                return self._take(first, first, to, message)
            return self._send(first, to, message)
        if verb == "inbox":
            return self._inbox(fields[1].strip())
        if verb == "check" and fields[1].strip() == "group":
            return {"status": "PENDING", "message": f"Tidak ada grup {fields[3].strip()} di server"}
        return UNKNOWN

    def _auth(self, username: str, password: str) -> dict:
        if username not in USERS:
            return {"status": "ERROR", "message": "User Tidak Ada"}
        if USERS[username][1] != password:
            return {"status": "ERROR", "message": "Password Salah"}
        token = str(uuid.uuid4())
        self._sessions[token] = username
        return {"status": "OK", "tokenid": token}

    def _send(self, token: str, to: str, message: str) -> dict:
        if token not in self._sessions:
            return NO_SESSION
        sender = self._sessions[token]
        if to in USERS:
            reply = self._take(sender, USERS[sender][0], to, message)
        else:
            reply = self._ask(f"server send {sender} {to}{message}")
        reply.pop("sendback", None)
        return reply

    def _take(self, sender: str, shown: str, to: str, message: str) -> dict:
        if to not in USERS:
            return dict(NOT_FOUND)
        taken = {"msg_from": shown, "msg_to": USERS[to][0], "msg": message}
        with self._lock:
            self._inboxes[to].setdefault(sender, []).append(taken)
        return {"status": "OK", "message": "Message Sent", "sendback": taken}

    def _ask(self, request: str) -> dict:
        if self.other is None:
            return dict(NOT_FOUND)
        with socket.create_connection(self.other, timeout=self.patience) as connection:
            connection.sendall(request.encode())
            reply = b""
            while not reply.endswith(REPLY_END):
                # The real ones would spin for ever on the end of the stream.
                piece = connection.recv(REPLY_READ)
                if not piece:
                    raise OSError("the other realm hung up")
                reply += piece
        return json.loads(reply)

    def _inbox(self, token: str) -> dict:
        if token not in self._sessions:
            return NO_SESSION
        with self._lock:
            inbox = self._inboxes[self._sessions[token]]
            shown = {sender: list(messages) for sender, messages in inbox.items()}
            for messages in inbox.values():
                messages.clear()
        return {"status": "OK", "messages": shown}


def main(port: str, other_host: str = "", other_port: str = "0") -> None:
    other = (other_host, int(other_port)) if other_host else None
    with ClassicServer(int(port), other, patience=3600.0) as server:
        print(f"classic realm at {server.address}")
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
