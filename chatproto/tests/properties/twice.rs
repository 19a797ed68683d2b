//! The same seed and the same inputs give the same outputs, byte for byte.

use crate::common::{Pair, Site, example_with_peer};
use crate::holds;
use chatproto::{ConnectionId, Detail, Output};
use proptest::collection::vec;
use proptest::prelude::*;

/// One thing that happens to two linked realms. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    Open,
    Auth(usize, usize),
    Line(usize, usize, String),
    Raw(usize, Vec<u8>),
    Ended(usize),
    Closed(usize),
    Deaf(usize),
    Listen(usize),
    Execute(String),
    Wait(u64),
    Commit,
    There,
    Back,
    Pump,
    Cut,
    Link,
    Shutdown,
}

fn line() -> impl Strategy<Value = String> {
    let to = prop_oneof![
        Just("messi"),
        Just("amsal"),
        Just("amsal@realm2"),
        Just("messi@realm1"),
        Just("siapa"),
        Just("siapa@realm2"),
        Just("siapa@realm1")
    ];
    prop_oneof![
        6 => (to, "[a-zé\"]{0,20}").prop_map(|(to, text)| format!("send TOKEN {to} {text}\r\n")),
        3 => Just("inbox TOKEN\r\n".to_owned()),
        1 => Just("activeuser TOKEN\r\n".to_owned()),
        1 => Just("logout TOKEN\r\n".to_owned()),
        3 => Just("group TOKEN bukber origin\r\n".to_owned()),
        1 => Just("group TOKEN bukber@realm1 origin\r\n".to_owned()),
        2 => Just("exit".to_owned()),
        2 => "[a-zé]{0,30}",
        1 => Just("quit\r\n".to_owned()),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0_usize..6;
    prop_oneof![
        3 => Just(Step::Open),
        4 => (number(), number()).prop_map(|(id, user)| Step::Auth(id, user)),
        20 => (number(), number(), line()).prop_map(|(id, token, line)| Step::Line(id, token, line)),
        2 => (number(), vec(any::<u8>(), 0..50)).prop_map(|(id, bytes)| Step::Raw(id, bytes)),
        1 => number().prop_map(Step::Ended),
        1 => number().prop_map(Step::Closed),
        1 => number().prop_map(Step::Deaf),
        2 => number().prop_map(Step::Listen),
        1 => line().prop_map(Step::Execute),
        4 => (0_u64..50_000).prop_map(Step::Wait),
        6 => Just(Step::Commit),
        4 => Just(Step::There),
        4 => Just(Step::Back),
        6 => Just(Step::Pump),
        2 => Just(Step::Cut),
        3 => Just(Step::Link),
        1 => prop_oneof![20 => Just(Step::Commit), 1 => Just(Step::Shutdown)],
    ]
}

/// Both realms, and what the steps choose from.
struct World {
    pair: Pair,
    clients: Vec<(bool, ConnectionId)>,
    tokens: Vec<String>,
}

impl World {
    fn new(is_durable: bool) -> Self {
        let config = |own, other| {
            example_with_peer(own, other)
                .durable(is_durable)
                .detail(Detail::Wire)
        };
        let mut pair = Pair::of(config(1, 2), config(2, 1));
        pair.connect();
        Self {
            pair,
            clients: Vec::new(),
            tokens: Vec::new(),
        }
    }

    fn site(&mut self, is_first: bool) -> &mut Site {
        if is_first {
            &mut self.pair.one
        } else {
            &mut self.pair.two
        }
    }

    fn act(&mut self, step: &Step) {
        match step {
            Step::Open => {
                let is_first = self.clients.len().is_multiple_of(2);
                let id = self.site(is_first).open();
                self.clients.push((is_first, id));
            }
            Step::Execute(line) => {
                let now = self.pair.one.now;
                self.pair.one.realm.execute(line.as_bytes(), now);
                self.pair.one.run();
            }
            Step::Wait(ms) => {
                self.pair.one.wait(*ms);
                self.pair.two.wait(*ms);
            }
            Step::Commit => {
                self.pair.one.commit();
                self.pair.two.commit();
            }
            Step::There => drop(self.pair.step_there()),
            Step::Back => drop(self.pair.step_back()),
            Step::Pump => self.pair.pump(),
            Step::Cut => self.pair.cut(),
            Step::Link => {
                self.pair.cut();
                self.pair.link();
            }
            Step::Shutdown => {
                self.pair.one.realm.shutdown(self.pair.one.now);
                self.pair.one.run();
            }
            Step::Auth(at, _)
            | Step::Line(at, _, _)
            | Step::Raw(at, _)
            | Step::Ended(at)
            | Step::Closed(at)
            | Step::Deaf(at)
            | Step::Listen(at) => self.act_on_client(step, *at),
        }
        self.collect_tokens();
    }

    fn act_on_client(&mut self, step: &Step, at: usize) {
        let count = self.clients.len().max(1);
        let Some((is_first, id)) = self.clients.get(at % count).copied() else {
            return;
        };
        let token = |number: usize| {
            let count = self.tokens.len().max(1);
            self.tokens.get(number % count).cloned().unwrap_or_default()
        };
        let bytes = match step {
            Step::Auth(_, user) if is_first => {
                let users = ["messi", "henderson", "lineker"];
                format!("auth {} surabaya\r\n", users[user % 3]).into_bytes()
            }
            Step::Auth(..) => b"auth amsal jakarta\r\n".to_vec(),
            Step::Line(_, number, line) => line.replace("TOKEN", &token(*number)).into_bytes(),
            Step::Raw(_, bytes) => bytes.clone(),
            _ => Vec::new(),
        };
        let site = self.site(is_first);
        match step {
            Step::Ended(_) => site.realm.ended(id, site.now),
            Step::Closed(_) => site.realm.closed(id, site.now),
            Step::Deaf(_) => drop(site.deaf.insert(id)),
            Step::Listen(_) => site.listen(id),
            _ => site.realm.receive(id, &bytes, site.now),
        }
        site.run();
    }

    fn collect_tokens(&mut self) {
        self.tokens.clear();
        for site in [&self.pair.one, &self.pair.two] {
            let logins = site
                .writes
                .iter()
                .filter(|(_, text)| text.contains("\"tokenid\": \""));
            self.tokens
                .extend(logins.map(|(_, text)| crate::common::token_of(text)));
        }
    }
}

type Trace = (Vec<(ConnectionId, String)>, Vec<Output>, String);

fn play(steps: &[Step], is_durable: bool) -> [Trace; 2] {
    let mut world = World::new(is_durable);
    for step in steps {
        world.act(step);
    }
    [world.pair.one, world.pair.two]
        .map(|site| (site.writes, site.outputs, format!("{:?}", site.all_frames)))
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let inputs = (vec(step(), 0..120), any::<bool>());

    holds(&inputs, |(steps, is_durable)| {
        let (first, second) = (play(&steps, is_durable), play(&steps, is_durable));

        prop_assert_eq!(first, second);
        Ok(())
    });
}

#[test]
fn realms_of_this_code_never_find_fault_with_each_other() {
    let inputs = (vec(step(), 0..120), any::<bool>());

    holds(&inputs, |(steps, is_durable)| {
        for (_, outputs, _) in play(&steps, is_durable) {
            let fault = outputs.iter().find(|output| {
                matches!(
                    output,
                    Output::Event(
                        chatproto::Event::PeerMisbehaved { .. }
                            | chatproto::Event::HistoryTruncated { .. }
                    )
                )
            });
            prop_assert_eq!(fault, None);
        }
        Ok(())
    });
}

#[test]
fn another_seed_gives_other_tokens() {
    let token = |seed| {
        let mut site = Site::seeded(example_with_peer(1, 2), seed);
        site.log_in("messi", "surabaya").1
    };

    let (first, second) = (token(1), token(2));

    assert_eq!(first, token(1));
    assert_ne!(first, second);
}
