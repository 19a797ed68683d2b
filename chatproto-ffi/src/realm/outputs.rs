//! What a realm asks for, and what came of it.

use super::chatproto_realm;
use crate::clock::chatproto_now;
use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::guard::fallible;
use crate::handle::{object, out};
use crate::output::chatproto_output;
use crate::view::{bytes, chatproto_bytes};
use crate::work::chatproto_work;
use chatproto::{ClassicAnswer, RequestId};

/// Takes the next output: what the realm asks for or tells, in its order. One of the kind
/// `CHATPROTO_OUTPUT_NONE` means that there is none.
///
/// Work to commit is offered once there is nothing else, and one at a time, so that whatever
/// happens during one commit goes into the next.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_next_output(
    realm: *mut chatproto_realm,
    output: *mut chatproto_output,
) -> chatproto_error {
    fallible!({
        let (realm, output) = (object!(realm)?, out!(output)?);
        output.put(chatproto_output::NONE);
        realm.0.with(|open| {
            output.put(open.next_output());
            Ok(())
        })
    })
}

/// Hands in work that was run; then there may be outputs. Work that was not run counts as failed.
///
/// With `CHATPROTO_OK` the work is taken over and freed; after an error it is still the program's.
/// Errors: `INVALID_ARGUMENT` if another realm has asked for it; `BUSY` if it is being run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_complete(
    realm: *mut chatproto_realm,
    work: *mut chatproto_work,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let realm = object!(realm)?;
        // What a panic has left of it is that it has failed.
        let mut inside = object!(work)?.0.enter_though_poisoned()?;
        let told = realm.0.with(|open| {
            if !inside.is_of(&open.shared) {
                return Err(Fault::invalid("another realm has asked for this work"));
            }
            open.complete(inside.answer(), now.engine());
            Ok(())
        });
        if told.is_err() {
            inside.leave();
            return told;
        }
        inside.stay();
        // SAFETY: as the header says, it is from an output and neither freed nor taken over; nobody is
        // inside, nor will be.
        drop(unsafe { Box::from_raw(work) });
        Ok(())
    })
}

/// What came of a call to a classic neighbour: one of the numbers `CHATPROTO_CALL_...`.
pub type chatproto_call_result = i32;
/// `data` is what was read: up to CR LF CR LF, or to the end if that came before.
pub const CHATPROTO_CALL_ANSWERED: chatproto_call_result = 1;
/// There was no connection, or it took not a single byte.
pub const CHATPROTO_CALL_NOT_REACHED: chatproto_call_result = 2;
/// Bytes were written, and then there was nothing to read, too much of it, or no time left.
pub const CHATPROTO_CALL_NO_ANSWER: chatproto_call_result = 3;

/// Takes what came of an output of the kind `CHATPROTO_OUTPUT_CALL`. What comes too late is passed
/// over.
///
/// Errors: `INVALID_ARGUMENT` for an unknown result, `UNKNOWN_REQUEST` for a request that was never
/// made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_called(
    realm: *mut chatproto_realm,
    request: u64,
    result: chatproto_call_result,
    data: chatproto_bytes,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let (realm, data) = (object!(realm)?, bytes!(data)?);
        let answer = match result {
            CHATPROTO_CALL_ANSWERED => ClassicAnswer::Answered(data.to_vec()),
            CHATPROTO_CALL_NOT_REACHED => ClassicAnswer::NotReached,
            CHATPROTO_CALL_NO_ANSWER => ClassicAnswer::NoAnswer,
            _ => return Err(Fault::invalid("no result of a call has that number")),
        };
        realm.0.with(|open| {
            let request = RequestId(request);
            Ok(open.realm.called(request, answer, now.engine())?)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        chatproto_config_add_user, chatproto_config_free, chatproto_config_new,
        chatproto_config_set_password_cost,
    };
    use crate::event::CHATPROTO_EVENT_PASSWORD_FAILED;
    use crate::output::{CHATPROTO_OUTPUT_EVENT, CHATPROTO_OUTPUT_WORK};
    use crate::realm::{chatproto_realm_free, chatproto_realm_new};
    use crate::view::chatproto_str;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::ptr;

    /// A realm that has a password to hash.
    fn realm() -> *mut chatproto_realm {
        let text = chatproto_str::of;
        let (mut config, mut realm) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: each pointer is what the function before it gave.
        unsafe {
            chatproto_config_new(text("realm1"), &raw mut config);
            let (name, password) = (text("messi"), text("surabaya"));
            chatproto_config_add_user(config, name, password, text(""), text(""));
            chatproto_config_set_password_cost(config, 8, 1, 1);
            assert_eq!(chatproto_realm_new(config, &raw mut realm), 0);
            chatproto_config_free(config);
        }
        realm
    }

    fn next(realm: *mut chatproto_realm) -> chatproto_output {
        let mut output = chatproto_output::NONE;
        // SAFETY: the realm is one, and there is room for an output.
        let error = unsafe { chatproto_realm_next_output(realm, &raw mut output) };
        assert_eq!(error, 0);
        output
    }

    #[test]
    fn work_that_met_a_bug_has_failed_and_can_be_completed() {
        let realm = realm();
        let work = next(realm);
        assert_eq!(work.kind, CHATPROTO_OUTPUT_WORK);
        // SAFETY: the work is as the output gave it.
        let object = unsafe { &*work.work };
        let panics = || {
            let _ = object
                .0
                .with(|_| -> Result<(), Fault> { panic!("met on purpose by a test") });
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());

        let now = chatproto_now {
            mono_ms: 0,
            unix_ms: 0,
        };
        // SAFETY: both are what they are said to be.
        let (run, completed) = unsafe {
            (
                crate::work::chatproto_work_run(work.work),
                chatproto_realm_complete(realm, work.work, now),
            )
        };

        assert_eq!((run, completed), (1006, 0));
        let told = next(realm);
        assert_eq!(told.kind, CHATPROTO_OUTPUT_EVENT);
        assert_eq!(told.number, CHATPROTO_EVENT_PASSWORD_FAILED);
        // SAFETY: it is from `realm` and used no more.
        unsafe { chatproto_realm_free(realm) };
    }
}
