//! What a command costs a program in Rust, in nanoseconds of the processor: each is executed, and its
//! reply taken. `tests/c/bench/execute.c` does the same in C; the difference is the cost of the border.
//!
//!     cargo run --release -p chatproto-tests --example execute
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement says what it found, and fails loudly"
)]

use chatproto::{Config, Now, Output, Passwords, Realm, RealmName, UserConfig};
use std::fs;

const CALLS: u32 = 1_000_000;
/// Every so many messages are taken out of the inbox.
const BURST: u32 = 50;

/// What this thread has had of the processor, as Linux tells it.
fn cpu_ns() -> u64 {
    let told = fs::read_to_string("/proc/self/schedstat").unwrap();
    told.split(' ').next().unwrap().parse().unwrap()
}

fn now() -> Now {
    Now::new(1_000, 1_790_000_000_000)
}

/// Executes a line, and takes all outputs.
fn execute(realm: &mut Realm, line: &[u8], mut reply: impl FnMut(&[u8])) {
    realm.execute(line, now());
    while let Some(output) = realm.poll_output() {
        if let Output::Reply(_, data) = output {
            reply(&data);
        }
    }
}

fn measure(realm: &mut Realm, what: &str, line: &str, then: &str) {
    let mut reply_bytes = 0;
    let began = cpu_ns();
    for at in 1..=CALLS {
        let line = if at % BURST == 0 { then } else { line };
        execute(realm, line.as_bytes(), |reply| reply_bytes += reply.len());
    }
    // In tenths of a nanosecond.
    let each = (cpu_ns() - began) * 10 / u64::from(CALLS);
    let (ns, tenth) = (each / 10, each % 10);
    println!("rust {what:<10} {ns:4}.{tenth} ns a call, {reply_bytes} bytes of replies");
}

fn main() {
    let mut config = Config::new(RealmName::parse("realm1").unwrap())
        .user(UserConfig::new("messi", "Lionel Messi", "", "surabaya").unwrap());
    config.passwords = Passwords::Plain;
    let mut realm = Realm::new(config, [7; 32], now()).unwrap();
    let mut reply = Vec::new();
    execute(&mut realm, b"auth messi surabaya", |data| {
        reply = data.to_vec();
    });
    let reply = String::from_utf8(reply).unwrap();
    let token = reply.split('"').nth(7).unwrap();

    let active = format!("activeuser {token}");
    let (send, inbox) = (
        format!("send {token} messi apa kabar"),
        format!("inbox {token}"),
    );
    measure(&mut realm, "unknown", "halo", "halo");
    measure(&mut realm, "activeuser", &active, &active);
    measure(&mut realm, "send", &send, &inbox);
}
