//! The bytes between realms, cut anywhere.

use super::link::{Flight, Side};
use super::{RealmIndex, World};
use chatproto::Frame;
use chatproto::link::key::StaticKey;
use chatproto::link::transport::{
    LinkTransport, Security, TransportConfig, TransportEvent, TransportPeer,
};

/// What realms send each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Frames as they are.
    Frames,
    /// Bytes that can be read.
    Plain,
    /// Bytes that cannot.
    Noise,
}

impl World {
    /// Says what realms send each other, over all connections that are made from now on.
    pub fn set_wire(&mut self, wire: Wire) {
        self.wire = wire;
    }

    pub(super) fn transport_config(&self, realm: RealmIndex) -> TransportConfig {
        let config = &self.nodes[realm].config;
        let peers = config.peers.iter().map(|peer| {
            let index = self.by_name.get(&peer.name).copied().unwrap_or_default();
            let security = match self.wire {
                Wire::Noise => Security::Noise(key_of(index).public()),
                Wire::Plain | Wire::Frames => Security::Plain,
            };
            TransportPeer {
                name: peer.name.clone(),
                security,
            }
        });
        TransportConfig {
            own: config.realm.clone(),
            key: Some(key_of(realm)).filter(|_| self.wire == Wire::Noise),
            peers: peers.collect(),
            limits: config.limits.clone(),
        }
    }

    /// Encodes frames and hands their bytes over.
    pub(super) fn write_frames(&mut self, side: Side, frames: &[Frame]) {
        let is_tapped = self.tap.is_some();
        let Some(transport) = &mut self.end_mut(side).transport else {
            return;
        };
        for frame in frames {
            let sent = transport.send(frame);
            assert!(
                sent.is_ok() || is_tapped,
                "a realm sends what its peer does not take: {sent:?}"
            );
        }
        self.flush(side);
    }

    /// Takes bytes in at an end, and all that follows from them.
    pub(super) fn read_bytes(&mut self, side: Side, bytes: &[u8]) {
        let (realm, alive) = (self.end(side).realm, self.end(side).alive);
        let now = self.now_at(realm);
        let Some(transport) = self.end_mut(side).transport.as_mut().filter(|_| alive) else {
            return;
        };
        let received = transport.receive(bytes, now);
        let mut frames = Vec::new();
        let mut is_up = true;
        while let Some(event) = self.next_event(side) {
            match event {
                TransportEvent::Frame(frame) => frames.push(frame),
                TransportEvent::Up { peer, direction } => {
                    let link = self
                        .stir(realm)
                        .and_then(|realm| realm.link_up(&peer, direction, now).ok());
                    is_up = link.is_some();
                    self.end_mut(side).link = link;
                    let node = &mut self.nodes[realm];
                    if let Some(link) = link {
                        node.greeting.remove(&side);
                        node.pipes.insert(link, side);
                    }
                }
                other => unreachable!("the world knows no {other:?}"),
            }
        }
        self.hand_in_frames(side, &frames);
        self.flush(side);
        if received.is_err() || !is_up {
            self.lose(side);
            self.send_over(side.other(), Flight::HangUp);
        }
    }

    fn next_event(&mut self, side: Side) -> Option<TransportEvent> {
        let transport = self.end_mut(side).transport.as_mut();
        transport.and_then(|transport| transport.poll_event())
    }

    /// Sends what a transport has, cut somewhere.
    fn flush(&mut self, side: Side) {
        let Some(transport) = &mut self.end_mut(side).transport else {
            return;
        };
        let mut bytes = transport.outgoing().to_vec();
        LinkTransport::sent(transport, bytes.len());
        if bytes.is_empty() {
            return;
        }
        let cut = seed(self.departures, 2);
        let at = usize::from(u16::from_le_bytes([cut[0], cut[1]])) % (2 * bytes.len());
        let rest = bytes.split_off(at.min(bytes.len()));
        for piece in [bytes, rest] {
            if !piece.is_empty() {
                self.send_over(side.other(), |side| Flight::Bytes(side, piece));
            }
        }
    }
}

/// The key that a realm has from its place among all.
fn key_of(realm: RealmIndex) -> StaticKey {
    StaticKey::from_seed([1 + realm as u8; 32])
}

/// Bytes that look random: others for each number and use.
pub(super) fn seed(number: u64, of: u8) -> [u8; 32] {
    let mut seed = [of; 32];
    let mut mixed = number ^ 0x9e37_79b9_7f4a_7c15;
    for bytes in seed.chunks_mut(8) {
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9) + u64::from(of);
        mixed ^= mixed >> 27;
        bytes.copy_from_slice(&mixed.to_le_bytes());
    }
    seed
}
