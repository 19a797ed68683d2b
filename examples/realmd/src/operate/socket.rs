//! The control socket: where it is, and who may use it.

use rustix::process::{Uid, geteuid};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Connections that may wait to be taken.
const BACKLOG: i32 = 16;

/// The socket of the realm whose store that is.
pub(super) fn beside(store: &Path) -> PathBuf {
    store.with_extension("sock")
}

/// Makes the socket, for its owner alone. Whoever calls this holds the lock of the store, so that a
/// socket which is there was left by a process that was killed.
pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::other("something else is there: remove it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let address = SockAddr::unix(path).map_err(|_| too_long(path))?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&address)?;
    // Before this nobody can connect, whatever the folder allows.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG)?;
    Ok(OwnedFd::from(socket).into())
}

/// Why a path cannot be that of a socket.
pub(super) fn too_long(path: &Path) -> io::Error {
    io::Error::other(format!(
        "the path of a socket has at most 107 bytes, and this one has {}: name a folder with a \
         shorter path in [store]",
        path.as_os_str().len()
    ))
}

/// Whether whoever is at the other end may use the socket: its owner, and the superuser, who can
/// read the data anyway.
pub(super) fn admits(stream: impl AsFd) -> bool {
    peer(stream).is_some_and(|peer| may_operate(peer, geteuid()))
}

fn may_operate(peer: Uid, own: Uid) -> bool {
    peer == own || peer == Uid::ROOT
}

#[cfg(target_os = "linux")]
fn peer(stream: impl AsFd) -> Option<Uid> {
    let credentials = rustix::net::sockopt::socket_peercred(stream).ok()?;
    Some(credentials.uid)
}

/// Elsewhere the socket's mode alone keeps others out.
#[cfg(not(target_os = "linux"))]
fn peer(_: impl AsFd) -> Option<Uid> {
    Some(geteuid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn nobody_but_the_owner_and_the_superuser_may_operate() {
        let (root, own, other) = (Uid::ROOT, Uid::from_raw(1000), Uid::from_raw(1001));

        assert!(may_operate(own, own));
        assert!(may_operate(root, own));
        assert!(!may_operate(other, own));
        assert!(!may_operate(own, root));
    }

    #[test]
    fn the_system_says_who_is_there() {
        let (here, _there) = UnixStream::pair().unwrap();

        assert_eq!(peer(&here), Some(geteuid()));
        assert!(admits(&here));
    }

    #[test]
    fn a_socket_is_for_its_owner_and_takes_the_place_of_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = beside(&folder.path().join("a.b.db"));
        assert_eq!(path, folder.path().join("a.b.sock"));

        drop(listen(&path).unwrap());
        let _listener = listen(&path).unwrap();

        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn what_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realm1.sock");
        fs::write(&path, "precious").unwrap();

        assert!(listen(&path).is_err());

        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_long_path_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let used = folder.path().as_os_str().len() + 1;
        let at = |bytes: usize| folder.path().join("n".repeat(bytes - used));

        listen(&at(107)).unwrap();
        let error = listen(&at(109)).unwrap_err().to_string();

        assert!(
            error.contains("at most 107 bytes, and this one has 109"),
            "{error}"
        );
    }
}
