//! The state as records that rebuild it.

use super::State;
use chatproto::{Record, UserId};

impl State {
    /// Gives each record, none before what it speaks of. Inboxes are told of in short.
    pub(in super::super) fn load(&self, each: &mut dyn FnMut(Record)) {
        self.neighbours.names().for_each(&mut *each);
        self.accounts.values().cloned().for_each(&mut *each);
        for (owner, inbox) in &self.inboxes {
            inbox.senders.values().cloned().for_each(&mut *each);
            let waiting = &inbox.messages[inbox.taken as usize..];
            each(Record::Inbox {
                owner: *owner,
                taken: inbox.taken,
                last: inbox.messages.len() as u64,
                bytes: waiting
                    .iter()
                    .map(|message| message.text.len() as u64)
                    .sum(),
            });
        }
        self.load_sessions(each);
        for user in self.keys.keys() {
            self.keys_of(*user).for_each(&mut *each);
        }
        self.neighbours.streams().into_iter().for_each(&mut *each);
        let posts = self.posts.values().flat_map(|posts| posts.values());
        posts.cloned().for_each(each);
    }

    fn load_sessions(&self, each: &mut dyn FnMut(Record)) {
        for (session, (opened, unix_ms)) in &self.sessions {
            let (session, unix_ms) = (*session, *unix_ms);
            each(opened.clone());
            each(Record::SessionUsed { session, unix_ms });
        }
        // Its number must not be given again.
        let session = self.sessions_last;
        if session > 0 && !self.sessions.contains_key(&session) {
            each(Record::SessionEnded { session });
        }
    }

    fn keys_of(&self, user: UserId) -> impl Iterator<Item = Record> + '_ {
        self.keys
            .get(&user)
            .into_iter()
            .flat_map(|keys| keys.values().cloned())
    }
}
