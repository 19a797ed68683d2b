//! Other realms as a person sees them: what was sent there, and how they can be reached.

use super::date::utc;
use super::shown::{shown, shown_name};
use chatproto::ErrorCode;
use serde_json::value::RawValue;

/// A message to another realm, as `outbox` tells of it.
#[derive(Debug, serde::Deserialize)]
struct Post {
    to: String,
    msg: String,
    state: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(rename = "ts")]
    unix_ms: u64,
}

/// Another realm, as `checkrealm` tells of it.
#[derive(Debug, serde::Deserialize)]
struct Neighbour {
    realm: String,
    state: String,
    queue: u64,
    #[serde(default)]
    oldest_ms: Option<u64>,
    #[serde(default)]
    error: Option<String>,
}

/// What was sent, a message a line, oldest first; nothing if that is no such list.
pub(super) fn posts(raw: &RawValue) -> Option<String> {
    let posts: Vec<Post> = serde_json::from_str(raw.get()).ok()?;
    if posts.is_empty() {
        return Some("You have sent nothing to other realms.".to_owned());
    }
    Some(lines(posts.iter().map(Post::line)))
}

/// The other realms, one a line; nothing if that is no such list.
pub(super) fn realms(raw: &RawValue) -> Option<String> {
    let realms: Vec<Neighbour> = serde_json::from_str(raw.get()).ok()?;
    if realms.is_empty() {
        return Some("This realm is linked with no other.".to_owned());
    }
    Some(lines(realms.iter().map(Neighbour::line)))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

impl Post {
    fn line(&self) -> String {
        let state = match (self.state.as_str(), self.reason.as_deref()) {
            ("queued", _) => "on its way".to_owned(),
            ("delivered", _) => "delivered".to_owned(),
            ("failed", Some(reason)) => format!("failed: {}", sentence(reason)),
            ("unknown", _) => "may have arrived or not".to_owned(),
            (state, _) => shown_name(state),
        };
        format!(
            "[{}] {state} | to {}: {}",
            utc(self.unix_ms),
            shown_name(&self.to),
            shown(self.msg.trim())
        )
    }
}

impl Neighbour {
    fn line(&self) -> String {
        let name = shown_name(&self.realm);
        let state = match self.state.as_str() {
            "linked" => "linked".to_owned(),
            "classic" => "a classic neighbour".to_owned(),
            "paused" => "paused by an operator".to_owned(),
            state => format!("not linked ({})", shown_name(state)),
        };
        let waiting = match (self.queue, self.oldest_ms) {
            (0, _) => String::new(),
            (1, Some(ms)) => format!(", 1 message waits for {}", duration(ms)),
            (many, Some(ms)) => format!(", {many} messages wait, the oldest for {}", duration(ms)),
            (many, None) => format!(", {many} waiting"),
        };
        // Why it was down is of no interest any more once it is up.
        let error = self.error.as_deref().filter(|_| self.state != "linked");
        let error = error.map_or_else(String::new, |error| format!("; {}", shown_name(error)));
        format!("{name}: {state}{waiting}{error}")
    }
}

/// Why a message failed, in the words of an error's reply where they are known here.
fn sentence(reason: &str) -> String {
    let known = ErrorCode::ALL.iter().find(|code| code.code() == reason);
    known.map_or_else(|| shown_name(reason), |code| code.message().to_owned())
}

fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    match (seconds / 3_600, seconds / 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, _) => format!("{hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn why_a_message_failed_is_told_in_words() {
        let json = r#"[{"to": "x@realm2", "msg": "a", "state": "failed", "reason": "recipient_unknown", "ts": 0}]"#;

        assert_eq!(
            posts(raw(json)).unwrap(),
            "[1970-01-01 00:00 UTC] failed: User Tidak Ditemukan | to x@realm2: a"
        );
    }

    #[test]
    fn what_was_sent_is_a_line_each() {
        let json = r#"[
            {"to": "amsal@realm2", "msg": " apa kabar?\r\n", "state": "delivered", "ts": 951782400000},
            {"to": "x@realm2\u001b[m", "msg": "a\nb", "state": "failed", "reason": "unknown_user", "ts": 0},
            {"to": "a@b", "msg": "", "state": "queued", "ts": 0},
            {"to": "a@b", "msg": "c", "state": "unknown", "ts": 0},
            {"to": "a@b", "msg": "d", "state": "lost\u0007", "ts": 0}]"#;

        let shown = posts(raw(json)).unwrap();

        let expected = "\
[2000-02-29 00:00 UTC] delivered | to amsal@realm2: apa kabar?
[1970-01-01 00:00 UTC] failed: unknown_user | to x@realm2\\u{1b}[m: a
    b
[1970-01-01 00:00 UTC] on its way | to a@b: 
[1970-01-01 00:00 UTC] may have arrived or not | to a@b: c
[1970-01-01 00:00 UTC] lost\\u{7} | to a@b: d";
        assert_eq!(shown, expected);
        assert_eq!(
            posts(raw("[]")).unwrap(),
            "You have sent nothing to other realms."
        );
        assert_eq!(posts(raw("[1]")), None);
    }

    #[test]
    fn realms_are_a_line_each() {
        let json = r#"[
            {"realm": "realm2", "state": "linked", "queue": 0, "bytes": 0, "oldest_ms": null,
             "round_trip_ms": 3, "error": "the peer fell silent"},
            {"realm": "realm3", "state": "waiting", "queue": 1, "bytes": 9, "oldest_ms": 61000,
             "round_trip_ms": null, "error": "connection refused\u001b"},
            {"realm": "realm4", "state": "paused", "queue": 7, "bytes": 9, "oldest_ms": 7200000,
             "round_trip_ms": null, "error": null},
            {"realm": "lama", "state": "classic", "queue": 0, "bytes": 0, "oldest_ms": null,
             "round_trip_ms": null, "error": null}]"#;

        let shown = realms(raw(json)).unwrap();

        let expected = "\
realm2: linked
realm3: not linked (waiting), 1 message waits for 1 min; connection refused\\u{1b}
realm4: paused by an operator, 7 messages wait, the oldest for 2 h
lama: a classic neighbour";
        assert_eq!(shown, expected);
        assert_eq!(
            realms(raw("[]")).unwrap(),
            "This realm is linked with no other."
        );
        assert_eq!(realms(raw("{}")), None);
    }
}
