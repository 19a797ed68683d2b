//! Many logins at a time, and failed ones.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod common;

use chatproto::{Argon2Cost, PasswordHash, Secret};
use common::{Client, PATIENCE, start};
use std::fmt::Write as _;
use std::time::Instant;

/// A realm whose users all have the password `secret`, hashed as usual.
fn realm(users: usize) -> String {
    let secret = Secret::new("secret");
    let hash = PasswordHash::of(&secret, Argon2Cost::default(), [7; 16]).unwrap();
    let mut text = "name = \"realm1\"\nclient = { address = \"127.0.0.1:0\" }\n".to_owned();
    for number in 0..users {
        let hash = hash.as_str();
        write!(
            text,
            "[[users]]\nname = \"u{number}\"\npassword_hash = \"{hash}\"\n"
        )
        .unwrap();
    }
    text
}

#[test]
fn fifty_logins_at_a_time_do_not_hold_up_a_chat() {
    let server = start(&realm(50));
    let address = server.client_address();
    let (mut chat, token) = Client::login(address, "u0", "secret");
    let mut others: Vec<Client> = (0..50).map(|_| Client::connect(address)).collect();

    for (number, other) in others.iter_mut().enumerate() {
        other.send(&format!("auth u{number} secret\r\n"));
    }
    let end = Instant::now() + 6 * PATIENCE;
    let mut turns = 0;
    let mut tokens = Vec::new();
    while tokens.len() < 50 {
        assert!(
            Instant::now() < end,
            "{turns} turns, {} logins",
            tokens.len()
        );
        let reply = chat.ask(&format!("activeuser {token}\r\n"));
        assert!(
            reply.starts_with("{\"status\": \"OK\", \"message\": \"u0, "),
            "{reply}"
        );
        turns += 1;
        others.retain_mut(|other| match other.reply_at_once() {
            Some(reply) => {
                tokens.push(reply);
                false
            }
            None => true,
        });
    }

    for reply in tokens {
        assert!(
            reply.starts_with("{\"status\": \"OK\", \"tokenid\": \""),
            "{reply}"
        );
    }
    // Were they checked in the loop, the chat would have about a turn for each login.
    assert!(turns > 200, "{turns} turns");
}

#[test]
fn who_fails_too_often_has_to_wait_even_with_the_right_password() {
    let limits = "[limits]\nfailed_logins_max = 3\nfailed_logins_ms = 3_600_000\n";
    let server = start(&(realm(1) + limits));
    let mut client = Client::connect(server.client_address());
    let wrong = "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}";

    for _ in 0..3 {
        assert_eq!(client.ask("auth u0 wrong\r\n"), wrong);
    }

    for password in ["wrong", "secret"] {
        let refused =
            Client::connect(server.client_address()).ask(&format!("auth u0 {password}\r\n"));
        assert!(
            refused.contains("\"code\": \"too_many_logins\""),
            "{refused}"
        );
    }
}
