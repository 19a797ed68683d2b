//! Objects that C holds by a pointer: one thread at a time is let in, and none after a panic or the
//! object's end.

use crate::error;
use crate::fault::{Fault, INTERNAL};
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU8, Ordering};

/// Nobody is inside.
const IDLE: u8 = 0;
/// Somebody is inside.
const BUSY: u8 = 1;
/// It has come to its end.
const CLOSED: u8 = 2;
/// Somebody panicked inside.
const POISONED: u8 = 3;

/// What an object of C holds.
///
/// Whoever enters has it alone until they leave; who comes meanwhile is turned away and does not
/// wait, as two threads that share an object have made a mistake.
pub(crate) struct Handle<T> {
    state: AtomicU8,
    /// None once it is closed. Only whoever has set `state` to `BUSY` may look.
    inside: UnsafeCell<Option<T>>,
}

// SAFETY: `enter` lets one thread at a time reach what is inside, and that may be sent.
unsafe impl<T: Send> Sync for Handle<T> {}

impl<T> Handle<T> {
    pub(crate) fn new(inside: T) -> Self {
        Self {
            state: AtomicU8::new(IDLE),
            inside: UnsafeCell::new(Some(inside)),
        }
    }

    /// Does something with what is inside; a panic poisons it.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut T) -> Result<R, Fault>) -> Result<R, Fault> {
        let mut inside = self.enter()?;
        let done = act(&mut inside);
        inside.leave();
        done
    }

    /// Goes in. Whoever is dropped without having left has met a panic.
    pub(crate) fn enter(&self) -> Result<Inside<'_, T>, Fault> {
        self.enter_from(IDLE)
    }

    /// Goes in, also after a panic: for what can be relied on even then.
    pub(crate) fn enter_though_poisoned(&self) -> Result<Inside<'_, T>, Fault> {
        self.enter_from(POISONED).or_else(|_| self.enter())
    }

    fn enter_from(&self, state: u8) -> Result<Inside<'_, T>, Fault> {
        let entered =
            self.state
                .compare_exchange(state, BUSY, Ordering::Acquire, Ordering::Relaxed);
        entered.map_err(refusal)?;
        // SAFETY: this thread has made it busy, so no other reaches it until `Inside` is dropped.
        match unsafe { &mut *self.inside.get() } {
            Some(inside) => Ok(Inside {
                state: &self.state,
                left: POISONED,
                value: inside,
            }),
            None => Err(refusal(CLOSED)),
        }
    }

    /// Ends it and gives what was inside.
    pub(crate) fn close(&self) -> Result<Option<T>, Fault> {
        if !self.claim() {
            return Err(refusal(BUSY));
        }
        // SAFETY: this thread has made it busy, so no other reaches it until it is closed.
        let inside = unsafe { &mut *self.inside.get() }.take();
        self.state.store(CLOSED, Ordering::Release);
        Ok(inside)
    }

    /// Makes it busy, whatever it was, unless somebody is inside.
    fn claim(&self) -> bool {
        self.state.swap(BUSY, Ordering::Acquire) != BUSY
    }
}

/// Why nobody may enter.
fn refusal(state: u8) -> Fault {
    match state {
        BUSY => Fault::new(
            error::CHATPROTO_ERROR_BUSY,
            "another thread is inside this object: give each object to one thread at a time",
        ),
        CLOSED => Fault::new(
            error::CHATPROTO_ERROR_CLOSED,
            "this object is closed: all that is left to do is to free it",
        ),
        _ => Fault::new(error::CHATPROTO_ERROR_POISONED, INTERNAL),
    }
}

/// Somebody inside.
pub(crate) struct Inside<'a, T> {
    state: &'a AtomicU8,
    /// What becomes of the object with this.
    left: u8,
    value: &'a mut T,
}

impl<T> Inside<'_, T> {
    /// Goes out in order.
    pub(crate) fn leave(mut self) {
        self.left = IDLE;
    }

    /// Stays for ever: nobody else gets in before the object is freed.
    pub(crate) fn stay(self) {
        std::mem::forget(self);
    }
}

impl<T> Drop for Inside<'_, T> {
    fn drop(&mut self) {
        self.state.store(self.left, Ordering::Release);
    }
}

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> DerefMut for Inside<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
    }
}

/// A type that C knows by a pointer alone, and this library by what it holds.
pub(crate) trait Opaque: Sized {
    type Inside;

    fn wrap(inside: Handle<Self::Inside>) -> Self;
    fn handle(&self) -> &Handle<Self::Inside>;
}

/// Says what a type of C holds.
macro_rules! opaque {
    ($name:ident: $inside:ty) => {
        // C hands it from thread to thread, and no compiler looks on.
        const _: () = $crate::handle::is_send::<$inside>();

        impl $crate::handle::Opaque for $name {
            type Inside = $inside;

            fn wrap(inside: $crate::handle::Handle<$inside>) -> Self {
                Self(inside)
            }

            fn handle(&self) -> &$crate::handle::Handle<$inside> {
                &self.0
            }
        }
    };
}

/// Compiles for what may be handed from thread to thread.
pub(crate) const fn is_send<T: Send>() {}

/// Compiles for what any number of threads may use at a time, and free.
pub(crate) const fn is_shared<T: Send + Sync>() {}

/// Makes an object for C to hold.
pub(crate) fn give<O: Opaque>(inside: O::Inside) -> *mut O {
    Box::into_raw(Box::new(O::wrap(Handle::new(inside))))
}

/// Frees an object; nothing happens for NULL. While another thread is inside, a leak does less
/// harm.
///
/// # Safety
///
/// The pointer is NULL, or from [`give`] and not freed.
pub(crate) unsafe fn free<O: Opaque>(pointer: *mut O) {
    // SAFETY: the caller's.
    let is_free = unsafe { pointer.as_ref() }.is_some_and(|object| object.handle().claim());
    if is_free {
        // SAFETY: the caller's; and nobody is inside, nor will be.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// The object behind a pointer of C, or the fault that says which argument is NULL.
macro_rules! object {
    ($pointer:ident) => {{
        let pointer = $pointer.cast_const();
        // SAFETY: as the header says of every pointer to an object, it is NULL or from the function
        // that makes such objects, and not freed. No `&mut` to it is ever made.
        unsafe { pointer.as_ref() }.ok_or_else(|| $crate::fault::Fault::null(stringify!($pointer)))
    }};
}
pub(crate) use object;

/// The same for a pointer to what is only ever read.
macro_rules! shared {
    ($pointer:ident) => {{
        let pointer = $pointer;
        // SAFETY: as the header says of every pointer to an object or a struct, it is NULL or leads to
        // one, that is not freed or changed meanwhile.
        unsafe { pointer.as_ref() }.ok_or_else(|| $crate::fault::Fault::null(stringify!($pointer)))
    }};
}
pub(crate) use shared;

/// Where C wants something to be put. What it leads to is not read: C need not have put anything
/// there.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Takes a pointer that is not NULL.
    ///
    /// # Safety
    ///
    /// One `T` can be written there until this is dropped.
    pub(crate) unsafe fn new(pointer: *mut T, argument: &'static str) -> Result<Self, Fault> {
        if pointer.is_null() {
            return Err(Fault::null(argument));
        }
        Ok(Self(pointer))
    }

    pub(crate) fn put(&self, value: T) {
        // SAFETY: by the contract of `new`.
        unsafe { self.0.write(value) };
    }
}

/// The place behind an output pointer of C, or the fault that says which argument is NULL.
macro_rules! out {
    ($pointer:ident) => {{
        let pointer = $pointer;
        // SAFETY: as the header says of every output, it is NULL or leads to room for it.
        unsafe { $crate::handle::Out::new(pointer, stringify!($pointer)) }
    }};
}
pub(crate) use {opaque, out};

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn number<R>(done: Result<R, Fault>) -> i32 {
        done.err().map_or(0, |fault| fault.number())
    }

    #[test]
    fn one_is_let_in_at_a_time() {
        let handle = Handle::new(7);
        let first = handle.enter().unwrap();

        assert_eq!(number(handle.enter()), 1004);
        assert_eq!(number(handle.close()), 1004);
        first.leave();

        assert_eq!(number(handle.enter().map(Inside::leave)), 0);
    }

    #[test]
    fn a_panic_poisons_what_is_inside() {
        let handle = Handle::new(7);
        let panics =
            || handle.with(|_| -> Result<(), Fault> { panic!("met on purpose by a test") });
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());

        assert_eq!(number(handle.enter()), 1006);
        assert_eq!(number(handle.enter()), 1006);
        assert_eq!(handle.close().unwrap(), Some(7));
        assert_eq!(number(handle.enter()), 1005);
    }

    #[test]
    fn what_is_closed_lets_nobody_in() {
        let handle = Handle::new(7);

        assert_eq!(handle.close().unwrap(), Some(7));
        assert_eq!(handle.close().unwrap(), None);

        assert_eq!(number(handle.enter()), 1005);
    }
}
