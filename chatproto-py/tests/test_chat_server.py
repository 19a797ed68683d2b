"""Servers and programs around a `Chat`: threads, stores, signals, processes and memory."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from chatproto import Chat, MisuseError, StoreError

SENT = {"status": "OK", "message": "Message Sent"}


def log_in(chat: Chat, name: str = "messi", password: str = "surabaya") -> str:
    return str(chat.proses(f"auth {name} {password}")["tokenid"])


def test_a_store_keeps_users_sessions_and_messages(tmp_path: Path) -> None:
    path = tmp_path / "realm1.db"
    with Chat(store=path) as chat:
        chat.users["budi"] = {"nama": "Budi", "negara": "Indonesia", "password": "rahasia"}
        token = log_in(chat, "budi", "rahasia")
        assert chat.proses(f"send {token} messi hai") == SENT

    with Chat(store=path) as chat:
        assert list(chat.users) == ["messi", "henderson", "lineker", "budi"]
        assert list(chat.sessions) == []
        assert token in chat.sessions
        assert chat.proses(f"send {token} messi lagi") == SENT
        assert list(chat.sessions) == [token]
        assert [it["msg"] for it in chat.get_inbox("messi")["messages"]["budi"]] == [
            " hai",
            " lagi",
        ]
        assert chat.proses("auth budi salah")["message"] == "Password Salah"
        assert log_in(chat, "budi", "rahasia") in chat.sessions
    assert b"rahasia" not in path.read_bytes() and b"surabaya" not in path.read_bytes()


def test_a_store_that_is_in_use_is_refused(tmp_path: Path) -> None:
    with Chat(store=str(tmp_path / "realm1.db")), pytest.raises(StoreError) as raised:
        Chat(store=str(tmp_path / "realm1.db"))
    assert raised.value.code == "store_in_use"


def test_a_store_in_memory_is_one_too() -> None:
    with Chat(store=":memory:") as chat:
        token = log_in(chat)
        assert chat.proses(f"send {token} henderson hi") == SENT
        assert chat.get_inbox("henderson")["messages"]["messi"][0]["msg"] == " hi"


def test_threads_share_a_store(tmp_path: Path) -> None:
    chat, threads, calls = Chat(store=tmp_path / "realm1.db"), 8, 100
    replies: list[dict[str, Any]] = []

    def work(at: int) -> None:
        token = log_in(chat)
        replies.extend(chat.proses(f"send {token} henderson {at} {call}") for call in range(calls))

    with chat:
        workers = [threading.Thread(target=work, args=(at,)) for at in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        texts = [it["msg"].split() for it in chat.get_inbox("henderson")["messages"]["messi"]]

    assert replies == [SENT] * (threads * calls)
    for at in range(threads):
        assert [int(call) for writer, call in texts if int(writer) == at] == list(range(calls))


def test_the_interpreter_runs_on_while_a_password_is_hashed(tmp_path: Path) -> None:
    seen: list[str] = []
    with Chat(store=":memory:") as chat:
        worker = threading.Thread(target=lambda: seen.extend(log_in(chat) for _ in range(5)))
        turns = 0
        worker.start()
        while worker.is_alive():
            turns += 1
            time.sleep(0)
        worker.join()
    assert len(seen) == 5
    # The five checks take more than 50 ms, in which a thread that is kept out would have no turn.
    assert turns > 100


def test_closing_answers_those_who_wait(tmp_path: Path) -> None:
    chat = Chat(store=tmp_path / "realm1.db")
    ends: list[object] = []

    def work() -> None:
        try:
            token = log_in(chat)
            while True:
                chat.proses(f"send {token} messi hi")
        except MisuseError as error:
            ends.append(error.code)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    while len(chat.sessions) < 4:
        time.sleep(0.001)
    chat.close()
    for worker in workers:
        worker.join(20)

    assert ends == ["closed"] * 4


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_is_told_and_does_not_hang() -> None:
    done = run("""
        import os
        from chatproto import Chat, ForkError
        chat = Chat()
        child = os.fork()
        if child == 0:
            try:
                chat.proses("hello")
            except ForkError as error:
                fresh = Chat().proses("auth messi surabaya")["status"]
                os.write(1, f"{error.code} {fresh}".encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert chat.proses("hello")["status"] == "OK"
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "forked OK", "")


@pytest.mark.parametrize("store", [None, ":memory:"])
def test_ctrl_c_ends_a_busy_program(store: str | None) -> None:
    program = f"""
        import sys
        from chatproto import Chat
        chat = Chat(store={store!r})
        token = chat.proses("auth messi surabaya")["tokenid"]
        print("ready", flush=True)
        while True:
            chat.proses(f"send {{token}} messi hi")
            chat.proses(f"inbox {{token}}")
            chat.proses("auth messi surabaya")
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert child.returncode != 0


def test_memory_does_not_grow_over_a_million_calls() -> None:
    done = run("""
        import resource
        from chatproto import Chat
        chat = Chat()
        token = chat.proses("auth messi surabaya")["tokenid"]
        other = chat.proses("auth henderson surabaya")["tokenid"]
        lines = [
            f"send {token} henderson hi \\r\\n",
            f"inbox {other} \\r\\n",
            "auth messi x",
            "x",
            f"peek {other}",
        ]

        def work(rounds) -> None:
            for _ in range(rounds):
                for line in lines:
                    chat.proses(line)
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        print(-work(20_000) + work(180_000))
    """)
    assert (done.returncode, done.stderr) == (0, "")
    # A leak of a single byte a call would be 900 KiB; the allocator may take some pages.
    assert int(done.stdout) < 800
