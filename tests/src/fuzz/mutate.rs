//! Makes new inputs of known ones: a fuzzer without feedback, for every day.

/// Pseudo-random numbers from a seed: splitmix64.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Numbers that the seed determines.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`; 0 where `n` is.
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % (n.max(1) as u64)) as usize
    }
}

/// What is worth inserting: the words of both protocols, and bytes at the edges.
const WORDS: [&[u8]; 41] = [
    b"auth messi surabaya \r\n",
    b"send \x01 henderson hi \r\n",
    b"send \x02 amsal@realm2 hi \r\n",
    b"inbox \x01 \r\n",
    b"activeuser \x02 \r\n",
    b"logout \r\n",
    b"group \x01 bukber origin \r\n",
    b"hello\r\n",
    b"quit\r\n",
    b"exit",
    b"exit\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b" ",
    b"  ",
    b"send",
    b"\xc3",
    b"\xf0\x9f\x98\x80",
    b"\xff\xff",
    b"\x00",
    b"realm-link/1 plain realm1 realm2\n",
    b"realm-link/1 noise realm2 realm1\n\x00\x60",
    b"{\"t\":\"hello\",\"realm\":\"realm1\",\"peer\":\"realm2\",\"versions\":[1,1],\"capabilities\":[],\"limits\":{\"line_bytes\":65536},\"software\":\"x\"}\n",
    b"{\"t\":\"ping\",\"n\":1}\n",
    b"{\"t\":\"bye\",\"code\":\"a\",\"text\":\"b\"}\n",
    b"{\"t\":\"ask\",\"id\":1,\"question\":\"user\",\"name\":\"messi\"}\n",
    b"\"opt\":true,",
    b"\"t\":",
    b"\\u0000",
    b"\\ud83d\\ude00",
    b"9007199254740993",
    b"-1",
    b"1e9",
    b"[[[[[[[[[",
    b"{",
    b"}",
    b"]",
    b",",
    b"@",
];

/// Inputs are kept below this.
const INPUT_BYTES_MAX: usize = 4_096;

/// Makes an input of two known ones.
#[must_use]
pub fn mutate(dice: &mut Dice, known: &[u8], other: &[u8]) -> Vec<u8> {
    let mut input = known.to_vec();
    for _ in 0..=dice.below(6) {
        let at = dice.below(input.len() + 1);
        let end = (at + dice.below(24)).min(input.len());
        match dice.below(8) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = dice.roll() as u8;
                }
            }
            2 => drop(input.drain(at..end)),
            3 => {
                let again = input[at..end].to_vec();
                drop(input.splice(at..at, again));
            }
            4 | 5 => {
                let word = WORDS[dice.below(WORDS.len())];
                drop(input.splice(at..at, word.iter().copied()));
            }
            6 => {
                let from = dice.below(other.len() + 1);
                let to = (from + dice.below(128)).min(other.len());
                drop(input.splice(at..at, other[from..to].iter().copied()));
            }
            _ => {
                let some: Vec<u8> = (0..dice.below(16)).map(|_| dice.roll() as u8).collect();
                drop(input.splice(at..at, some));
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}
