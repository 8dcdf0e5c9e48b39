//! A table whose ids can be handed to anyone: instances, requests, timers, connections.
//!
//! An id must never come to mean something else than it was given for, however long it is kept.

/// Up to `capacity` values, each found by the id that [`Slots::insert`] gave it.
///
/// An id is never 0. Its low 32 bits are the slot's index plus one; its high 32 bits are the slot's generation, which
/// starts at 1, so that an id that lost its upper half resolves to nothing. A slot whose generations are used up is
/// retired. The table keeps the memory of its largest extent.
///
/// ```
/// let mut slots = nano_base::slots::Slots::new(1);
/// let id = slots.insert("a").unwrap();
/// assert_eq!(slots.insert("b"), Err("b"));
/// assert_eq!(slots.remove(id), Some("a"));
/// let other = slots.insert("c").unwrap();
/// assert_eq!(slots.get(id), None);
/// assert_eq!(slots.get(other), Some(&"c"));
/// ```
#[derive(Debug)]
pub struct Slots<T> {
    slots: Vec<Slot<T>>,
    /// The first of the chain of free slots.
    free: Option<u32>,
    len: usize,
    capacity: usize,
}

#[derive(Debug)]
struct Slot<T> {
    /// Of the value inside, or of the next one.
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Occupied(T),
    Free { next: Option<u32> },
}

impl<T> Slots<T> {
    /// A table for at most `capacity` values at a time. Memory grows with use.
    pub const fn new(capacity: usize) -> Self {
        Self { slots: Vec::new(), free: None, len: 0, capacity }
    }

    /// Stores a value and names it, or gives it back when the table is full.
    pub fn insert(&mut self, value: T) -> Result<u64, T> {
        if self.len >= self.capacity {
            return Err(value);
        }
        let index = match self.free {
            Some(index) => index,
            None => match self.extend() {
                Some(index) => index,
                None => return Err(value),
            },
        };
        let slot = &mut self.slots[index as usize];
        if let State::Free { next } = slot.state {
            self.free = next;
        }
        slot.state = State::Occupied(value);
        self.len += 1;
        Ok(id_of(index, slot.generation))
    }

    /// The value with this id, if it is still there.
    pub fn get(&self, id: u64) -> Option<&T> {
        let slot = self.slots.get(index_of(id)?)?;
        match &slot.state {
            State::Occupied(value) if slot.generation == generation_of(id) => Some(value),
            _ => None,
        }
    }

    /// The value with this id, to change.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let slot = self.slots.get_mut(index_of(id)?)?;
        match &mut slot.state {
            State::Occupied(value) if slot.generation == generation_of(id) => Some(value),
            _ => None,
        }
    }

    /// Takes the value with this id out; the id is stale from now on.
    pub fn remove(&mut self, id: u64) -> Option<T> {
        self.get(id)?;
        let index = index_of(id)?;
        let slot = &mut self.slots[index];
        let next = match slot.generation.checked_add(1) {
            Some(generation) => {
                slot.generation = generation;
                self.free.replace(index as u32)
            }
            // Retired: the next generation would be one that was given out already.
            None => None,
        };
        self.len -= 1;
        match std::mem::replace(&mut slot.state, State::Free { next }) {
            State::Occupied(value) => Some(value),
            State::Free { .. } => None,
        }
    }

    /// Every value with its id, by slot and not by age. Takes as long as the table ever was large.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| match &slot.state {
            State::Occupied(value) => Some((id_of(index as u32, slot.generation), value)),
            State::Free { .. } => None,
        })
    }

    /// How many values are in the table.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no value in the table.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a slot, unless every index that an id can carry is in use.
    fn extend(&mut self) -> Option<u32> {
        let index = u32::try_from(self.slots.len()).ok().filter(|&index| index != u32::MAX)?;
        self.slots.push(Slot { generation: 1, state: State::Free { next: None } });
        Some(index)
    }
}

const fn id_of(index: u32, generation: u32) -> u64 {
    (generation as u64) << 32 | (index as u64 + 1)
}

const fn generation_of(id: u64) -> u32 {
    (id >> 32) as u32
}

fn index_of(id: u64) -> Option<usize> {
    (id as u32).checked_sub(1).map(|index| index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_index_and_generation() {
        let mut slots = Slots::new(10);
        let first = slots.insert('a').unwrap();
        assert_eq!(first, 1 << 32 | 1);
        assert_eq!(slots.insert('b'), Ok(1 << 32 | 2));
        slots.remove(first);
        assert_eq!(slots.insert('c'), Ok(2 << 32 | 1));
    }

    #[test]
    fn a_stale_id_never_resolves() {
        let mut slots = Slots::new(1);
        let mut stale = Vec::new();
        for round in 0..100 {
            let id = slots.insert(round).unwrap();
            for &old in &stale {
                assert_eq!((slots.get(old).copied(), slots.remove(old)), (None, None));
                assert_eq!(slots.get_mut(old), None);
            }
            assert_eq!(slots.remove(id), Some(round));
            stale.push(id);
        }
    }

    #[test]
    fn made_up_ids_do_not_resolve() {
        let mut slots = Slots::new(4);
        let id = slots.insert(()).unwrap();
        for made_up in [0, 1, id as u32 as u64, id + 1, id + (1 << 32), 1 << 32, u64::MAX, u32::MAX.into()] {
            assert_eq!((slots.get(made_up).copied(), slots.remove(made_up)), (None, None), "{made_up:#x}");
        }
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn capacity_bounds_what_is_inside_and_not_what_was() {
        let mut slots = Slots::new(2);
        let a = slots.insert(1).unwrap();
        slots.insert(2).unwrap();
        assert_eq!(slots.insert(3), Err(3));
        slots.remove(a);
        assert!(slots.insert(4).is_ok());
        assert_eq!(slots.insert(5), Err(5));
        assert_eq!(Slots::new(0).insert(()), Err(()));
    }

    #[test]
    fn freed_slots_are_used_again_before_new_ones() {
        let mut slots = Slots::new(100);
        let ids: Vec<u64> = (0..10).map(|n| slots.insert(n).unwrap()).collect();
        for &id in &ids {
            slots.remove(id);
        }
        assert!(slots.is_empty());
        for n in 0..10 {
            slots.insert(n).unwrap();
        }
        assert_eq!(slots.slots.len(), 10);
    }

    #[test]
    fn a_slot_out_of_generations_is_retired() {
        let mut slots = Slots::new(1);
        let first = slots.insert('a').unwrap();
        slots.remove(first);
        slots.slots[0].generation = u32::MAX;
        let last = slots.insert('b').unwrap();
        assert_eq!(generation_of(last), u32::MAX);
        assert_eq!(slots.remove(last), Some('b'));
        let next = slots.insert('c').unwrap();
        assert_eq!(index_of(next), Some(1));
        assert_eq!((slots.get(first), slots.get(last), slots.get(next)), (None, None, Some(&'c')));
        assert_eq!(slots.remove(next), Some('c'));
        assert_eq!(slots.insert('d').map(index_of), Ok(Some(1)));
    }

    #[test]
    fn iteration_gives_live_values_with_ids_that_resolve() {
        let mut slots = Slots::new(10);
        let ids: Vec<u64> = (0..5).map(|n| slots.insert(n).unwrap()).collect();
        slots.remove(ids[1]);
        slots.remove(ids[3]);
        *slots.get_mut(ids[4]).unwrap() = 40;
        let seen: Vec<(u64, i32)> = slots.iter().map(|(id, &n)| (id, n)).collect();
        assert_eq!(seen, [(ids[0], 0), (ids[2], 2), (ids[4], 40)]);
        assert_eq!(slots.len(), seen.len());
    }
}
