"""The examples in C: built once for a run of the tests, and a realm that one of them serves."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from realmd import ROOT, USERS, Realmd

FOLDER = ROOT / "examples" / "c"


def built() -> Path:
    """Where the library under test is: $CHATPROTO_BUILT, or where cargo has built it last."""
    if "CHATPROTO_BUILT" in os.environ:
        return Path(os.environ["CHATPROTO_BUILT"])
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    found = [target / kind / "libchatproto.so" for kind in ("release", "debug")]
    found = [path for path in found if path.exists()]
    if not found:
        raise RuntimeError("no libchatproto.so: build it with `cargo build -p chatproto-ffi`")
    return max(found, key=lambda path: path.stat().st_mtime).parent


def run(*command: str | Path, **more: object) -> str:
    """Runs something that must succeed, and returns what it printed."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, **more)
    assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
    return ran.stdout


@functools.cache
def program(name: str) -> Path:
    """One of the examples, as `make` builds it."""
    folder = built() / "test-examples-in-c"
    folder.mkdir(exist_ok=True)
    run("make", "-B", "-C", FOLDER, f"BUILT={built()}", f"OUT={folder}", folder / name)
    return folder / name


class CRealm(Realmd):
    """One realm in one process that runs the example in C."""

    #: Goes before the command, such as valgrind.
    before: list[str] = []

    def command(self) -> list[str | Path]:
        data = self.file.parent / "data"
        options: list[str | Path] = ["--name", self.name, "--data", data]
        options += ["--client", ":".join(map(str, self.address))]
        options += ["--link", ":".join(map(str, self.link_address))]
        for name, display, country, password in USERS[self.name]:
            options += ["--user", f"{name}:{password}:{display}:{country}"]
        for peer, address in self.peers.items():
            at = f"{address[0]}:{address[1]}" if address else ""
            options += ["--peer", f"{peer}={at},{data}/{peer}.pub"]
        for limit, value in self.limits.items():
            options += ["--limit", f"{limit}={value}"]
        return [*self.before, program("realm_server"), *options]

    def link_line(self, peer: str, state: str) -> str:
        return f'link_{state} {{"peer": "{peer}"'
