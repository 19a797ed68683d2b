//! Strangers at the link port, while a peer and clients want something too.

use crate::common::PATIENCE;
use crate::town::{Person, Town, by_file};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Goes on with something until the test is over.
struct Crowd {
    enough: Arc<AtomicBool>,
    threads: Vec<JoinHandle<usize>>,
}

impl Crowd {
    fn of(acts: Vec<Box<dyn FnMut() + Send>>) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let threads = acts.into_iter().map(|mut act| {
            let enough = Arc::clone(&enough);
            thread::spawn(move || {
                let mut times = 0;
                while !enough.load(Ordering::SeqCst) && times < 100_000 {
                    act();
                    times += 1;
                    thread::sleep(Duration::from_millis(5));
                }
                times
            })
        });
        let threads = threads.collect();
        Self { enough, threads }
    }

    /// How often each has acted.
    fn end(self) -> Vec<usize> {
        self.enough.store(true, Ordering::SeqCst);
        let threads = self.threads.into_iter();
        threads.map(|thread| thread.join().unwrap()).collect()
    }
}

/// Keeps connections open and says a letter now and then.
fn dribbling(to: SocketAddr) -> Box<dyn FnMut() + Send> {
    let mut open: Vec<TcpStream> = Vec::new();
    let line = b"realm-link/1 noise realm2 realm1\n";
    let mut said = 0;
    Box::new(move || {
        open.retain_mut(|stream| stream.write_all(&line[said % 32..=said % 32]).is_ok());
        said += 1;
        if open.len() < 40 {
            open.extend(TcpStream::connect(to).ok());
        }
    })
}

/// Says a whole line, and then nonsense.
fn raving(to: SocketAddr) -> Box<dyn FnMut() + Send> {
    let mut round = 0_usize;
    Box::new(move || {
        let opening: &[u8] = match round % 4 {
            0 => b"realm-link/1 noise realm2 realm1\n\x00\x60",
            1 => b"realm-link/1 plain realm2 realm1\n{}\n",
            2 => b"GET / HTTP/1.1\r\n\r\n",
            _ => b"",
        };
        round += 1;
        if let Ok(mut stream) = TcpStream::connect(to) {
            let _ = stream.write_all(opening);
            let _ = stream.write_all(&[0xa5; 8_192]);
        }
    })
}

/// Comes in numbers and goes.
fn flooding(to: SocketAddr) -> Box<dyn FnMut() + Send> {
    Box::new(move || {
        let crowd: Vec<_> = (0..20).map(|_| TcpStream::connect(to)).collect();
        drop(crowd);
    })
}

#[test]
fn a_peer_links_and_clients_go_on_while_strangers_crowd_the_link_port() {
    let town = Town::new();
    town.write_linked("realm1", &by_file("realm2", None));
    let one = town.start("realm1");
    let link = one.link.unwrap();
    let crowd = Crowd::of(vec![dribbling(link), raving(link), flooding(link)]);

    let mut messi = Person::of(&one, "realm1");
    messi.send("user-of-realm1", "catatan");
    town.write_linked("realm2", &by_file("realm1", one.link));
    let two = town.start("realm2");
    town.until_linked("realm2", "realm1");
    let mut amsal = Person::of(&two, "realm2");
    for text in ["satu", "dua", "tiga"] {
        amsal.send("user-of-realm1@realm1", text);
        messi.receive(text);
    }
    messi.receive("catatan");

    let acted = crowd.end();
    assert!(acted.iter().all(|times| *times > 0), "{acted:?}");
    let log = one.stop();
    // However many they were, the log is still to be read.
    let minutes = 1 + PATIENCE.as_secs() as usize * 10 / 60;
    let told = crate::town::lines_with(&log, "was turned away");
    assert!((1..=minutes).contains(&told), "{told} lines: {log}");
}

#[test]
fn a_stranger_learns_nothing_and_is_soon_cut() {
    let town = Town::new();
    let peer = by_file("realm2", None);
    town.write_linked("realm1", &peer);
    let one = town.start("realm1");

    for line in [
        "realm-link/1 noise realm2 realm1\n",
        "realm-link/1 noise nobody realm1\n",
        "realm-link/1 noise realm2 nobody\n",
        "realm-link/1 plain realm2 realm1\n",
    ] {
        let mut stranger = TcpStream::connect(one.link.unwrap()).unwrap();
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        stranger.write_all(line.as_bytes()).unwrap();
        // A first message that nobody with a key has made.
        let _ = stranger.write_all(&[&[0, 96][..], &[7; 96]].concat());
        let mut told = Vec::new();
        // An end or a reset, but not silence.
        if let Err(error) = stranger.read_to_end(&mut told) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{line}");
        }
        assert_eq!(told, b"", "{line}");
    }
}
