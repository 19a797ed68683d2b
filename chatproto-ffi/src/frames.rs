//! What goes over a link, opaque to C.

use crate::error::chatproto_error;
use crate::guard::{fallible, guard};
use crate::handle::{is_shared, out, shared};
use chatproto::Frame;

/// What one realm tells another over a link. They are made by a realm and handed to a transport, or
/// made by a transport and handed to a realm, as they are.
///
/// Ownership: from `chatproto_realm_link_take` or `chatproto_transport_next`, freed by
/// `chatproto_frames_free`; whoever they are handed to does not take them over. Threads: they never
/// change, so any number may use them at a time.
pub struct chatproto_frames {
    pub(crate) frames: Vec<Frame>,
}

const _: () = is_shared::<chatproto_frames>();

impl chatproto_frames {
    pub(crate) fn give(frames: Vec<Frame>) -> *mut Self {
        Box::into_raw(Box::new(Self { frames }))
    }
}

/// Shows how many frames there are: at least one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_frames_count(
    frames: *const chatproto_frames,
    count: *mut usize,
) -> chatproto_error {
    fallible!({
        let (frames, count) = (shared!(frames)?, out!(count)?);
        count.put(frames.frames.len());
        Ok(())
    })
}

/// Frees frames. Does nothing for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_frames_free(frames: *mut chatproto_frames) {
    guard!((), {
        if !frames.is_null() {
            // SAFETY: as the header says, they are from `chatproto_frames::give` and not freed.
            drop(unsafe { Box::from_raw(frames) });
        }
    });
}
