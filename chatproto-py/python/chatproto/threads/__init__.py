"""A realm among threads: what a server with a thread for each client shares with every other one.

A `Driver` lets any thread tell the realm something and has what it asks for carried out, by one thread
at a time. A `LinkThread` has the connections to other realms, and the time. Each client has two threads
here: one reads, and the other one writes and may wait for a slow client, for whom `carry_out` must not:

    import socket
    from contextlib import suppress
    from queue import SimpleQueue
    from threading import Event, Thread
    from chatproto import (
        Close, Dial, LinkClose, LinkSend, Output, PauseRead, Realm, ResumeRead, Send, User, Work,
    )
    from chatproto.threads import Driver, LinkThread

    class Client:
        def __init__(self, sock: socket.socket, host: str) -> None:
            self.sock, self.number = sock, realm.open(host)
            self.may_read, self.is_wanted = Event(), SimpleQueue[bool]()
            self.may_read.set()
            clients[self.number] = self
            Thread(target=self.read, daemon=True).start()
            Thread(target=self.write, daemon=True).start()

        def read(self) -> None:
            with suppress(OSError):
                while self.may_read.wait() and (data := self.sock.recv(65_536)):
                    driver.tell(realm.receive, self.number, data)
            driver.tell(realm.ended, self.number)

        def write(self) -> None:
            with self.sock:
                while self.is_wanted.get():
                    try:
                        while data := realm.outgoing(self.number):
                            self.sock.sendall(data)
                            driver.tell(realm.sent, self.number, len(data))
                    except OSError:
                        driver.in_turn(self.close)
                        driver.tell(realm.closed, self.number)

        def close(self) -> None:
            clients.pop(self.number, None)
            self.is_wanted.put(False)
            self.may_read.set()
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def carry_out(outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Send(number) if number in clients:
                    clients[number].is_wanted.put(True)
                case PauseRead(number) if number in clients:
                    clients[number].may_read.clear()
                case ResumeRead(number) if number in clients:
                    clients[number].may_read.set()
                case Close(number) if number in clients:
                    clients[number].close()
                case Work():
                    driver.work(output)
                case LinkSend() | LinkClose() | Dial():
                    links.carry_out(output)

    clients: dict[int, Client] = {}
    realm = Realm("realm1", [User("messi", "surabaya", "Lionel Messi")])
    driver = Driver(realm, carry_out)
    links = LinkThread(driver)
    links.start()
    with socket.create_server(("127.0.0.1", 8889)) as listener:
        while True:
            sock, address = listener.accept()
            # In turn, since the realm may have something to say to the client at once.
            driver.in_turn(Client, sock, address[0])

`examples/server_thread_chat.py` is the whole thing: it also survives a lack of threads or sockets, has
a log, which a `LogThread` writes so that nobody waits for its reader, and ends in order.
"""

from chatproto.threads.driver import Driver
from chatproto.threads.link_thread import Address, LinkThread, listen
from chatproto.threads.log_thread import LogThread
from chatproto.threads.processor import share_processor

__all__ = ["Address", "Driver", "LinkThread", "LogThread", "listen", "share_processor"]
