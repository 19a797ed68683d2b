//! The document's blocks of sample traffic.

use std::path::PathBuf;

/// Checks that a block of the document is what was played.
pub(crate) fn check(scene: &str, lines: &[String]) {
    let played = lines.join("\n") + "\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/link/protocol/traffic.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let mark = format!("<!-- traffic: {scene} -->\n\n```text\n");
    let (before, rest) = document.split_once(&mark).expect(scene);
    let (shown, after) = rest.split_once("```\n").expect(scene);

    if shown != played && std::env::var("CHATPROTO_RENEW").is_ok() {
        let renewed = format!("{before}{mark}{played}```\n{after}");
        std::fs::write(&path, renewed).unwrap();
        return;
    }
    assert_eq!(
        shown, played,
        "the document shows the left, the realms say the right"
    );
}
