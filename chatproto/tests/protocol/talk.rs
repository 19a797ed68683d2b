//! Questions, live groups, and a person with netcat.

use crate::common::{SENT, Site, example_with_peer};
use crate::document;
use crate::tap::{Tap, frames, plain, written};
use chatproto::Direction;
use chatproto::link::transport::{LinkTransport, TransportError};

#[test]
fn a_name_that_is_asked_for() {
    let mut tap = Tap::linked();

    tap.note("messi: send amsal halo");
    assert_eq!(tap.messi_sends("amsal", "halo"), "");
    tap.settle();

    assert_eq!(tap.pair.one.read(tap.messi.0), SENT);
    tap.check("question");
}

#[test]
fn a_group_of_two_realms() {
    let mut tap = Tap::linked();
    let (messi, amsal) = (tap.messi.clone(), tap.amsal.clone());

    tap.note("messi: group bukber");
    let line = format!("group {} bukber origin \r\n", messi.1);
    tap.pair.one.receive(messi.0, line.as_bytes());
    tap.settle();
    tap.note("Nobody has it, so it is made in realm1, which is its home. amsal: group bukber");
    let line = format!("group {} bukber origin \r\n", amsal.1);
    tap.pair.two.receive(amsal.0, line.as_bytes());
    tap.settle();
    tap.note("amsal writes: halo mes. He reads it when the home has put it in its place.");
    tap.pair.two.receive(amsal.0, b"halo mes");
    tap.settle();
    tap.note("amsal: exit");
    tap.pair.two.receive(amsal.0, b"exit");
    tap.settle();

    assert!(
        tap.pair
            .one
            .read(messi.0)
            .ends_with("amsal: halo mesamsal meninggalkan group")
    );
    tap.check("group");
}

#[test]
fn somebody_with_netcat() {
    let mut site = Site::seeded(example_with_peer(2, 1), 2);
    let now = site.now;
    let mut end = LinkTransport::accept(&plain(2, 1), [2; 32], now);
    let mut heard = Vec::new();
    let mut link = None;

    for typed in [
        "realm-link/1 plain realm1 realm2",
        r#"{"t":"hello","realm":"realm1","peer":"realm2","versions":[1,1],"limits":{"line_bytes":65536}}"#,
        r#"{"t":"ask","id":1,"question":"user","name":"amsal"}"#,
        r#"{"t":"wave","opt":true}"#,
        r#"{"t":"ping"}"#,
    ] {
        heard.push(format!("you> {typed}"));
        let result = end.receive(format!("{typed}\n").as_bytes(), now);
        let link = *link.get_or_insert_with(|| site.link_up("realm1", Direction::Accepted));
        site.deliver(link, &frames(&mut end));
        for frame in site.take(link) {
            end.send(&frame).unwrap();
        }
        for line in written(&mut end).lines() {
            heard.push(format!("realm2> {line}"));
        }
        let is_last = typed == r#"{"t":"ping"}"#;
        let is_bad = matches!(result, Err(TransportError::Frame(_)));
        assert_eq!(is_bad, is_last, "{typed}");
    }
    heard.push("# realm2 closes the connection.".to_owned());

    document::check("netcat", &heard);
}
