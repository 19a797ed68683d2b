//! Mail between the realms, and what becomes of it.

use crate::common::{Pair, SENT};
use crate::tap::Tap;
use chatproto::Event;

#[test]
fn two_realms_that_never_met() {
    let mut tap = Tap::apart();

    tap.dial();
    tap.settle();

    tap.check("meeting");
}

#[test]
fn a_message_and_its_acknowledgement() {
    let mut tap = Tap::linked();

    tap.note("messi: send amsal@realm2 jadi main mes?");
    assert_eq!(tap.messi_sends("amsal@realm2", "jadi main mes?"), SENT);
    tap.note("realm1 has stored it, and messi has read OK.");
    while tap.there() {}
    tap.note("realm2 stores inbox and cursor in one commit.");
    tap.settle();

    assert_eq!(tap.amsal_reads(), [" jadi main mes?"]);
    tap.check("message");
}

#[test]
fn a_message_for_nobody() {
    let mut tap = Tap::linked();

    tap.note("messi: send siapa@realm2 halo");
    assert_eq!(tap.messi_sends("siapa@realm2", "halo"), SENT);
    tap.settle();
    tap.note("In messi's inbox, from *realm2*:");
    for text in tap.messi_reads() {
        tap.note(&text);
    }

    tap.check("refusal");
}

/// Three messages have reached realm2, which has stored the first.
fn three_messages() -> Tap {
    let mut tap = Tap::linked();
    for text in ["satu", "dua", "tiga"] {
        assert_eq!(tap.messi_sends("amsal@realm2", text), SENT);
    }
    tap.there();
    tap.commit();
    while tap.back() {}
    while tap.there() {}
    tap
}

#[test]
fn a_link_that_breaks_before_the_store_has_everything() {
    let mut tap = three_messages();
    tap.note("The link breaks. realm2 has 2 and 3 in memory; its store is not done with them.");

    tap.cut();
    tap.dial();
    while tap.carry() {}
    tap.note("realm2's commit of 2 and 3 is done.");
    tap.settle();

    assert_eq!(tap.amsal_reads(), [" satu", " dua", " tiga"]);
    tap.check_mail("cut");
}

#[test]
fn a_receiver_that_dies_before_its_store_has_everything() {
    let mut tap = three_messages();
    tap.note("realm2 is killed before its commit of 2 and 3, and is started again.");

    tap.restart(|pair| &mut pair.two, None);
    tap.dial();
    tap.settle();

    tap.amsal = tap.pair.two.enter("amsal", "jakarta");
    assert_eq!(tap.amsal_reads(), [" satu", " dua", " tiga"]);
    tap.check_mail("crash");
}

#[test]
fn a_message_that_was_never_sent_and_expires() {
    let mut tap = Tap::apart();

    tap.note("messi: send amsal@realm2 besok?, and realm2 is away for four days.");
    assert_eq!(tap.messi_sends("amsal@realm2", "besok?"), SENT);
    tap.pair.one.wait(345_600_000);
    tap.pair.two.wait(345_600_000);
    tap.commit();
    tap.note("In messi's inbox, from *realm2*:");
    for text in tap.messi_reads() {
        tap.note(&text);
    }
    tap.dial();
    tap.settle();

    assert!(tap.amsal_reads().is_empty());
    tap.check_mail("expiry");
}

/// Which realm has noticed what about a disk.
fn noticed(pair: &Pair) -> (bool, bool) {
    let one = pair.one.events();
    let two = pair.two.events();
    (
        one.iter().any(|it| matches!(it, Event::OlderCopy { .. })),
        two.iter().any(|it| matches!(it, Event::PeerRenewed { .. })),
    )
}

#[test]
fn a_sender_whose_disk_is_an_older_copy() {
    let mut tap = Tap::linked();
    tap.messi_sends("amsal@realm2", "satu");
    tap.settle();
    let copy = tap.pair.one.log.clone();
    tap.messi_sends("amsal@realm2", "dua");
    tap.settle();
    tap.heard.clear();

    tap.note("1 and 2 are acknowledged. realm1's disk is put back to a copy that has only 1.");
    tap.restart(|pair| &mut pair.one, Some(&copy));
    tap.messi = tap.pair.one.enter("messi", "surabaya");
    tap.note("messi: send amsal@realm2 tiga; realm1 counts it as 2.");
    assert_eq!(tap.messi_sends("amsal@realm2", "tiga"), SENT);
    tap.dial();
    tap.settle();

    assert_eq!(tap.amsal_reads(), [" satu", " dua", " tiga"]);
    assert_eq!(noticed(&tap.pair), (true, true));
    tap.check_mail("copy");
}
