//! How much memory a process takes, looked at again and again.

use crate::common::running::Running;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it is looked at.
const TURN: Duration = Duration::from_millis(20);

/// Watches a process until it is dropped.
pub(crate) struct Memory {
    peak: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Memory {
    pub(crate) fn watch(running: &Running) -> Self {
        let (peak, is_over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (highest, enough) = (Arc::clone(&peak), Arc::clone(&is_over));
        let process = running.child.id();
        let thread = std::thread::spawn(move || {
            while !enough.load(Ordering::SeqCst) {
                highest.fetch_max(resident_bytes(process).unwrap_or(0), Ordering::SeqCst);
                std::thread::sleep(TURN);
            }
        });
        Self {
            peak,
            is_over,
            thread: Some(thread),
        }
    }

    /// The most there was so far, in bytes.
    pub(crate) fn peak(&self) -> usize {
        let peak = self.peak.load(Ordering::SeqCst);
        assert!(peak > 0, "the memory could not be looked at");
        peak
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// None once the process is gone.
fn resident_bytes(process: u32) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
