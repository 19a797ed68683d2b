//! The checked-in header and the crate say the same, and no export is without its guard.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use std::fs;
use std::path::{Path, PathBuf};

/// The files of this crate.
fn sources() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The header that the sources make.
fn generated() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    // The modules that this one names are found from there.
    let builder = cbindgen::Builder::new()
        .with_config(config)
        .with_src(folder.join("src/lib.rs"));
    let mut header = Vec::new();
    builder.generate().unwrap().write(&mut header);
    String::from_utf8(header).unwrap()
}

#[test]
fn the_header_is_that_of_the_sources() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/chatproto.h");
    let header = generated();

    if std::env::var_os("CHATPROTO_BLESS").is_some() {
        fs::write(&path, &header).unwrap();
    }

    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == header,
        "include/chatproto.h is not what the sources make; write it anew with\n    \
         CHATPROTO_BLESS=1 cargo test -p chatproto-ffi --test header\n\n{header}"
    );
}

#[test]
fn every_export_is_guarded_and_once_in_the_header() {
    let header = generated();
    let mut exports = 0;

    for file in sources() {
        let source = fs::read_to_string(&file).unwrap();
        assert!(
            !source.contains("export_name"),
            "{}: exports go by their own names",
            file.display()
        );
        for export in source.split("#[unsafe(no_mangle)]").skip(1) {
            let (signature, body) = export.split_once("{\n").unwrap();
            let name = signature
                .split("fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next())
                .unwrap();

            assert!(
                body.trim_start().starts_with("guard!("),
                "{name} is not guarded"
            );
            let declared = header.matches(&format!("{name}(")).count();
            assert_eq!(declared, 1, "{name} in the header");
            exports += 1;
        }
    }

    assert!(exports >= 4, "only {exports} exports found");
}
