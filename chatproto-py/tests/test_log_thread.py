"""`LogThread`: lines are written, and nobody waits for that."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chatproto.threads import LogThread

PATIENCE = 30.0


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never holds"
        time.sleep(0.005)


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


class Reader(threading.Thread):
    """Reads lines until the last one that was told."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True)
        self.descriptor, self.data = descriptor, b""
        self.start()

    def run(self) -> None:
        while not self.data.endswith(b"\nlast\n"):
            self.data += os.read(self.descriptor, 65_536)

    def lines(self) -> list[str]:
        self.join(PATIENCE)
        assert not self.is_alive()
        return self.data.decode().splitlines()


def test_lines_of_any_threads_are_all_written_in_their_order() -> None:
    with pipe() as (reader, writer):
        log, read = LogThread(writer), Reader(reader)
        # What is told before it begins is written then.
        log.tell("first")
        log.start()

        def tell(who: int) -> None:
            for number in range(500):
                log.tell(f"{who} {number}", f"{who} {number} é")

        threads = [threading.Thread(target=tell, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log.tell("last")

        assert log.stop(PATIENCE)
        lines = read.lines()
    assert (len(lines), lines[0]) == (4_002, "first")
    for who in range(4):
        own = [line for line in lines if line.startswith(f"{who} ")]
        assert own == [f"{who} {n}{more}" for n in range(500) for more in ("", " é")]


def test_what_nobody_reads_keeps_nobody_waiting_and_is_told_to_be_missing() -> None:
    with pipe() as (reader, writer):
        log = LogThread(writer)
        log.start()

        def tell() -> None:
            for number in range(150_000):
                log.tell(f"{number:0200}")

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        teller.join(PATIENCE)
        assert not teller.is_alive()
        read = Reader(reader)
        eventually(lambda: log._waiting_chars == 0)
        log.tell("last")
        lines = read.lines()
        assert log.stop(PATIENCE)

    told, expected = "", 0
    for line in lines[:-1]:
        if missing := re.fullmatch(r"lines that are missing here, for want of room: (\d+)", line):
            told, expected = line, expected + int(missing[1])
        else:
            assert int(line) == expected
            expected += 1
    assert told and expected == 150_000 and int(lines[-2]) == 149_999


def test_the_end_waits_for_a_reader_and_not_for_ever() -> None:
    with pipe() as (reader, writer):
        log = LogThread(writer)
        log.start()
        log.tell(*["x" * 1_000] * 1_000)

        assert not log.stop(0.01)

        read = Reader(reader)
        log.join(PATIENCE)
        os.write(writer, b"last\n")
        assert read.lines() == ["x" * 1_000] * 1_000 + ["last"]


def test_a_descriptor_that_does_not_wait_is_written_to_all_the_same() -> None:
    with pipe() as (reader, writer):
        os.set_blocking(writer, False)
        log = LogThread(writer)
        log.start()
        log.tell(*["x" * 1_000] * 1_000, "last")
        eventually(lambda: log._waiting_chars == 0)

        assert Reader(reader).lines() == ["x" * 1_000] * 1_000 + ["last"]
        assert log.stop(PATIENCE)


def test_what_a_full_disk_did_not_take_is_told_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "log").open("wb") as file:
        log, write = LogThread(file.fileno()), LogThread._write

        def fail(_log: LogThread, _text: str) -> None:
            monkeypatch.setattr(LogThread, "_write", write)
            raise OSError("no space left")

        monkeypatch.setattr(LogThread, "_write", fail)
        log.start()
        log.tell("a", "b")
        eventually(lambda: LogThread._write is write)
        log.tell("c")
        assert log.stop(PATIENCE)

    assert (tmp_path / "log").read_text() == (
        "lines that are missing here, for want of room: 2\nc\n"
    )


PROGRAM = """
import sys
from chatproto.threads import LogThread
log = LogThread()
log.start()
log.tell(*["x" * 1_000] * 1_000)
print("told", flush=True)
sys.stdin.read()
log.stop({seconds})
"""


def test_a_program_ends_though_nobody_reads_its_log() -> None:
    arguments = [sys.executable, "-W", "error", "-c", PROGRAM.format(seconds=0.1)]

    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None and program.stderr is not None
        try:
            assert program.stdout.read(5) == b"told\n"
            # It is at it.
            assert os.read(program.stderr.fileno(), 1) == b"x"
            program.stdin.close()
            assert program.wait(PATIENCE) == 0
        finally:
            program.kill()
        assert set(program.stderr.read()) == set(b"x\n")


@pytest.mark.skipif(os.name == "nt", reason="no shell that closes standard error")
def test_a_program_without_standard_error_has_no_log_and_goes_on() -> None:
    command = 'exec "$0" -W error -c "$1" 2>&-'
    arguments = ["sh", "-c", command, sys.executable, PROGRAM.format(seconds=60)]

    done = subprocess.run(
        arguments, input="", capture_output=True, check=False, text=True, timeout=60
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "told\n", "")
