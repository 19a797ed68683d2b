//! What is a key, in which form, and who sees it.

use super::*;

/// The pair that a seed of 32 bytes 1 gives, as another implementation computed it.
const SECRET: &str = "wxsB4tAT9SjPvE7P6exXII/Ye21jrwhOAGsdE6gPUNE=";
const PUBLIC: &str = "Vu4mE+GInS0q29oJoYAC50bhMUInXUWG9k4RzeChcy4=";

#[test]
fn a_seed_determines_the_key() {
    let key = StaticKey::from_seed([1; 32]);

    assert_eq!(*key.reveal(), SECRET);
    assert_eq!(key.public().to_string(), PUBLIC);
    assert_ne!(StaticKey::from_seed([2; 32]).public(), key.public());
}

#[test]
fn keys_are_read_as_they_are_written() {
    let key: StaticKey = SECRET.parse().unwrap();
    let public: PublicKey = PUBLIC.parse().unwrap();

    assert_eq!(key.public(), public);
    assert_eq!(*key.reveal(), SECRET);
}

#[test]
fn what_is_not_base64_of_32_bytes_is_no_key() {
    let length = |found| Some(KeyError::Length { found });
    let not_base64 = Some(KeyError::NotBase64);
    let cases = [
        (String::new(), length(0)),
        (PUBLIC.replace('=', ""), length(43)),
        (format!("{PUBLIC}\n"), length(45)),
        (format!(" {PUBLIC}"), length(45)),
        (PUBLIC.replace('+', "-"), not_base64),
        (PUBLIC.replace('G', "!"), not_base64),
        (PUBLIC.replace('G', "\n"), not_base64),
        // 31 bytes, 33 bytes, and bits set that no byte has.
        (PUBLIC.replace("4=", "=="), not_base64),
        (PUBLIC.replace('=', "A"), not_base64),
        (PUBLIC.replace("4=", "5="), not_base64),
    ];

    for (text, expected) in cases {
        assert_eq!(PublicKey::parse(&text).err(), expected, "{text}");
        assert_eq!(StaticKey::parse(&text).err(), expected, "{text}");
    }
}

#[test]
fn keys_of_low_order_are_refused() {
    let one = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let of_order_8 = [
        "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=",
        "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=",
    ];
    let minus_one = "7P///////////////////////////////////////38=";

    for text in of_order_8.into_iter().chain([zero, one, minus_one]) {
        assert_eq!(PublicKey::parse(text), Err(KeyError::LowOrder), "{text}");
    }
}

#[test]
fn a_public_key_has_one_form() {
    let with_top_bit = "Vu4mE+GInS0q29oJoYAC50bhMUInXUWG9k4RzeChc64=";
    let prime = "7f///////////////////////////////////////38=";
    let prime_and_9 = "9v///////////////////////////////////////38=";
    let all_ones = "//////////////////////////////////////////8=";

    for text in [with_top_bit, prime, prime_and_9, all_ones] {
        assert_eq!(PublicKey::parse(text), Err(KeyError::NotReduced), "{text}");
    }
    // The greatest one there is, before minus one.
    let greatest = "6////////////////////////////////////////38=";
    assert!(PublicKey::parse(greatest).is_ok());
}

#[test]
fn nothing_shows_a_secret_key() {
    let key = StaticKey::from_seed([1; 32]);

    assert_eq!(format!("{key:?} {:?}", Some(key.clone())), "*** Some(***)");
    assert_eq!(format!("{:?}", key.public()), PUBLIC);
}
