//! The checked-in header and the crate say the same, and no export is without its guard.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files of this crate that every library has.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name() != Some("test_hooks.rs".as_ref()) {
                files.push(path);
            }
        }
    }
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

/// The functions that the header declares.
fn declared(header: &str) -> BTreeSet<String> {
    let code = header.lines().filter(|line| !line.starts_with("//"));
    let calls = code.filter_map(|line| line.split_once('('));
    let names = calls.filter_map(|(before, _)| before.rsplit([' ', '*']).next());
    names
        .filter(|name| name.starts_with("chatproto_"))
        .map(ToOwned::to_owned)
        .collect()
}

/// The functions that the sources export, each of them guarded.
fn guarded() -> BTreeSet<String> {
    let mut exports = BTreeSet::new();
    for file in sources() {
        let source = fs::read_to_string(&file).unwrap();
        assert!(
            !source.contains("export_name"),
            "{}: exports go by their own names",
            file.display()
        );
        let attributes = source.matches("no_mangle").count();
        let mut found = 0;
        for export in source.split("#[unsafe(no_mangle)]").skip(1) {
            let (signature, body) = export.split_once("{\n").unwrap();
            let name = signature
                .split("fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next())
                .unwrap();
            // A guard is all there is, but for what it falls back on.
            let (body, _) = body.split_once("\n}\n").unwrap();
            let guard = body.find("guard!(").or_else(|| body.find("fallible!("));
            let before = body.get(..guard.unwrap()).unwrap();
            assert!(
                !before.contains('(') && body.trim_end().trim_end_matches(';').ends_with("})"),
                "{name} is not guarded"
            );
            assert!(exports.insert(name.to_owned()), "{name} is there twice");
            found += 1;
        }
        assert_eq!(attributes, found, "{}", file.display());
    }
    exports
}

#[test]
fn the_functions_of_the_header_are_those_that_are_guarded() {
    let (declared, guarded) = (declared(&generated()), guarded());

    assert!(guarded.len() > 60, "only {} were found", guarded.len());
    assert_eq!(declared, guarded);
}
