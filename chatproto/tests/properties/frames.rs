//! Any frames from a peer: no panic, and nothing in another realm's name.

use crate::common::{Site, example, hello, limits, name};
use crate::holds;
use chatproto::link::frame::{Frame, Hello, Live, LiveKind, Question, Resume, StreamKind, View};
use chatproto::{Direction, Envelope, Kind, LinkId, PeerConfig};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use uuid::Uuid;

/// A number that may matter.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 0_u64..6,
        1 => 0_u64..5_000,
        1 => (1_u64 << 53) - 2..=1 << 53,
        1 => u64::MAX - 2..=u64::MAX,
    ]
}

/// Streams of the peer; those of the realm itself are put in for the last two.
fn stream() -> impl Strategy<Value = Uuid> {
    (1_u128..=4).prop_map(Uuid::from_u128)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    (0_u128..6).prop_map(Uuid::from_u128)
}

/// An address. Whose realm it is can be told by the name: only amsal and herbert are of realm2.
fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("amsal@realm2"),
        3 => Just("herbert@realm2"),
        6 => Just("messi@realm1"),
        2 => Just("rina@realm3"),
        2 => Just("budi@realm1"),
        1 => Just("rina"),
        1 => Just("@realm2"),
        1 => Just("rina@realm2@realm3"),
        1 => Just(""),
    ]
    .prop_map(str::to_owned)
}

fn realm() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just("realm2"), 4 => Just("realm1"), 1 => Just("realm3"), 1 => Just("")]
        .prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", "\\PC{0,8}", "[\u{0}-\u{1f}]{0,4}"]
}

fn kind() -> impl Strategy<Value = Kind> {
    let reason = prop_oneof![Just("inbox_full".to_owned()), text()];
    prop_oneof![
        6 => Just(Kind::Message),
        3 => (uuid(), reason).prop_map(|(answers, reason)| Kind::Bounce { answers, reason }),
        1 => text().prop_map(Kind::Other),
    ]
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let realm = |likely: &'static str| prop_oneof![9 => Just(likely), 1 => Just("realm3"), 1 => Just("realm1"), 1 => Just("realm2")];
    let parts = (uuid(), kind(), realm("realm2"), realm("realm1"));
    let to = prop_oneof![6 => Just("messi@realm1".to_owned()), 1 => address()];
    let from = prop_oneof![6 => Just("amsal@realm2".to_owned()), 1 => address()];
    (parts, from, to, number(), number(), text()).prop_map(
        |((id, kind, origin, destination), from, to, sent_unix_ms, expires_unix_ms, text)| {
            Envelope {
                id,
                kind,
                origin: name(origin),
                destination: name(destination),
                from,
                to,
                sent_unix_ms,
                expires_unix_ms,
                text,
            }
        },
    )
}

fn view() -> impl Strategy<Value = View> {
    let maybe = || proptest::option::of(uuid());
    prop_oneof![
        (number(), number()).prop_map(|(oldest, last)| View::Sender { oldest, last }),
        (number(), number(), maybe(), maybe()).prop_map(|(durable, next, durable_id, last_id)| {
            View::Receiver {
                durable,
                next,
                durable_id,
                last_id,
            }
        }),
    ]
}

fn live() -> impl Strategy<Value = Live> {
    let kind = prop_oneof![
        Just(LiveKind::Join),
        Just(LiveKind::Members),
        Just(LiveKind::Say),
        Just(LiveKind::Leave),
        Just(LiveKind::Gone)
    ];
    let group = prop_oneof![8 => Just("bukber"), 1 => Just("bola"), 1 => Just("no group")];
    (group, kind, address(), vec(address(), 0..4), any::<bool>()).prop_map(
        |(group, kind, from, members, home)| Live {
            group: group.to_owned(),
            kind,
            from,
            text: "halo".into(),
            members,
            home,
        },
    )
}

fn frame() -> impl Strategy<Value = Frame> {
    let mail_or_bounce = prop_oneof![Just(StreamKind::Mail), Just(StreamKind::Bounce)];
    let hello = (realm(), realm(), number(), number(), number()).prop_map(
        |(realm, peer, least, greatest, line_bytes_max)| {
            Frame::Hello(Hello {
                realm,
                peer,
                versions: [least, greatest],
                capabilities: Vec::new(),
                line_bytes_max,
                software: String::new(),
            })
        },
    );
    let question = prop_oneof![Just(Question::User), Just(Question::Group)];
    prop_oneof![
        1 => hello,
        4 => (stream(), mail_or_bounce, view())
            .prop_map(|(stream, kind, view)| Frame::Resume(Resume { stream, kind, view })),
        2 => (stream(), number(), number())
            .prop_map(|(stream, upto, bytes)| Frame::Credit { stream, upto, bytes }),
        8 => (stream(), number(), envelope())
            .prop_map(|(stream, seq, envelope)| Frame::Env { stream, seq, envelope: Arc::new(envelope) }),
        1 => (stream(), number(), uuid()).prop_map(|(stream, seq, id)| Frame::Void { stream, seq, id }),
        2 => (stream(), number(), vec(number(), 0..4))
            .prop_map(|(stream, durable, refused)| Frame::Ack { stream, durable, refused }),
        6 => live().prop_map(Frame::Live),
        2 => (number(), question, prop_oneof![Just("messi".to_owned()), Just("bukber".to_owned()), text()])
            .prop_map(|(id, question, name)| Frame::Ask { id, question, name }),
        2 => (number(), any::<bool>()).prop_map(|(id, found)| Frame::Answer { id, found }),
        1 => number().prop_map(|n| Frame::Ping { n }),
        1 => number().prop_map(|n| Frame::Pong { n }),
        1 => text().prop_map(|text| Frame::Error { code: String::new(), text }),
        1 => text().prop_map(|text| Frame::Bye { code: String::new(), text }),
    ]
}

/// What the peer does: frames as they are, or the next envelope of an honest stream.
#[derive(Clone, Debug)]
enum Act {
    Frames(Vec<Frame>),
    Mail(Envelope),
    Wait(u64),
    Send(String),
}

fn act() -> impl Strategy<Value = Act> {
    let to = prop_oneof![Just("siapa"), Just("amsal@realm2"), Just("herbert@realm2")];
    prop_oneof![
        6 => vec(frame(), 1..4).prop_map(Act::Frames),
        6 => envelope().prop_map(Act::Mail),
        1 => (0_u64..50_000).prop_map(Act::Wait),
        2 => to.prop_map(|to| Act::Send(to.to_owned())),
    ]
}

/// realm1 with the hostile peer realm2, messi's letters and henderson's live group.
struct Victim {
    site: Site,
    link: LinkId,
    is_linked: bool,
    streams: [Uuid; 2],
    mail: Uuid,
    mails: u64,
}

impl Victim {
    fn new(is_durable: bool) -> Self {
        let config = example(1)
            .peer(PeerConfig::new(name("realm2")))
            .peer(PeerConfig::new(name("realm3")))
            .limits(limits(&[("exit_gap_ms", 0)]))
            .durable(is_durable);
        let mut site = Site::new(config);
        let link = site.greeted_by("realm2", Direction::Accepted);
        Self {
            site,
            link,
            is_linked: false,
            streams: [Uuid::nil(); 2],
            mail: Uuid::nil(),
            mails: 0,
        }
    }

    /// Greets once more where the last link was closed.
    fn relink(&mut self) {
        self.link = self.site.greeted_by("realm2", Direction::Accepted);
        let frames = self.site.take(self.link);
        let own = frames.iter().filter_map(|frame| match frame {
            Frame::Resume(resume) => Some(resume.stream),
            _ => None,
        });
        for (place, id) in self.streams.iter_mut().zip(own) {
            *place = id;
        }
        self.mails += 1_000;
        self.mail = Uuid::from_u128(u128::from(self.mails));
        self.is_linked = true;
    }

    fn deliver(&mut self, frames: &[Frame]) {
        self.site.outputs.clear();
        self.site.deliver(self.link, frames);
        let closed =
            |output: &chatproto::Output| matches!(output, chatproto::Output::LinkClose(..));
        self.is_linked &= !self.site.outputs.iter().any(closed);
    }

    /// An envelope as an honest sender would number it.
    fn mail(&mut self, envelope: Envelope) {
        let kind = match envelope.kind {
            Kind::Bounce { .. } => StreamKind::Bounce,
            _ => StreamKind::Mail,
        };
        self.mails += 1;
        let stream = Uuid::from_u128(u128::from(self.mails) << 64);
        let view = View::Sender { oldest: 1, last: 1 };
        self.deliver(&[Frame::Resume(Resume { stream, kind, view })]);
        let envelope = Arc::new(envelope);
        self.deliver(&[Frame::Env {
            stream,
            seq: 1,
            envelope,
        }]);
    }

    /// Puts the ids of the realm's own streams in for 3 and 4.
    fn aimed(&self, mut frame: Frame) -> Frame {
        if let Frame::Resume(Resume { stream, .. })
        | Frame::Credit { stream, .. }
        | Frame::Ack { stream, .. } = &mut frame
        {
            match stream.as_u128() {
                3 => *stream = self.streams[0],
                4 => *stream = self.streams[1],
                _ => {}
            }
        }
        frame
    }
}

#[test]
fn no_frames_make_it_panic_or_deliver_in_another_realms_name() {
    let inputs = (vec(act(), 0..40), any::<bool>());

    holds(&inputs, |(acts, is_durable)| {
        let mut it = Victim::new(is_durable);
        let id = it.site.open();
        it.site.receive(id, b"auth messi surabaya\r\n");
        it.site.commit();
        let token = crate::common::token_of(&it.site.read(id));
        let henderson = it.site.open();
        it.site.receive(henderson, b"auth henderson surabaya\r\n");
        it.site.commit();
        let member = crate::common::token_of(&it.site.read(henderson));
        it.site.receive(
            henderson,
            format!("group {member} bukber origin\r\n").as_bytes(),
        );
        it.site.wait(2_000);
        for act in acts {
            if !it.is_linked {
                it.relink();
            }
            match act {
                Act::Frames(frames) => {
                    let frames: Vec<_> = frames.into_iter().map(|frame| it.aimed(frame)).collect();
                    it.deliver(&frames);
                }
                Act::Mail(envelope) => it.mail(envelope),
                Act::Wait(ms) => {
                    it.site.outputs.clear();
                    it.site.wait(ms);
                    it.is_linked = false;
                }
                Act::Send(to) => {
                    let line = format!("send {token} {to} hi\r\n");
                    it.site.receive(id, line.as_bytes());
                }
            }
            it.site.commit();
        }
        it.site.wait(2_000);
        it.site.read(id);

        it.site.receive(id, format!("inbox {token}\r\n").as_bytes());
        it.site.commit();
        let inbox = it.site.read(id);
        let senders = inbox.split("\"msg_from\": \"").skip(1);
        for sender in senders {
            let sender = sender.split_once('"').unwrap().0;
            prop_assert!(
                ["amsal", "herbert", "*realm2*"].contains(&sender),
                "{}",
                inbox
            );
        }
        let heard = it.site.read(henderson);
        prop_assert!(
            !heard.contains("rina") && !heard.contains("budi"),
            "{}",
            heard
        );
        prop_assert!(!heard.contains("messi"), "{}", heard);
        Ok(())
    });
}

#[test]
fn no_frames_before_a_hello_deliver_anything() {
    let frame = frame().prop_filter("a hello", |frame| !matches!(frame, Frame::Hello(_)));

    holds(&vec(frame, 1..10), |frames| {
        let mut it = Site::new(example(1).peer(PeerConfig::new(name("realm2"))));
        let link = it.link_up("realm2", Direction::Accepted);

        it.deliver(link, &frames);
        it.deliver(link, &[hello("realm2", "realm1")]);

        let up = chatproto::Event::LinkUp {
            peer: name("realm2"),
        };
        prop_assert!(!it.events().contains(&&up));
        let (messi, token) = it.log_in("messi", "surabaya");
        prop_assert_eq!(
            it.inbox(messi, &token),
            "{\"status\": \"OK\", \"messages\": {}}\r\n\r\n"
        );
        Ok(())
    });
}
