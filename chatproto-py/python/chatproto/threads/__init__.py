"""A realm among threads: what a server with a thread for each client is made of.

A `Driver` lets any thread tell the realm something and has what it asks for carried out, by one thread
at a time. `ClientThreads` are those of the clients, and a `LinkThread` has the connections to other
realms, and the time:

    from contextlib import suppress
    from threading import Event
    from chatproto import (
        Close, Dial, LinkClose, LinkSend, Output, PauseRead, Realm, ResumeRead, Send, User, Work,
    )
    from chatproto.threads import ClientThreads, Driver, LinkThread

    def carry_out(outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Send() | PauseRead() | ResumeRead() | Close():
                    clients.carry_out(output)
                case LinkSend() | LinkClose() | Dial():
                    links.carry_out(output)
                case Work():
                    driver.work(output)

    driver = Driver(Realm("realm1", [User("messi", "surabaya", "Lionel Messi")]), carry_out)
    links, clients = LinkThread(driver), ClientThreads(driver, ("127.0.0.1", 8889))
    links.start()
    clients.start()
    with suppress(KeyboardInterrupt):
        Event().wait()
    driver.shut_down(10)
    clients.stop()

`examples/server_thread_chat.py` is the whole thing: it has links, and a log, which a `LogThread` writes
so that nobody waits for its reader.
"""

from chatproto.threads.client_threads import ClientThreads
from chatproto.threads.driver import Driver
from chatproto.threads.link_thread import Address, LinkThread, listen
from chatproto.threads.log_thread import LogThread
from chatproto.threads.processor import share_processor

__all__ = [
    "Address",
    "ClientThreads",
    "Driver",
    "LinkThread",
    "LogThread",
    "listen",
    "share_processor",
]
