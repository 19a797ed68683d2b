"""The coursework's realm server, on the engine of `chatproto`: a thread for each client, one for the links.

    python3 examples/server_thread_chat.py [realm1.toml ...]

runs the realms of these files, by default both of the examples: their clients connect to the ports 8889 and
8899. The files are those of realmd, which may run the same data when this program does not.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import chatproto as cp
from chatproto.log import plain, told
from chatproto.realm_file import RealmFile
from chatproto.threads import ClientThreads, Driver, LinkThread, LogThread, share_processor

STOP_SECONDS = 10.0
# How long the log's reader has for the last lines.
LOG_SECONDS = 2.0
LOG = LogThread()


class RealmServer:
    """A realm, the threads of its clients, and the one with its links."""

    def __init__(self, file: RealmFile, stopping: threading.Event) -> None:
        self.stopping, self.has_failed = stopping, False
        self.realm = file.open()
        self.driver = Driver(self.realm, self.carry_out, on_failure=self.fail)
        self.clients = ClientThreads(self.driver, file.client, on_connection=self.came)
        self.links = LinkThread(
            self.driver,
            file.link,
            file.dialled,
            config=file.transport_config,
            on_dial_failed=self.away,
        )
        self.links.start()
        self.clients.start()
        ready = "{} is ready at {}:{}".format(self.realm.name, *self.clients.address)
        if self.links.address is not None:
            ready += " (link {}:{})".format(*self.links.address)
        print(ready, flush=True)

    def carry_out(self, outputs: list[cp.Output]) -> None:
        """Does what the realm asks for; one thread at a time is here."""
        lines = []
        for output in outputs:
            match output:
                case cp.Send() | cp.PauseRead() | cp.ResumeRead() | cp.Close():
                    self.clients.carry_out(output)
                case cp.LinkSend() | cp.LinkClose() | cp.Dial():
                    self.links.carry_out(output)
                case cp.Work():
                    self.driver.work(output)
                case cp.Event():
                    lines.append(told(self.realm.name, output))
                    if isinstance(output, cp.StoreBroken):
                        self.fail()
        LOG.tell(*lines)

    def came(self, number: int, address: tuple[str, int]) -> None:
        LOG.tell(f"{self.realm.name} [{number & 0xFFFF_FFFF}]: connection from {address}")

    def away(self, peer: str, why: str) -> None:
        LOG.tell(
            f"{self.realm.name}: no link to {peer}: {plain(why)}; it is called again and again"
        )

    def fail(self) -> None:
        self.has_failed = True
        self.stopping.set()

    def stop(self) -> None:
        """Finishes what was promised, and says goodbye to everybody."""
        self.driver.shut_down(STOP_SECONDS)
        self.clients.stop()
        why = f" for a bug: {self.driver.failure!r}" if self.driver.failure else ""
        LOG.tell(f"{self.realm.name} has ended{why}")


def main(*files: str) -> int:
    if {"-h", "--help"} & set(files):
        print(__doc__, end="")
        return 0
    # Only one of our threads runs at a time; on one processor they take less time to hand over.
    share_processor()
    LOG.start()
    here, stopping = Path(__file__).parent, threading.Event()
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        # It may come in the middle of anything, a wait for the event too, and must want no lock itself.
        signal.signal(number, lambda it, _: signals.append(it))
    servers: list[RealmServer] = []
    paths = files or (here / "realm1.toml", here / "realm2.toml")
    for file in paths:
        try:
            servers.append(RealmServer(RealmFile(file), stopping))
        except (OSError, RuntimeError, cp.ChatProtoError) as error:
            # Threads that are lacking are a RuntimeError.
            text = str(error)
            LOG.tell(text if str(file) in text else f"{file}: {text}")
            stopping.set()
            break
    # In short waits, so that signals are soon heard on every system.
    while not signals and not stopping.wait(0.1):
        pass
    for server in servers:
        server.stop()
    LOG.stop(LOG_SECONDS)
    has_failed = len(servers) < len(paths) or any(it.has_failed for it in servers)
    return 1 if has_failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
