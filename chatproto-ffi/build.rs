//! Gives the shared library the name by which programs ask for it: until version 1 each minor version
//! is an interface of its own, so `libchatproto.so.0.1`, as cargo-c would have it.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let version = |part: &str| env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_default();
    let interface = match version("MAJOR").as_str() {
        "0" => format!("0.{}", version("MINOR")),
        major => major.to_owned(),
    };
    let is_unix = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix");
    if env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|vendor| vendor == "apple") {
        let name = format!("libchatproto.{interface}.dylib");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/{name}");
        stand_beside("libchatproto.dylib", &name);
    } else if is_unix {
        let name = format!("libchatproto.so.{interface}");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{name}");
        stand_beside("libchatproto.so", &name);
    }
}

/// Makes the name lead to the library where cargo puts that, so that programs run with the library as
/// it was built. Where it cannot be made they need the installed one; nothing else is lost.
fn stand_beside(library: &str, name: &str) {
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    // OUT_DIR is target/release/build/chatproto-ffi-…/out.
    if let Some(folder) = out.ancestors().nth(3) {
        let _ = link(Path::new(library), &folder.join(name));
    }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    let _ = std::fs::remove_file(at);
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(_to: &Path, _at: &Path) -> std::io::Result<()> {
    Ok(())
}
