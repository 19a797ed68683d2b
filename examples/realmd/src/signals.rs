//! What signals mean to the program: the first SIGTERM or Ctrl-C ends the realms, a second one the
//! program at once; SIGHUP has them read their files anew.

use crate::operate::Asker;
use crate::reload::{self, Prepared, ReloadError};
use crate::{Server, Settings, SettingsError};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, IsTerminal};
use tracing::{error, info, warn};

/// The exit code after a second signal, as shells give it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Listens to signals from now on. `read` reads the files of the servers, in their order.
pub(crate) fn listen(
    servers: &[Server],
    read: impl Fn() -> Result<Vec<Settings>, SettingsError> + Send + 'static,
) -> io::Result<()> {
    let stoppers: Vec<_> = servers.iter().map(Server::stopper).collect();
    let askers: Vec<_> = servers.iter().map(Server::asker).collect();
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let had_terminal = io::stdin().is_terminal();
    let listen = move || {
        let mut is_ending = false;
        for signal in signals.forever() {
            // A terminal that was closed says so with the same signal.
            let is_left = had_terminal && !io::stdin().is_terminal();
            if signal == SIGHUP && !is_left {
                if !is_ending {
                    reload(&askers, &read);
                }
            } else if is_ending {
                std::process::exit(INTERRUPTED);
            } else {
                is_ending = true;
                info!("ending; a second signal ends at once");
                for stop in &stoppers {
                    stop();
                }
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map(drop)
}

/// Reads all files before anything changes: a wrong one changes nothing.
fn reload(askers: &[Asker], read: &impl Fn() -> Result<Vec<Settings>, SettingsError>) {
    let prepared = || -> Result<Vec<Prepared>, ReloadError> {
        read()?.into_iter().map(reload::prepare).collect()
    };
    match prepared() {
        Ok(all) => {
            for (asker, prepared) in askers.iter().zip(all) {
                let realm = prepared.settings.config.realm.clone();
                // What came of it the loop has told.
                if let Err(error) = asker.reload(prepared) {
                    warn!("{realm}: its file was not taken, nothing has changed: {error}");
                }
            }
        }
        Err(wrong) => error!("the realm files were not taken, nothing has changed: {wrong}"),
    }
}
