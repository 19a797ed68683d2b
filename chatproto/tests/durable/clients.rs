//! The client's half and a realm, with each other.

use crate::common::{Site, example};
use chatproto::client::{Client, Incoming, Reply, RequestError};
use chatproto::{ConnectionId, ErrorCode};

/// A client with its connection.
struct Person {
    client: Client,
    id: ConnectionId,
}

impl Person {
    fn new(site: &mut Site) -> Self {
        let (client, id) = (Client::new(), site.open());
        Self { client, id }
    }

    fn named(site: &mut Site, name: &str) -> Self {
        let mut person = Self::new(site);
        let reply = person.ask(site, |client| client.log_in(name, "surabaya"));
        assert!(reply.is_ok(), "{reply:?}");
        person
    }

    /// Writes and reads until there is nothing more to do.
    fn run(&mut self, site: &mut Site) -> Vec<Incoming> {
        loop {
            let bytes = self.client.outgoing().to_vec();
            if bytes.is_empty() {
                break;
            }
            self.client.sent(bytes.len());
            site.receive(self.id, &bytes);
            site.commit();
            self.client.receive(site.read(self.id).as_bytes());
        }
        self.client.receive(site.read(self.id).as_bytes());
        std::iter::from_fn(|| self.client.next()).collect()
    }

    fn ask(
        &mut self,
        site: &mut Site,
        begin: impl FnOnce(&mut Client) -> Result<u64, RequestError>,
    ) -> Reply {
        let number = begin(&mut self.client).unwrap();
        match &self.run(site)[..] {
            [Incoming::Reply { request, reply }] if *request == number => reply.clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_client_reads_what_another_wrote() {
    let mut site = Site::new(example(1).durable(true));
    let mut messi = Person::named(&mut site, "messi");
    let mut henderson = Person::named(&mut site, "henderson");

    for text in ["apa kabar", "\"é\" \u{1f600}"] {
        let sent = messi.ask(&mut site, |client| client.send("henderson", text));
        assert_eq!(sent.message(), Some("Message Sent"));
    }
    let peeked = henderson.ask(&mut site, |client| client.peek(9));
    let acked = henderson.ask(&mut site, |client| client.ack(1));
    let inbox = henderson.ask(&mut site, Client::inbox);

    let texts = |reply: &Reply| -> Vec<_> {
        let messages = reply.messages().iter();
        messages
            .map(|it| (it.id, it.from.clone(), it.text.clone()))
            .collect()
    };
    let from = || "messi".to_owned();
    assert_eq!(
        texts(&peeked),
        [
            (Some(1), from(), " apa kabar\r\n".to_owned()),
            (Some(2), from(), " \"é\" \u{1f600}\r\n".to_owned())
        ]
    );
    assert!(acked.is_ok());
    assert_eq!(
        texts(&inbox),
        [(None, from(), " \"é\" \u{1f600}\r\n".to_owned())]
    );
}

#[test]
fn errors_have_their_codes() {
    let mut site = Site::new(example(1));
    let mut person = Person::new(&mut site);
    let wrong = person.ask(&mut site, |client| client.log_in("messi", "wrong"));
    let nobody = person.ask(&mut site, |client| client.log_in("nobody", "x"));
    let unknown = person.ask(&mut site, |client| client.line("frobnicate"));
    let mut messi = Person::named(&mut site, "messi");
    let lost = messi.ask(&mut site, |client| client.send("nobody", "x"));
    let away = messi.ask(&mut site, |client| client.send("amsal@nowhere", "x"));

    let errors = [wrong, nobody, unknown, lost, away].map(|reply| reply.error());

    assert_eq!(
        errors,
        [
            ErrorCode::WrongPassword,
            ErrorCode::NoSuchUser,
            ErrorCode::UnknownCommand,
            ErrorCode::RecipientUnknown,
            ErrorCode::RealmUnknown,
        ]
        .map(Some)
    );
}

#[test]
fn two_clients_talk_in_a_group() {
    let mut site = Site::new(example(1));
    let mut messi = Person::named(&mut site, "messi");
    let mut henderson = Person::named(&mut site, "henderson");
    for person in [&mut messi, &mut henderson] {
        person.client.join("bukber").unwrap();
        let come = person.run(&mut site);
        assert!(matches!(
            come[..],
            [Incoming::Joined { .. }, Incoming::Text(_)]
        ));
    }

    henderson.client.say("halo").unwrap();
    henderson.run(&mut site);
    henderson.client.leave().unwrap();
    let mut left = henderson.run(&mut site);
    // The server leaves time between what was said, `exit`, and the reply.
    for _ in 0..4 {
        site.wait(200);
        left.extend(henderson.run(&mut site));
    }

    assert!(
        matches!(&left[..], [Incoming::Reply { reply, .. }]
            if reply.message() == Some("Telah keluar dari grup bukber")),
        "{left:?}"
    );
    let heard: String = messi
        .run(&mut site)
        .into_iter()
        .map(|it| match it {
            Incoming::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        heard,
        "henderson telah bergabunghenderson: halohenderson meninggalkan group"
    );
}
