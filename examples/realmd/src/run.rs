//! Running the realms of some files until a signal comes.

use crate::cli::{WRONG_INPUT, complain, say};
use crate::settings::{PeerSecurity, PeerSettings};
use crate::{Server, Settings, SettingsError, check_together};
use crate::{keys, log, signals};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use tracing::warn;

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

/// Runs the realms of the files. Messages for realms that are no peers any more may bounce.
pub(crate) fn run(files: &[OsString], is_bouncing: bool) -> ExitCode {
    let all = match load(files) {
        Ok(all) => all,
        Err(error) => return wrong(&error),
    };
    let _log = match log::start() {
        Ok(flush) => flush,
        Err(error) => return failed(&format!("no thread for the log: {error}")),
    };
    raise_file_limit();
    // Before any of them looks for that of another.
    for settings in &all {
        if let Err(error) = keys::of(settings) {
            return failed(&error.to_string());
        }
    }
    let mut servers = Vec::new();
    for mut settings in all {
        settings.bounce_removed = is_bouncing;
        match Server::start(settings) {
            Ok(server) => servers.push(server),
            Err(error) => {
                // Those that run already are ended before the last word.
                servers.clear();
                return failed(&error.to_string());
            }
        }
    }
    let again = files.to_vec();
    if let Err(error) = signals::listen(&servers, move || load(&again)) {
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
    all.iter().try_for_each(Settings::check_keys)?;
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
    let peers: Vec<String> = settings
        .peers
        .iter()
        .map(|(name, peer)| format!("{name} ({})", met(peer)))
        .collect();
    let peers = if peers.is_empty() {
        "no realm, so without a link port".to_owned()
    } else {
        peers.join(", ")
    };
    let listening = settings.link.as_ref().filter(|_| settings.is_linked());
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

/// Who calls whom, and how the link is protected.
fn met(peer: &PeerSettings) -> String {
    let called = match peer.address {
        Some(address) => format!("called at {address}"),
        None => "calls us".to_owned(),
    };
    match &peer.security {
        PeerSecurity::Noise(_) => called,
        PeerSecurity::NoiseFile(file) => match keys::read_public(file) {
            Ok(Some(_)) => called,
            _ => format!("{called}, its key {} is not there yet", file.display()),
        },
        PeerSecurity::Plain => format!("{called}, PLAIN"),
    }
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
