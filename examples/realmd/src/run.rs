//! Running the realms of some files until a signal comes.

use crate::cli::{WRONG_INPUT, complain, say};
use crate::links::linked;
use crate::log;
use crate::{Server, Settings, SettingsError, check_together};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use tracing::{info, warn};

/// The exit code after a second signal, as shells give it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Says what the files would run.
pub(crate) fn check(files: &[OsString]) -> ExitCode {
    match load(files) {
        Ok(all) => {
            let lines = all
                .iter()
                .zip(files)
                .map(|(settings, file)| described(settings, file));
            say(&lines.collect::<String>())
        }
        Err(error) => wrong(&error),
    }
}

/// Runs the realms of the files.
pub(crate) fn run(files: &[OsString]) -> ExitCode {
    let all = match load(files) {
        Ok(all) => all,
        Err(error) => return wrong(&error),
    };
    let _log = match log::start() {
        Ok(flush) => flush,
        Err(error) => return failed(&format!("no thread for the log: {error}")),
    };
    raise_file_limit();
    let mut servers = Vec::new();
    for settings in all {
        match Server::start(settings) {
            Ok(server) => servers.push(server),
            Err(error) => {
                // Those that run already are ended before the last word.
                servers.clear();
                return failed(&error.to_string());
            }
        }
    }
    if let Err(error) = stop_on_signals(&servers) {
        return failed(&format!("signals cannot be listened to: {error}"));
    }
    for server in &servers {
        say(&ready(server));
    }
    match wait(servers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => failed(&sentence),
    }
}

/// Waits until all realms have ended. One that fails ends the others too: whoever looks after the
/// program sees that it is gone, and not that a part of it is.
fn wait(servers: Vec<Server>) -> Result<(), String> {
    let stoppers: Vec<_> = servers.iter().map(Server::stopper).collect();
    let (told, ended) = channel();
    for server in servers {
        let (name, told) = (server.name().clone(), told.clone());
        let wait = move || {
            // The other end waits for all of them.
            let _ = told.send((name, server.wait()));
        };
        let started = std::thread::Builder::new().spawn(wait);
        started.map_err(|error| format!("no thread to wait for a realm: {error}"))?;
    }
    drop(told);
    let mut outcome = Ok(());
    for (name, result) in ended {
        if let Err(error) = result {
            for stop in &stoppers {
                stop();
            }
            outcome = outcome.and_then(|()| Err(format!("{name} has stopped: {error}")));
        }
    }
    outcome
}

fn load(files: &[OsString]) -> Result<Vec<Settings>, SettingsError> {
    let all = files
        .iter()
        .map(Settings::from_file)
        .collect::<Result<Vec<_>, _>>()?;
    check_together(&all)?;
    Ok(all)
}

fn wrong(error: &SettingsError) -> ExitCode {
    complain(&error.to_string());
    ExitCode::from(WRONG_INPUT)
}

fn failed(sentence: &str) -> ExitCode {
    complain(sentence);
    ExitCode::FAILURE
}

fn ready(server: &Server) -> String {
    let link = server
        .link_address()
        .map_or_else(String::new, |address| format!(" (link {address})"));
    let heard = server.classic_addresses().iter();
    let heard: Vec<String> = heard
        .map(|(peer, address)| format!(", classic neighbour {peer} is heard at {address}"))
        .collect();
    let heard = heard.concat();
    let data = server.store_file().map_or_else(
        || "KEEPS NOTHING: without [store] all is gone when it ends".to_owned(),
        |file| format!("its data in {}", file.display()),
    );
    format!(
        "{} is ready at {}{link}, {data}{heard}\n",
        server.name(),
        server.client_address()
    )
}

fn described(settings: &Settings, file: &OsString) -> String {
    let users: Vec<&str> = settings
        .config
        .users
        .iter()
        .map(|user| user.name.as_str())
        .collect();
    let users = if users.is_empty() {
        "nobody".to_owned()
    } else {
        users.join(", ")
    };
    let peers: Vec<String> = linked(&settings.config)
        .map(|peer| match settings.peers.get(peer) {
            Some(address) => format!("{peer} (called at {address})"),
            None => format!("{peer} (calls us)"),
        })
        .collect();
    let peers = if peers.is_empty() {
        "no realm, so without a link port".to_owned()
    } else {
        peers.join(", ")
    };
    let listening = settings
        .link
        .as_ref()
        .filter(|_| linked(&settings.config).next().is_some());
    let link = listening.map_or_else(String::new, |link| format!(", links at {}", link.address));
    let classic: Vec<String> = settings
        .classic
        .iter()
        .map(|(name, neighbour)| {
            let called = neighbour.address.map(|it| format!("called at {it}"));
            let listen = neighbour.listen.as_ref();
            let heard = listen.map(|it| format!("heard at {}", it.address));
            let both: Vec<String> = called.into_iter().chain(heard).collect();
            format!("; classic neighbour {name} ({})", both.join(", "))
        })
        .collect();
    let classic = classic.concat();
    let data = settings.store.as_ref().map_or_else(
        || "kept nowhere".to_owned(),
        |store| format!("in {}", store.file(&settings.config.realm).display()),
    );
    format!(
        "{}: {} with clients at {}{link}; users: {users}; linked with: {peers}{classic}; data: {data}\n",
        file.display(),
        settings.config.realm,
        settings.client.address,
    )
}

/// Ends the realms on the first signal, and the program on the second.
fn stop_on_signals(servers: &[Server]) -> io::Result<()> {
    let stoppers: Vec<_> = servers.iter().map(Server::stopper).collect();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let listen = move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            info!("ending; a second signal ends at once");
            for stop in &stoppers {
                stop();
            }
        }
        if signals.next().is_some() {
            std::process::exit(INTERRUPTED);
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map(drop)
}

/// Lets the process have as many sockets as the system allows it.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!("only {:?} files may be open: {error}", limit.current);
    }
}
