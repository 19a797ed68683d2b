"""A million outputs do not make a process bigger; nor do a million calls of `Chat`, see its own tests."""

import subprocess
import sys

import pytest

# Of 900,000 outputs after the first tenth: less than two bytes each.
GROWTH_KIB_MAX = 1_500

PROGRAM = """
import resource
from chatproto import LoginFailed, Realm, Received, Replied, Send, User

realm = Realm("realm1", [User("messi", "surabaya")], passwords="plain", detail="wire")
connection = realm.open("127.0.0.1")
lines = b"halo\\r\\n" * 240 + b"auth messi x\\r\\n" * 10
outputs = 0

def work(until):
    global outputs
    while outputs < until:
        realm.receive(connection, lines)
        found = realm.outputs()
        outputs += len(found)
        for output in found:
            match output:
                case Send(number):
                    realm.sent(number, len(realm.outgoing(number)))
                case Received(_, text) | Replied(_, text) | LoginFailed(_, text, _):
                    assert text
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

print(-work(100_000) + work(1_000_000))
"""


def test_a_million_outputs_leave_nothing_behind() -> None:
    pytest.importorskip("resource", reason="this system does not tell how big a process was")

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )

    assert (done.returncode, done.stderr) == (0, "")
    # There, in bytes.
    grown_kib = int(done.stdout) // (1024 if sys.platform == "darwin" else 1)
    assert grown_kib < GROWTH_KIB_MAX
