//! The player tells when a transcript is not true.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use chatproto_tests::player::{Cutting, Failure, Manner, manners, play};
use chatproto_tests::transcript::Transcript;

const LOGIN: &str = "messi > auth messi surabaya \\r\\n\n\
                     messi < {\"status\": \"OK\", \"tokenid\": \"$T1\"}\\r\\n\\r\\n\n";

const AS_WRITTEN: Manner = Manner {
    cutting: Cutting::AsWritten,
    durable: false,
};

fn play_text(text: &str) -> Result<(), Failure> {
    play(&Transcript::parse(text).unwrap(), AS_WRITTEN)
}

#[test]
fn what_is_true_comes_true() {
    assert_eq!(play_text(LOGIN), Ok(()));
}

#[test]
fn a_wrong_byte_is_told_with_its_line() {
    let failure = play_text("messi > auth messi x\\r\\n\nmessi < {\"status\": \"OK\"").unwrap_err();

    assert_eq!(failure.line, 2);
    assert!(
        failure.what.contains("expected {\"status\": \"OK\""),
        "{failure}"
    );
    assert!(
        failure.what.contains("got      {\"status\": \"ERROR\""),
        "{failure}"
    );
}

#[test]
fn a_reply_that_does_not_come_is_told() {
    assert_eq!(
        play_text("messi > auth messi\nmessi < {").unwrap_err().line,
        2
    );
}

#[test]
fn a_reply_that_nobody_reads_is_told() {
    assert_eq!(
        play_text("messi > auth messi surabaya\\r\\n")
            .unwrap_err()
            .line,
        1
    );
    assert_eq!(
        play_text("messi > auth messi surabaya\\r\\n\nmessi silent")
            .unwrap_err()
            .line,
        2
    );
}

#[test]
fn a_token_stays_the_same() {
    let other = LOGIN
        .replace("messi >", "other >")
        .replace("messi <", "other <");

    assert_eq!(play_text(&format!("{LOGIN}{other}")).unwrap_err().line, 4);
    assert_eq!(
        play_text(&format!("{LOGIN}{}", other.replace("$T1", "$T2"))),
        Ok(())
    );
    assert_eq!(play_text("messi > inbox $T1\\r\\n").unwrap_err().line, 1);
}

#[test]
fn an_open_connection_is_not_closed() {
    assert_eq!(
        play_text(&format!("{LOGIN}messi closed")).unwrap_err().line,
        3
    );
    assert_eq!(
        play_text(&format!("{LOGIN}messi ends\nmessi closed")),
        Ok(())
    );
}

#[test]
fn a_live_transcript_is_never_cut() {
    let cut = |text: &str| {
        let manners = manners(&Transcript::parse(text).unwrap());
        manners
            .iter()
            .any(|manner| manner.cutting != Cutting::AsWritten)
    };

    assert!(cut("messi > abc"));
    assert!(!cut("live\nmessi > abc"));
}
