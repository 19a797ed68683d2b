"""The tutorial: its blocks are run in their order, and show what it says that they show."""

import ast
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Self

import pytest

TUTORIAL = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Two machines of a home, and two addresses of this one that no other test run has at the same time:
# Linux answers at each address that begins with 127.
MACHINES = {
    f"192.168.1.{host}0": f"127.{100 + os.getpid() // 65_536 % 100}."
    f"{os.getpid() // 256 % 256}.{os.getpid() % 256 // 4 * 4 + host}"
    for host in (1, 2)
}
PATIENCE = 60.0


def here(text: str) -> str:
    for theirs, ours in MACHINES.items():
        text = text.replace(theirs, ours)
    return text


def is_like(shown: str, said: str) -> bool:
    """Whether something is shown as the tutorial says, where "…" is anything within a line."""
    return (
        re.fullmatch(".*".join(map(re.escape, said.strip().split("…"))), shown.strip()) is not None
    )


class Notebook:
    """A prompt, and terminals beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._programs = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_why: object) -> None:
        self._programs.close()

    def cell(self, code: str) -> str:
        """What a cell shows: what it prints, and the value of its last line if it has one."""
        *first, last = ast.parse(here(code)).body
        # As a notebook has it, a value is shown if it is the last thing in a cell.
        mode = "single" if isinstance(last, ast.Expr) else "exec"
        tree = ast.Interactive([last]) if mode == "single" else ast.Module([last], [])
        with redirect_stdout(StringIO()) as shown:
            exec(compile(ast.Module(first, []), "cell", "exec"), self._names)  # noqa: S102
            exec(compile(tree, "cell", mode), self._names)  # noqa: S102
        return shown.getvalue()

    def terminal(self, command: str, said: str) -> None:
        """Starts a program, and waits until it has shown what the tutorial says."""
        python, *arguments = shlex.split(here(command))
        assert python == "python"
        log = self._folder / f"{len(list(self._folder.iterdir()))}.log"
        with log.open("wb") as output:
            program = subprocess.Popen(
                [sys.executable, "-u", "-W", "error", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._programs.callback(self._end, program, log)
        deadline = time.monotonic() + PATIENCE
        while not set(said.splitlines()) <= set(log.read_text().splitlines()):
            assert program.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        assert "Traceback" not in log.read_text()

    def _end(self, program: subprocess.Popen[bytes], log: Path) -> None:
        """Ends a program as whoever sits at the terminal would."""
        program.send_signal(signal.SIGINT)
        try:
            code = program.wait(PATIENCE)
        finally:
            program.kill()
        assert code == 0 and "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.chdir(tmp_path)
    with Notebook(tmp_path) as notebook:
        yield notebook


def test_the_server_answers_what_is_no_utf_8(notebook: Notebook) -> None:
    blocks = [text for _, text in BLOCK.findall(TUTORIAL.read_text())]
    (server,) = [text for text in blocks if "ThreadingTCPServer" in text]
    notebook.cell("from chatproto import Chat\nchat = Chat()")
    notebook.cell(server)

    asked = "import socket\nwith socket.create_connection(server.server_address, 60) as client:\n"
    asked += "    client.sendall(b'auth messi \\xff\\r\\n')\n    reply = client.recv(4096)\n"
    asked += "server.shutdown()\nserver.server_close()\nprint(reply)"

    assert "UTF-8" in notebook.cell(asked)


def test_each_block_shows_what_the_tutorial_says(notebook: Notebook) -> None:
    blocks = BLOCK.findall(TUTORIAL.read_text())
    cells = 0
    shown = ""

    for number, (language, text) in enumerate(blocks):
        says = blocks[number + 1 : number + 2]
        if language == "python" and (name := re.match(r"# (\w+\.py)\n", text)):
            Path(name[1]).write_text(here(text))
        elif language == "python":
            cells += 1
            shown = notebook.cell(text)
            assert shown == "" or (says and says[0][0] == "text"), f"{text}\nshows also\n{shown}"
        elif language == "console":
            command, _, said = text.removeprefix("$ ").partition("\n")
            notebook.terminal(command, said)
        else:
            assert language == "text"
            assert is_like(shown, text), f"{blocks[number - 1][1]}\nshows\n{shown}\nand not\n{text}"

    assert cells == 23
