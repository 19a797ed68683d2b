"""A realm among threads: what a server with a thread for each client shares with every other one.

A `Driver` lets any thread tell the realm something and has what it asks for carried out, by one thread
at a time. A `LinkThread` has the connections to other realms, and the time. A server for one client
after the other, with slow work and links beside it:

    import socket
    from chatproto import Dial, LinkClose, LinkSend, Output, Realm, Send, User, Work
    from chatproto.threads import Driver, LinkThread

    def carry_out(outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Send(number):
                    data = realm.outgoing(number)
                    client.sendall(data)
                    realm.sent(number, len(data))
                case Work():
                    driver.work(output)
                case LinkSend() | LinkClose() | Dial():
                    links.carry_out(output)

    realm = Realm("realm1", [User("messi", "surabaya", "Lionel Messi")])
    driver = Driver(realm, carry_out)
    links = LinkThread(driver)
    links.start()
    with socket.create_server(("127.0.0.1", 8889)) as listener:
        while True:
            client, address = listener.accept()
            number = realm.open(address[0])
            while data := client.recv(65_536):
                driver.tell(realm.receive, number, data)
            driver.tell(realm.closed, number)
            client.close()

`examples/server_thread_chat.py` is the whole thing, with a thread for each client.
"""

from chatproto.threads.driver import Driver
from chatproto.threads.link_thread import Address, LinkThread, listen
from chatproto.threads.processor import share_processor

__all__ = ["Address", "Driver", "LinkThread", "listen", "share_processor"]
