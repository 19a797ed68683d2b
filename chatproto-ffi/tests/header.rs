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

/// The declarations of functions that return an error's number: name and arguments.
fn fallible(header: &str) -> Vec<(String, Vec<String>)> {
    let code: Vec<_> = header
        .lines()
        .filter(|line| !line.starts_with("//"))
        .collect();
    let code = code.join(" ");
    let declarations = code.split("chatproto_error chatproto_").skip(1);
    declarations
        .map(|rest| {
            let (declaration, _) = rest.split_once(");").unwrap();
            let (name, arguments) = declaration.split_once('(').unwrap();
            let arguments = arguments
                .split(',')
                .map(|argument| argument.trim().to_owned());
            (format!("chatproto_{name}"), arguments.collect())
        })
        .collect()
}

/// The lines of a table of the C tests, without the calls.
fn rows(table: &str, arguments: usize) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/c")
        .join(table);
    let source = fs::read_to_string(path).unwrap();
    let rows = source.lines().filter_map(|line| line.strip_prefix("ROW("));
    rows.map(|row| {
        let words: Vec<_> = row.split(',').map(str::trim).take(arguments).collect();
        words.join(" ")
    })
    .collect()
}

#[test]
fn every_argument_that_is_a_pointer_is_tried_with_null() {
    let is_pointer = |argument: &String| {
        argument.contains('*')
            || argument.starts_with("chatproto_str ")
            || argument.starts_with("chatproto_bytes ")
    };
    let name = |argument: &String| argument.rsplit([' ', '*']).next().unwrap().to_owned();

    let mut expected = BTreeSet::new();
    for (function, arguments) in fallible(&generated()) {
        let pointers = arguments.iter().filter(|argument| is_pointer(argument));
        expected.extend(pointers.map(|argument| format!("{function} {}", name(argument))));
    }
    // What is behind a pointer has views too.
    for function in ["chatproto_config_add_peer", "chatproto_realm_set_peer"] {
        expected.extend(["name", "public_key"].map(|field| format!("{function} peer.{field}")));
    }

    assert!(expected.len() > 100);
    assert_eq!(rows("null_rows.h", 2), expected);
}

#[test]
fn every_function_of_a_realm_is_tried_after_its_end() {
    let ends = ["chatproto_realm_new", "chatproto_realm_close"];
    let functions = fallible(&generated()).into_iter().map(|(name, _)| name);

    let expected: BTreeSet<_> = functions
        .filter(|name| name.starts_with("chatproto_realm_") && !ends.contains(&name.as_str()))
        .collect();

    assert_eq!(rows("realm_rows.h", 1), expected);
}
