//! Classes of key events, as `notify-keyspace-events` names them by letters.

/// A set of classes, and the channels that they are published in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(u32);

/// Letters and their bits; `A` stands for all up to `t` and `d`.
const LETTERS: &[u8] = b"KEg$lshzxetdnm";
/// Which of them `A` is short for.
pub(super) const ALL: &[u8] = b"g$lshzxetd";
/// Those that it is not, in the order in which they are printed.
pub(super) const EXTRAS: &[u8] = b"KEmn";

impl EventClasses {
    pub const NONE: EventClasses = EventClasses(0);
    const KEYSPACE: EventClasses = EventClasses(1 << 0);
    const KEYEVENT: EventClasses = EventClasses(1 << 1);
    pub const GENERIC: EventClasses = EventClasses(1 << 2);
    pub const STRING: EventClasses = EventClasses(1 << 3);
    pub const LIST: EventClasses = EventClasses(1 << 4);
    pub const SET: EventClasses = EventClasses(1 << 5);
    pub const HASH: EventClasses = EventClasses(1 << 6);
    pub const ZSET: EventClasses = EventClasses(1 << 7);
    pub const EXPIRED: EventClasses = EventClasses(1 << 8);
    pub const EVICTED: EventClasses = EventClasses(1 << 9);
    pub const STREAM: EventClasses = EventClasses(1 << 10);
    pub const MODULE: EventClasses = EventClasses(1 << 11);
    /// A key that was not there before.
    pub const NEW: EventClasses = EventClasses(1 << 12);
    pub const KEY_MISS: EventClasses = EventClasses(1 << 13);

    /// What these letters name. Without a channel to be published in, classes are nothing.
    pub(super) fn named(letters: &[u8]) -> EventClasses {
        let bit = |letter: &u8| LETTERS.iter().position(|known| known == letter).map_or(0, |at| 1 << at);
        let named = letters.iter().map(|letter| match letter {
            b'A' => ALL.iter().map(bit).sum(),
            letter => bit(letter),
        });
        let classes = EventClasses(named.fold(0, |all, bits: u32| all | bits));
        if classes.in_keyspace() || classes.in_keyevent() { classes } else { EventClasses::NONE }
    }

    #[inline]
    pub fn has(self, class: EventClasses) -> bool {
        self.0 & class.0 != 0
    }

    /// Published in `__keyspace@<db>__:<key>`.
    pub fn in_keyspace(self) -> bool {
        self.has(EventClasses::KEYSPACE)
    }

    /// Published in `__keyevent@<db>__:<event>`.
    pub fn in_keyevent(self) -> bool {
        self.has(EventClasses::KEYEVENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_name_classes_once_there_is_a_channel() {
        assert_eq!(EventClasses::named(b"A"), EventClasses::NONE);
        let classes = EventClasses::named(b"KA");
        assert!(classes.in_keyspace() && !classes.in_keyevent());
        assert!(classes.has(EventClasses::STRING) && classes.has(EventClasses::MODULE));
        assert!(!classes.has(EventClasses::KEY_MISS) && !classes.has(EventClasses::NEW));
        let classes = EventClasses::named(b"Exm");
        assert!(classes.has(EventClasses::EXPIRED) && classes.has(EventClasses::KEY_MISS));
        assert!(!classes.has(EventClasses::GENERIC));
    }
}
