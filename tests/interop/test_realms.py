"""Two realms, and classic clients that write to each other across them."""

import json

import pytest
from client import ClassicClient, Gone
from realmd import eventually, links_up


def inbox_of(client: ClassicClient, sender: str) -> list[dict]:
    """What the sender wrote, once something has come."""
    return eventually(f"mail from {sender}", lambda: json.loads(client.inbox()).get(sender))


def test_a_message_reaches_a_user_of_the_other_realm(both, login):
    messi, amsal = login(both[0], "messi"), login(both[1], "amsal")

    assert amsal.proses("send messi jadi main mes?") == "message sent to messi"
    assert inbox_of(messi, "amsal") == [
        {"msg_from": "amsal", "msg_to": "Lionel Messi", "msg": "  jadi main mes? \r\n"}
    ]
    assert messi.proses("send amsal jadi") == "message sent to amsal"
    assert inbox_of(amsal, "messi") == [{"msg_from": "messi", "msg_to": "Amsal Rizky", "msg": "  jadi \r\n"}]


def test_nobody_anywhere_is_not_found(both, login):
    assert login(both[0], "messi").proses("send nobody halo") == "Error, User Tidak Ditemukan"


def test_a_token_is_worth_nothing_in_the_other_realm(both, login):
    messi = login(both[0], "messi")

    with ClassicClient(both[1].address) as other:
        other.token = messi.token
        assert other.proses("inbox") == "Error, Informasi tidak ditemukan"


def test_messages_wait_for_a_link_that_is_down_and_arrive_once_in_order(both, login):
    realm1, realm2 = both
    amsal = login(realm2, "amsal")
    assert amsal.proses("send messi 0") == "message sent to messi"
    messi = login(realm1, "messi")
    assert inbox_of(messi, "amsal")
    realm1.kill()
    eventually("the loss is noticed", lambda: "link to realm1 is down" in realm2.log())

    for number in range(1, 21):
        assert amsal.proses(f"send messi@realm1 {number}") == "message sent to messi@realm1"
    realm1.start()
    links_up(realm1, realm2)
    messi = login(realm1, "messi")

    received: list[str] = []

    def all_there() -> bool:
        received.extend(m["msg"].strip() for m in json.loads(messi.inbox()).get("amsal", []))
        return "20" in received

    eventually("the last message", all_there)
    assert received == [str(number) for number in range(1, 21)]


def test_a_group_within_a_realm(realm1, login):
    messi, henderson = login(realm1, "messi"), login(realm1, "henderson")

    first = messi.join("bukber")
    first.wait_for("messi telah bergabung")
    second = henderson.join("bukber")
    second.wait_for("henderson telah bergabung")
    first.wait_for("henderson telah bergabung")
    first.say("halo")
    first.wait_for("messi: halo")
    second.wait_for("messi: halo")
    second.say("halo juga é😀")
    first.wait_for("henderson: halo juga é😀")
    assert second.leave() == {"status": "OK", "message": "Telah keluar dari grup bukber"}
    first.wait_for("henderson meninggalkan group")
    assert first.leave() == {"status": "OK", "message": "Telah keluar dari grup bukber"}

    assert messi.proses("activeuser") == 'Active User: "messi, henderson, "'
    assert henderson.proses("send messi halo") == "message sent to messi"


def test_a_group_across_realms(both, login):
    messi, amsal = login(both[0], "messi"), login(both[1], "amsal")

    first = messi.join("bukber")
    first.wait_for("messi telah bergabung")
    second = amsal.join("bukber")
    second.wait_for("amsal telah bergabung")
    first.wait_for("amsal telah bergabung")
    second.say("halo dari realm2")
    first.wait_for("amsal: halo dari realm2")
    second.wait_for("amsal: halo dari realm2")
    first.say("halo dari realm1")
    second.wait_for("messi: halo dari realm1")
    assert second.leave() == {"status": "OK", "message": "Telah keluar dari grup bukber"}
    first.wait_for("amsal meninggalkan group")
    assert first.leave()["status"] == "OK"

    assert amsal.proses("activeuser") == 'Active User: "amsal, "'


@pytest.mark.parametrize("dropped_in", ["home", "away"])
def test_a_member_whose_connection_drops_leaves(both, login, dropped_in):
    messi, amsal = login(both[0], "messi"), login(both[1], "amsal")
    first = messi.join("bukber")
    first.wait_for("messi telah bergabung")
    second = amsal.join("bukber")
    first.wait_for("amsal telah bergabung")
    second.wait_for("amsal telah bergabung")

    gone, stays = (messi, second) if dropped_in == "home" else (amsal, first)
    gone.socket.shutdown(2)

    username = "messi" if dropped_in == "home" else "amsal"
    stays.wait_for(f"{username} meninggalkan group")
    stays.say("masih di sini")
    stays.wait_for(": masih di sini")
    assert stays.leave()["status"] == "OK"


def test_the_other_realm_may_vanish_while_its_member_chats(both, login):
    realm1, realm2 = both
    messi, amsal = login(realm1, "messi"), login(realm2, "amsal")
    first = messi.join("bukber")
    first.wait_for("messi telah bergabung")
    second = amsal.join("bukber")
    first.wait_for("amsal telah bergabung")

    realm2.kill()

    first.wait_for("amsal meninggalkan group")
    assert first.leave()["status"] == "OK"
    with pytest.raises((Gone, ConnectionError)):
        second.leave()


def test_after_a_refused_group_exit_leads_back_to_the_prompt(realm1, login):
    messi = login(realm1, "messi")
    messi.token, token = "x", messi.token

    group = messi.join("bukber")
    group.wait_for("Informasi tidak ditemukan")
    assert group.leave() == {"status": "ERROR", "message": "Informasi tidak ditemukan"}

    messi.token = token
    assert messi.proses("activeuser") == 'Active User: "messi, "'
