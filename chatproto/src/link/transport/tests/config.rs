//! Configurations in which somebody could pass for somebody else.

use super::*;

#[test]
fn each_key_and_each_name_stands_there_once() {
    let wrong = |peers: &[(&str, u8)]| sealed_config(1, peers).check().unwrap_err();

    let right = sealed_config(1, &[("realm2", 2), ("realm3", 3)]);
    assert_eq!(right.check(), Ok(()));
    assert_eq!(
        wrong(&[("realm2", 2), ("realm3", 3), ("realm4", 2)]),
        TransportConfigError::KeyTwice(realm("realm2"), realm("realm4"))
    );
    assert_eq!(
        wrong(&[("realm2", 1)]),
        TransportConfigError::OwnKey(realm("realm2"))
    );
    assert_eq!(
        wrong(&[("realm2", 2), ("realm2", 3)]),
        TransportConfigError::NameTwice(realm("realm2"))
    );
    assert_eq!(
        wrong(&[("realm1", 2)]),
        TransportConfigError::OwnName(realm("realm1"))
    );
}

#[test]
fn only_peers_in_noise_mode_need_a_key() {
    let mut config = sealed_config(1, &[("realm2", 2)]);
    config.key = None;
    let no_key = TransportConfigError::NoKey(realm("realm2"));
    assert_eq!(config.check(), Err(no_key));

    config.peers = vec![peer("realm2", Security::Plain)];
    assert_eq!(config.check(), Ok(()));
    config.peers.push(peer("realm2", Security::Plain));
    let twice = TransportConfigError::NameTwice(realm("realm2"));
    assert_eq!(config.check(), Err(twice));
}

#[test]
fn a_configuration_does_not_show_its_key() {
    let config = sealed_config(1, &[("realm2", 2)]);
    let shown = format!("{config:?}");

    assert!(shown.contains("Some(***)"), "{shown}");
    assert!(!shown.contains(&*key(1).reveal()));
}
