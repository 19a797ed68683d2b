"""Ctrl-C ends whatever a program waits for."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from chatproto import StaticKey

SERVER = Path(__file__).resolve().parents[2] / "examples" / "server_thread_chat.py"
PATIENCE = 60

REALM_FILE = """
name = "realm1"
log = "wire"
client = {{ address = "127.0.0.1:0" }}
store = {{ folder = "data" }}
link = {{ address = "127.0.0.1:0" }}
[[peers]]
name = "realm2"
address = "{host}:{port}"
public_key_file = "data/realm2.pub"
[[users]]
name = "messi"
password = "surabaya"
"""

# Each says "ready" and would then be at it for ever, or for an hour.
PROGRAMS = {
    "hashing": """
from chatproto import Chat
with Chat(store=":memory:") as chat:
    say_ready()
    while True:
        chat.proses("auth messi salah")
""",
    "a chat of several threads": """
import threading
from chatproto import Chat
chat = Chat(store=":memory:")
def work():
    while True:
        chat.proses("auth messi salah")
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
say_ready()
while True:
    chat.proses("auth messi salah")
""",
    "a client in want of an answer": """
from chatproto import ChatClient
with silence() as address, ChatClient(*address, timeout=3600) as client:
    say_ready()
    client.proses("auth messi surabaya")
""",
    "a client in a group": """
import time
from chatproto import ChatClient
with silence(b"messi telah bergabung") as address:
    def show(text):
        if "bergabung" in text:
            say_ready()
    with ChatClient(*address, timeout=3600, read=lambda: time.sleep(3600), show=show) as client:
        client.tokenid = "x"
        client.proses("group bukber")
""",
    "an asyncio client in want of an answer": """
import asyncio
from chatproto.asyncio import Client
async def main(address):
    async with Client(*address, timeout=3600) as client:
        say_ready()
        await client.auth("messi", "surabaya")
with silence() as address:
    asyncio.run(main(address))
""",
    "an asyncio server that hashes": """
import asyncio
from chatproto import Realm, User
from chatproto.asyncio import serve
async def main():
    realm = Realm("realm1", [User("messi", "surabaya")], store=":memory:")
    async with serve(realm, ("127.0.0.1", 0)) as server:
        say_ready()
        while True:
            await server.execute("auth messi salah")
asyncio.run(main())
""",
    "threads": """
from chatproto import Realm, User
from chatproto.threads import Driver, LinkThread
realm = Realm("realm1", [User("messi", "surabaya")], store=":memory:")
driver = Driver(realm, lambda outputs: [driver.work(it) for it in outputs if hasattr(it, "run")])
LinkThread(driver).start()
try:
    say_ready()
    while True:
        driver.tell(realm.execute, "auth messi salah")
finally:
    driver.shut_down(60)
""",
}

PRELUDE = """
import contextlib, socket, threading

def say_ready():
    print("ready", flush=True)

@contextlib.contextmanager
def silence(first=b""):
    # A server that says so much and no more.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            # There may be nobody who calls before all ends.
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    while connection.recv(4096):
                        connection.send(first)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()
        thread.join()
"""


@pytest.mark.parametrize("what", PROGRAMS)
def test_it_ends(what: str) -> None:
    body = "\n".join("    " + line for line in PROGRAMS[what].splitlines())
    program = f"{PRELUDE}\ntry:\n{body}\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    arguments = [sys.executable, "-W", "error", "-c", program]

    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            said, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()

    assert (first, said, errors) == ("ready\n", "interrupted\n", "")


INTERRUPTED = """
import _thread, gc, random, threading, time
from chatproto import Realm, User, Work
from chatproto.threads import Driver, LinkThread

realm = Realm("realm1", [User("messi", "surabaya")], passwords="plain", store=":memory:")

def carry_out(outputs):
    for output in outputs:
        if isinstance(output, Work):
            driver.work(output)

driver = Driver(realm, carry_out)
LinkThread(driver).start()
# An interrupt that meets a finalizer is not raised, and nobody would send another one.
gc.disable()
go_on, times = threading.Event(), 0

def interrupt():
    for _ in range(200):
        go_on.wait()
        go_on.clear()
        time.sleep(random.uniform(0, 0.002))
        _thread.interrupt_main()

threading.Thread(target=interrupt, daemon=True).start()
while times < 200:
    try:
        go_on.set()
        while True:
            driver.tell(realm.execute, "auth messi surabaya")
    except KeyboardInterrupt:
        times += 1
print(driver.failure, driver.shut_down(60))
"""


def test_it_may_interrupt_whoever_tells_a_driver_something_any_number_of_times() -> None:
    arguments = [sys.executable, "-W", "error", "-c", INTERRUPTED]

    done = subprocess.run(
        arguments, capture_output=True, check=False, text=True, timeout=2 * PATIENCE
    )

    assert (done.stdout, done.stderr) == ("None True\n", "")


def test_it_ends_the_threaded_server_whatever_it_is_at(tmp_path: Path) -> None:
    """Logins are hashed, a client does not read, and a link waits for its handshake."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        file = tmp_path / "realm1.toml"
        file.write_text(REALM_FILE.format(host=host, port=port))
        (tmp_path / "data").mkdir(mode=0o700)
        # Any key will do: nobody answers.
        (tmp_path / "data" / "realm2.pub").write_text(StaticKey.generate().public)
        arguments = [sys.executable, "-W", "error", str(SERVER), str(file)]
        with (
            (tmp_path / "log").open("w") as log,
            subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log, text=True) as process,
        ):
            assert process.stdout is not None
            ready = process.stdout.readline().split()
            called, _ = silent.accept()
            client_port = int(ready[4].rpartition(":")[2])
            with called, socket.create_connection(("127.0.0.1", client_port)) as client:
                client.sendall(b"hello\r\n" * 2_000 + b"auth messi salah\r\n" * 5)
                process.send_signal(signal.SIGINT)
                try:
                    process.communicate(timeout=PATIENCE)
                finally:
                    process.kill()

        assert process.returncode == 0
        told = (tmp_path / "log").read_text()
        assert "realm1 has ended" in told and "Traceback" not in told


# The program's own `main`, with servers that do nothing: a signal comes at each line of its wait in turn.
SIGNALLED = """
import runpy, signal, sys, threading

class Server:
    has_failed = False
    def __init__(self, *_): pass
    def start(self): pass
    def stop(self, *_): pass

class Tracer:
    def __init__(self, line):
        self.lines_left, self.is_waiting, self.is_through = line, False, False

    def __call__(self, frame, event, _):
        is_wait = frame.f_code is threading.Event.wait.__code__
        self.is_waiting |= is_wait
        if self.is_waiting and event == "line":
            self.lines_left -= 1
            if self.lines_left == 0:
                signal.raise_signal(signal.SIGTERM)
        if is_wait and event == "return":
            if self.lines_left > 0 and not self.is_through:
                self.is_through = True
                signal.raise_signal(signal.SIGINT)
            self.is_waiting = False
        return self

main = runpy.run_path(sys.argv[1])["main"]
main.__globals__.update(RealmServer=Server, RealmFile=lambda file: None, LOG=Server())
line, is_through = 0, False
while not is_through:
    line += 1
    tracer = Tracer(line)
    sys.settrace(tracer)
    code = main("realm1.toml")
    sys.settrace(None)
    assert code == 0
    is_through = tracer.is_through
assert line > 10, "it was not the wait that was traced"
"""


def test_a_signal_ends_the_threaded_server_whatever_line_of_its_wait_it_meets() -> None:
    arguments = [sys.executable, "-W", "error", "-c", SIGNALLED, str(SERVER)]

    done = subprocess.run(arguments, capture_output=True, check=False, text=True, timeout=PATIENCE)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
