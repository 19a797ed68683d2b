"""Runs the real realmd for a test, on free ports, and ends it whatever happens."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0

USERS = {
    "realm1": [
        ("messi", "Lionel Messi", "Argentina", "surabaya"),
        ("henderson", "Jordan Henderson", "Inggris", "surabaya"),
        ("lineker", "Gary Lineker", "Inggris", "surabaya"),
    ],
    "realm2": [
        ("amsal", "Amsal Rizky", "Indonesia", "jakarta"),
        ("herbert", "Herbert Sterling", "Singapura", "singapura"),
        ("napitupulu", "Napitupulu", "Indonesia", "jakarta"),
    ],
    "realm3": [
        ("raisa", "Raisa", "Indonesia", "jakarta"),
    ],
}

PASSWORDS = {user[0]: user[3] for users in USERS.values() for user in users}


def binary() -> Path:
    """The realmd under test: $REALMD, or the newest that cargo has built here."""
    if "REALMD" in os.environ:
        return Path(os.environ["REALMD"])
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [target / kind / "realmd" for kind in ("release", "debug")]
    built = [path for path in built if path.exists()]
    if not built:
        raise RuntimeError("no realmd: build it with `cargo build -p realmd`, or set REALMD")
    return max(built, key=lambda path: path.stat().st_mtime)


def eventually(what: str, holds, patience: float = PATIENCE):
    """Waits until ``holds()`` is true, and returns what it then is."""
    end = time.monotonic() + patience
    while True:
        result = holds()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what}")
        time.sleep(0.01)


class Realmd:
    """One realm in one process."""

    def __init__(self, folder: Path, name: str, **limits: int) -> None:
        self.name = name
        self.file = folder / f"{name}.toml"
        self.log_file = folder / f"{name}.log"
        self.limits = limits
        self.peers: dict[str, tuple[str, int] | None] = {}
        # Classic neighbours, all of which may come too, and where they came to.
        self.neighbours: dict[str, tuple[str, int] | None] = {}
        self.heard_at: dict[str, tuple[str, int]] = {}
        # Port 0 at first; a second start has the ports of the first one.
        self.address = ("127.0.0.1", 0)
        self.link_address = ("127.0.0.1", 0)
        self.process: subprocess.Popen | None = None

    def command(self) -> list[str | Path]:
        """What is run."""
        return [binary(), self.file]

    def start(self) -> Realmd:
        self.file.write_text(self._toml())
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        ready = self._first_line()
        found = re.search(r" is ready at ([\d.]+):(\d+)(?: \(link ([\d.]+):(\d+)\))?", ready)
        assert found, f"{self.name} said {ready!r} and in its log: {self.log()[-2000:]}"
        self.address = (found[1], int(found[2]))
        if found[3]:
            self.link_address = (found[3], int(found[4]))
        heard = re.findall(r"classic neighbour (\w+) is heard at ([\d.]+):(\d+)", ready)
        self.heard_at = {name: (host, int(port)) for name, host, port in heard}
        return self

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends it as Ctrl-C would; its exit code."""
        return self._end(signal.SIGINT)

    def link_line(self, peer: str, state: str) -> str:
        """What its log says when the link with a peer is "up", or "down"."""
        return f"link to {peer} is {state}"

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        with process, process.stdout:
            process.send_signal(how)
            try:
                return process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise AssertionError(f"{self.name} does not end on {how.name}") from None

    def _first_line(self) -> str:
        line = b""
        end = time.monotonic() + PATIENCE
        while not line.endswith(b"\n") and time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                piece = os.read(self.process.stdout.fileno(), 4096)
                if not piece:
                    break
                line += piece
        return line.decode()

    def _toml(self) -> str:
        lines = [
            f'name = "{self.name}"',
            'log = "wire"',
            f'client = {{ address = "{self.address[0]}:{self.address[1]}" }}',
            'store = { folder = "data" }',
        ]
        if self.peers:
            host, port = self.link_address
            lines.append(f'link = {{ address = "{host}:{port}" }}')
        for peer, address in self.peers.items():
            # Both realms keep their data in one folder, and their keys with them.
            lines += ["[[peers]]", f'name = "{peer}"', f'public_key_file = "data/{peer}.pub"']
            if address:
                lines.append(f'address = "{address[0]}:{address[1]}"')
        for neighbour, address in self.neighbours.items():
            host, port = self.heard_at.get(neighbour, ("127.0.0.1", 0))
            lines += ["[[peers]]", f'name = "{neighbour}"', 'mode = "classic"', "insecure = true"]
            lines.append(f'listen = "{host}:{port}"')
            if address:
                lines.append(f'address = "{address[0]}:{address[1]}"')
        for user, display, country, password in USERS[self.name]:
            lines += [
                "[[users]]",
                f'name = "{user}"',
                f'display_name = "{display}"',
                f'country = "{country}"',
                f'password = "{password}"',
            ]
        lines.append("[limits]")
        lines += [f"{limit} = {value}" for limit, value in self.limits.items()]
        return "\n".join(lines) + "\n"


class PythonRealm(Realmd):
    """One realm in one process that runs the example in Python."""

    def command(self) -> list[str | Path]:
        return [sys.executable, "-W", "error", ROOT / "examples" / "server_thread_chat.py", self.file]


class PortablePythonRealm(PythonRealm):
    """The same on a system whose sockets all wait, or none, such as Windows."""

    def command(self) -> list[str | Path]:
        python, *options, program, file = super().command()
        run = "import runpy, socket, sys; del socket.MSG_DONTWAIT, sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
        return [python, *options, "-c", run, program, file]


def linked(
    folder: Path, first: type[Realmd] = Realmd, second: type[Realmd] = Realmd, **limits: int
) -> tuple[Realmd, Realmd]:
    """Two realms that have found each other."""
    realm1 = first(folder, "realm1", redial_ms_min=50, redial_ms_max=200, **limits)
    realm2 = second(folder, "realm2", redial_ms_min=50, redial_ms_max=200, **limits)
    # Only the second one knows where the other is; who calls whom must make no difference.
    realm1.peers = {"realm2": None}
    try:
        realm1.start()
        realm2.peers = {"realm1": realm1.link_address}
        realm2.start()
        links_up(realm1, realm2)
    except BaseException:
        realm1.kill()
        realm2.kill()
        raise
    return realm1, realm2


def links_up(realm1: Realmd, realm2: Realmd, times: int = 1) -> None:
    """Waits until each has told so many times that the link is up."""
    for realm, peer in ((realm1, "realm2"), (realm2, "realm1")):
        line = realm.link_line(peer, "up")
        eventually(f"{realm.name}: {line}", lambda r=realm, line=line: r.log().count(line) >= times)
