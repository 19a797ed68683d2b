"""Out of a chattering group and back at the prompt, a hundred times out of a hundred.

A classic client compares each read with ``exit``: if anything shares that read, it hangs for ever.
So the server leaves a gap around it, and this is where that is tried on real sockets. The leavers
are processes of their own, so that none is slowed down by the others.
"""

import multiprocessing
import threading

import pytest
from client import ClassicClient, Gone, Hung
from realmd import PASSWORDS

LEAVERS = 5
RUNS_EACH = 20
CHATTERERS = 3


def leave_again_and_again(address, username, runs, results) -> None:
    """In a process of its own: joins, reads along, leaves; tells how many times that worked."""
    worked = 0
    failure = ""
    try:
        with ClassicClient(address, patience=10.0) as client:
            client.proses(f"auth {username} {PASSWORDS[username]}")
            for run in range(runs):
                group = client.join("bukber")
                # While others are heard, so that `exit` falls among what they say.
                group.wait_for("telah bergabung")
                group.wait_for(": chatter")
                reply = group.leave()
                prompt = client.proses("activeuser")
                if reply != {"status": "OK", "message": "Telah keluar dari grup bukber"}:
                    failure = f"run {run}: {reply}"
                elif not prompt.startswith("Active User: "):
                    failure = f"run {run}: {prompt}"
                else:
                    worked += 1
    except (Hung, Gone, OSError, ValueError) as error:
        failure = f"after {worked} runs: {error!r}"
    results.put((worked, failure))


@pytest.mark.parametrize("leavers_in", ["home", "away"])
def test_everybody_gets_out_of_a_chattering_group_every_time(both, login, leavers_in):
    home, away = both
    chatterers = [login(home, name) for name in ("messi", "henderson", "lineker")[:CHATTERERS]]
    groups = [client.join("bukber") for client in chatterers]
    for group in groups:
        group.wait_for("telah bergabung")
    ended = threading.Event()

    def chatter(group, number) -> None:
        count = 0
        # Out of step with each other, so that every distance from an `exit` comes up.
        while not ended.wait(0.007 + 0.004 * number):
            count += 1
            group.say(f"chatter {count}")

    threads = [threading.Thread(target=chatter, args=pair) for pair in zip(groups, range(9), strict=False)]
    for thread in threads:
        thread.start()
    processes = multiprocessing.get_context("spawn")
    results = processes.Queue()
    realm, name = (home, "messi") if leavers_in == "home" else (away, "amsal")
    arguments = (realm.address, name, RUNS_EACH, results)
    leavers = [processes.Process(target=leave_again_and_again, args=arguments) for _ in range(LEAVERS)]
    try:
        for leaver in leavers:
            leaver.start()
        told = [results.get(timeout=240) for _ in leavers]
    finally:
        ended.set()
        for thread in threads:
            thread.join(20)
        for leaver in leavers:
            leaver.join(20)
            if leaver.is_alive():
                leaver.kill()
        results.close()

    assert [failure for _, failure in told if failure] == []
    assert sum(worked for worked, _ in told) == 100
    for group in groups:
        assert group.leave()["status"] == "OK"
