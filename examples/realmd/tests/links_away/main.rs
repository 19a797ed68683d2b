//! A peer that is away for long: what waits for it is in the store and not in memory, and all of it
//! arrives in order once the peer comes.
//!
//! `CHATPROTO_LONG=1` lets a million messages wait.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a test says what went wrong by failing"
)]

#[path = "../common/mod.rs"]
mod common;

mod memory;

use common::Client;
use common::running::{Home, REALMD, Running};
use memory::Memory;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

/// Writers in the first realm, each with a reader of its own in the second.
const PAIRS: usize = 10;
const MESSAGES: usize = 20_000;
const MESSAGES_LONG: usize = 1_000_000;
/// What a text has beside its number: in all far more than a realm may keep in memory.
const BALLAST_BYTES: usize = 2_000;
const BALLAST_BYTES_LONG: usize = 500;
/// Lines that are sent before their answers are read.
const BURST: usize = 200;
/// What one waiting message may take in memory beside its text: a row that says where it is.
const ROW_BYTES: usize = 256;
/// What a realm takes for itself, with the store's cache and batches under way.
const OWN_BYTES: usize = 80 * 1024 * 1024;
/// How long the readers may see nothing new.
const STANDSTILL: Duration = Duration::from_secs(60);

#[test]
fn what_waits_for_a_peer_that_is_away_arrives_in_order_and_takes_little_memory() {
    let is_long = std::env::var_os("CHATPROTO_LONG").is_some();
    let (messages, ballast) = if is_long {
        (MESSAGES_LONG, BALLAST_BYTES_LONG)
    } else {
        (MESSAGES, BALLAST_BYTES)
    };
    let each = Each {
        count: messages / PAIRS,
        ballast: "x".repeat(ballast),
    };
    let home = Home::new("");
    write_file(&home, 1, messages, "");
    let one = start(&home, "realm1");
    let called = format!("address = \"{}\"\n", one.link.unwrap());
    write_file(&home, 2, messages, &called);
    let first = Memory::watch(&one);

    let began = Instant::now();
    std::thread::scope(|scope| {
        for pair in 0..PAIRS {
            let (address, each) = (one.address, &each);
            scope.spawn(move || write(address, pair, each));
        }
    });
    let (mut guest, token) = Client::login(one.address, &user(1, 0), "secret");
    let queued = queue(&mut guest, &token);
    let written_s = began.elapsed().as_secs_f64();
    assert_eq!(queued.messages, messages as u64);
    let first_queued = first.peak();

    let two = start(&home, "realm2");
    let second = Memory::watch(&two);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for pair in 0..PAIRS {
            let (address, each) = (two.address, &each);
            scope.spawn(move || read(address, pair, each));
        }
    });
    let drained_s = began.elapsed().as_secs_f64();
    common::eventually("the queue is empty", || {
        (queue(&mut guest, &token).messages == 0).then_some(())
    });

    let (first, second) = (first.peak(), second.peak());
    let mb = |bytes: usize| bytes as f64 / 1e6;
    println!(
        "crash: {messages} messages ({:.0} MB) for a peer that was away, queued in {written_s:.1} s, there in order \
         {drained_s:.1} s after it came; the most memory: {:.1} MB where they waited ({:.1} MB until the peer came), {:.1} MB \
         where they came",
        mb(queued.bytes as usize),
        mb(first),
        mb(first_queued),
        mb(second),
    );
    let bound = OWN_BYTES + messages * ROW_BYTES;
    assert!(first < bound && second < bound, "more than {bound} bytes");
    drop(guest);
    one.stop();
    two.stop();
}

/// Writes a realm that calls the other one at that address, or waits for its call.
fn write_file(home: &Home, own: usize, messages: usize, called: &str) {
    let other = 3 - own;
    let mut text = format!(
        "name = \"realm{own}\"\n\
         client = {{ address = \"127.0.0.1:0\" }}\n\
         store = {{ folder = \"data\" }}\n\
         passwords = {{ scheme = \"plain\" }}\n\
         link = {{ address = \"127.0.0.1:0\" }}\n\
         [limits]\n\
         redial_ms_min = 10\nredial_ms_max = 200\n\
         queue_messages_max = 10_000_000\nqueue_bytes_max = 100_000_000_000\nqueue_memory_bytes_max = 1_000_000\n\
         inbox_messages_max = {messages}\ninbox_bytes_max = 100_000_000_000\n\
         page_messages_max = 1_000\npage_bytes_max = 1_000_000\n\
         [[peers]]\nname = \"realm{other}\"\npublic_key_file = \"data/realm{other}.pub\"\n{called}"
    );
    for user in (0..PAIRS).map(|pair| user(own, pair)) {
        write!(
            text,
            "[[users]]\nname = \"{user}\"\npassword = \"secret\"\n"
        )
        .unwrap();
    }
    home.write(&format!("realm{own}.toml"), &text);
}

fn user(realm: usize, pair: usize) -> String {
    format!("user{pair}-of-realm{realm}")
}

fn start(home: &Home, name: &str) -> Running {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(home.path(&format!("{name}.log")))
        .unwrap();
    let mut command = Command::new(REALMD);
    let command = command.arg(home.path(&format!("{name}.toml")));
    Running::start_logging(command, log.into())
}

/// What each writer has to say.
struct Each {
    count: usize,
    ballast: String,
}

impl Each {
    fn text(&self, number: usize) -> String {
        format!("{number}.{}", self.ballast)
    }
}

/// Writes all that one writer has to say.
fn write(address: SocketAddr, pair: usize, each: &Each) {
    let (mut client, token) = Client::login(address, &user(1, pair), "secret");
    let to = user(2, pair);
    let numbers: Vec<usize> = (0..each.count).collect();
    for burst in numbers.chunks(BURST) {
        let mut lines = String::new();
        for number in burst {
            let text = each.text(*number);
            write!(lines, "send {token} {to}@realm2 {text}\r\n").unwrap();
        }
        client.send(&lines);
        for number in burst {
            let reply = client.reply();
            let ok = r#"{"status": "OK", "message": "Message Sent"}"#;
            assert_eq!(reply, ok, "message {number} of {}", user(1, pair));
        }
    }
}

/// Reads all that one reader is to be told, and takes it out.
fn read(address: SocketAddr, pair: usize, each: &Each) {
    let (mut client, token) = Client::login(address, &user(2, pair), "secret");
    let (mut read, mut since) = (0, Instant::now());
    while read < each.count {
        let reply = client.ask(&format!("peek {token} 1000\r\n"));
        let page: Value = serde_json::from_str(&reply).unwrap();
        let messages = page["messages"].as_array().unwrap();
        for message in messages {
            let shown = message["msg"].as_str().unwrap().trim();
            assert_eq!(
                shown,
                each.text(read),
                "message {read} of {}",
                user(1, pair)
            );
            read += 1;
            assert_eq!(message["id"], read as u64);
        }
        if messages.is_empty() {
            assert!(
                since.elapsed() < STANDSTILL,
                "{read} of {} came",
                each.count
            );
            std::thread::sleep(Duration::from_millis(50));
            continue;
        }
        since = Instant::now();
        client.ask(&format!("ack {token} {read}\r\n"));
    }
}

/// What waits for realm2.
struct Queue {
    messages: u64,
    bytes: u64,
}

fn queue(client: &mut Client, token: &str) -> Queue {
    let reply = client.ask(&format!("checkrealm {token}\r\n"));
    let reply: Value = serde_json::from_str(&reply).unwrap();
    let realm = &reply["realms"][0];
    Queue {
        messages: realm["queue"].as_u64().unwrap(),
        bytes: realm["bytes"].as_u64().unwrap(),
    }
}
