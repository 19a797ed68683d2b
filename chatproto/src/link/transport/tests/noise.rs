//! Two realms that know each other's keys.

use super::*;

#[test]
fn two_realms_meet_and_say_nothing_in_the_clear() {
    let (mut one, mut two) = (one(), two());
    assert_eq!((events(&mut one), events(&mut two)), (vec![], vec![]));

    // A line of 33 bytes, and a message of 96 behind its length.
    let line = b"realm-link/1 noise realm1 realm2\n";
    let first = pass(&mut one, &mut two);
    assert_eq!((first.len(), &first[..33]), (131, &line[..]));
    assert_eq!(first[33..35], [0, 96]);
    assert_eq!(events(&mut two), []);
    assert_eq!(one.send(&greeting(5_000)), Err(TransportError::NotUp));
    assert_eq!(two.send(&greeting(5_000)), Err(TransportError::NotUp));

    let second = pass(&mut two, &mut one);
    assert_eq!((second.len(), &second[..2]), (50, &[0, 48][..]));
    assert_eq!(events(&mut one), [up("realm2", Direction::Dialled)]);
    assert_eq!((one.poll_timeout(), events(&mut two)), (None, vec![]));

    let third = pass(&mut one, &mut two);
    assert_eq!((third.len(), &third[..2]), (18, &[0, 16][..]));
    assert_eq!(events(&mut two), [up("realm1", Direction::Accepted)]);
    assert_eq!(two.poll_timeout(), None);

    one.send(&greeting(5_000)).unwrap();
    let sealed = pass(&mut one, &mut two);
    assert_eq!(events(&mut two), [hello(5_000)]);
    assert!(sealed.windows(5).all(|bytes| bytes != b"hello"));
}
