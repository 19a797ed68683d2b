//! Things with small numbers: found at once, and a number used again is told from its last owner.

/// The number of a slot and of its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    pub(crate) fn index(self) -> usize {
        self.index as usize
    }

    pub(crate) fn as_u64(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(crate) fn from_u64(value: u64) -> Self {
        Self {
            index: value as u32,
            generation: (value >> 32) as u32,
        }
    }
}

#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// A table whose entries keep their number for life.
#[derive(Clone, Debug)]
pub(crate) struct Slots<T> {
    table: Vec<Slot<T>>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Slots<T> {
    pub(crate) fn new() -> Self {
        Self {
            table: Vec::new(),
            free: Vec::new(),
            len: 0,
        }
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.len += 1;
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.table.get_mut(index as usize)
        {
            slot.value = Some(value);
            return Key {
                index,
                generation: slot.generation,
            };
        }
        let index = self.table.len() as u32;
        self.table.push(Slot {
            generation: 0,
            value: Some(value),
        });
        Key {
            index,
            generation: 0,
        }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self
            .table
            .get_mut(key.index())
            .filter(|slot| slot.generation == key.generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        self.len -= 1;
        Some(value)
    }

    /// The same without giving back what was there, which may be big.
    pub(crate) fn forget(&mut self, key: Key) {
        let slot = self.table.get_mut(key.index());
        if let Some(slot) = slot.filter(|it| it.generation == key.generation && it.value.is_some())
        {
            slot.value = None;
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(key.index);
            self.len -= 1;
        }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let slot = self.table.get(key.index())?;
        slot.value
            .as_ref()
            .filter(|_| slot.generation == key.generation)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.table.get_mut(key.index())?;
        let generation = slot.generation;
        slot.value.as_mut().filter(|_| generation == key.generation)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.table.iter().enumerate().filter_map(|(index, slot)| {
            let key = Key {
                index: index as u32,
                generation: slot.generation,
            };
            slot.value.as_ref().map(|value| (key, value))
        })
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.iter().map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_slot_has_another_key() {
        let mut slots = Slots::new();
        let first = slots.insert('a');
        slots.remove(first);
        let second = slots.insert('b');

        assert_eq!(first.index(), second.index());
        assert_eq!((slots.get(first), slots.get(second)), (None, Some(&'b')));
        assert_eq!(slots.remove(first), None);
        assert_eq!(Key::from_u64(second.as_u64()), second);
        assert_eq!((slots.len(), slots.keys()), (1, vec![second]));
        slots.forget(first);
        assert_eq!(slots.len(), 1);
        slots.forget(second);
        let third = slots.insert('c');
        assert_eq!((slots.get(second), slots.get(third)), (None, Some(&'c')));
        assert_eq!((slots.len(), third.index()), (1, first.index()));
    }
}
