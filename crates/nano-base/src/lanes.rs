//! What waits for a shard: a queue in which no app can push another one back.
//!
//! It must never grow without bound, and an app with a thousand items waiting must not delay one with a single item by
//! more than a turn.

use std::collections::VecDeque;
use std::hash::Hash;

use crate::numbers::Numbered;

/// A bounded queue with a first-in-first-out lane for each key, served one item per lane in turn.
///
/// A lane that becomes empty is freed and loses its turn; the next item starts a new lane at the end.
///
/// ```
/// let mut lanes = nano_base::lanes::Lanes::new(100, 10);
/// for (app, item) in [('a', 1), ('a', 2), ('b', 3)] {
///     lanes.push(app, item).unwrap();
/// }
/// assert_eq!([lanes.pop(), lanes.pop(), lanes.pop()], [Some(('a', 1)), Some(('b', 3)), Some(('a', 2))]);
/// ```
#[derive(Debug)]
pub struct Lanes<K, T> {
    lanes: Numbered<K, VecDeque<T>>,
    /// Lanes that were freed, for those to come: with short queues each item would take memory of its own.
    spare: Vec<VecDeque<T>>,
    /// The keys of `lanes`, each once, the next to be served first.
    turns: VecDeque<K>,
    len: usize,
    total_max: usize,
    lane_max: usize,
}

/// Freed lanes that are kept, and the items that each has room for at most.
const SPARE_LANES_MAX: usize = 32;
const SPARE_ITEMS_MAX: usize = 32;

/// Which bound refused an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The lane of this key: its app must wait for its own items.
    Lane,
    /// All lanes together: everybody must wait.
    Total,
}

impl<K: Copy + Eq + Hash, T> Lanes<K, T> {
    /// An empty queue for at most `total_max` items, at most `lane_max` of them with the same key.
    pub fn new(total_max: usize, lane_max: usize) -> Self {
        Self { lanes: Numbered::default(), spare: Vec::new(), turns: VecDeque::new(), len: 0, total_max, lane_max }
    }

    /// Appends an item to the lane of its key, or gives it back with the bound that it would break.
    pub fn push(&mut self, key: K, item: T) -> Result<(), (T, Full)> {
        if self.lane_len(key) >= self.lane_max {
            return Err((item, Full::Lane));
        }
        if self.len >= self.total_max {
            return Err((item, Full::Total));
        }
        let lane = self.lanes.entry(key).or_insert_with(|| {
            self.turns.push_back(key);
            self.spare.pop().unwrap_or_default()
        });
        lane.push_back(item);
        self.len += 1;
        Ok(())
    }

    /// Takes the first item of the lane whose turn it is.
    pub fn pop(&mut self) -> Option<(K, T)> {
        let key = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&key)?;
        let item = lane.pop_front()?;
        if lane.is_empty() {
            self.free(key);
        } else {
            self.turns.push_back(key);
        }
        self.len -= 1;
        Some((key, item))
    }

    /// Frees a lane that is empty.
    fn free(&mut self, key: K) {
        let lane = self.lanes.remove(&key);
        self.spare.extend(lane.filter(|lane| lane.capacity() <= SPARE_ITEMS_MAX && self.spare.len() < SPARE_LANES_MAX));
    }

    /// Takes the first item of the first lane in turn whose key is `allowed`; lanes that are not keep their turn.
    pub fn pop_where(&mut self, allowed: impl Fn(K) -> bool) -> Option<(K, T)> {
        let at = self.turns.iter().position(|key| allowed(*key))?;
        let key = self.turns.remove(at)?;
        self.turns.push_front(key);
        self.pop()
    }

    /// Whether something waits in a lane whose key is `allowed`.
    pub fn any(&self, allowed: impl Fn(K) -> bool) -> bool {
        self.turns.iter().any(|key| allowed(*key))
    }

    /// Takes the next item of one lane, out of turn: for whoever has just been served that lane and can do more at once.
    pub fn pop_from(&mut self, key: K) -> Option<(K, T)> {
        let lane = self.lanes.get_mut(&key)?;
        let item = lane.pop_front()?;
        if lane.is_empty() {
            self.free(key);
            // A lane that has just been served is at the back, so this rarely looks further.
            if let Some(at) = self.turns.iter().rposition(|turn| *turn == key) {
                self.turns.remove(at);
            }
        }
        self.len -= 1;
        Some((key, item))
    }

    /// Takes everything that waits in one lane, in order. Takes time in proportion to the lanes: meant for unloading.
    pub fn drain_lane(&mut self, key: K) -> Vec<T> {
        let Some(lane) = self.lanes.remove(&key) else { return Vec::new() };
        self.turns.retain(|turn| *turn != key);
        self.len -= lane.len();
        lane.into()
    }

    /// Takes everything that waits in the lanes that are `wanted`, by key and first item, in the order in which it would have been
    /// served: the rescue of what is queued behind a stuck app. Pushed elsewhere in this order, it is served in this order.
    pub fn drain_where(&mut self, wanted: impl Fn(K, &T) -> bool) -> Vec<(K, T)> {
        let is_wanted = |key: &K| self.lanes.get(key).and_then(VecDeque::front).is_some_and(|first| wanted(*key, first));
        let (drained, kept): (VecDeque<K>, VecDeque<K>) = self.turns.iter().partition(|key| is_wanted(key));
        self.turns = drained;
        let mut rescued = Vec::new();
        while let Some(entry) = self.pop() {
            rescued.push(entry);
        }
        self.turns = kept;
        rescued
    }

    /// How many items wait.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no item waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many items wait in one lane.
    pub fn lane_len(&self, key: K) -> usize {
        self.lanes.get(&key).map_or(0, VecDeque::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(entries: &[(char, i32)]) -> Lanes<char, i32> {
        let mut lanes = Lanes::new(1_000, 1_000);
        for &(key, item) in entries {
            lanes.push(key, item).unwrap();
        }
        lanes
    }

    fn popped(lanes: &mut Lanes<char, i32>) -> Vec<(char, i32)> {
        std::iter::from_fn(|| lanes.pop()).collect()
    }

    fn assert_nothing_is_kept(lanes: &Lanes<char, i32>) {
        assert_eq!((lanes.len(), lanes.lanes.len(), lanes.turns.len()), (0, 0, 0));
    }

    #[test]
    fn lanes_take_turns_and_each_is_first_in_first_out() {
        let mut lanes = filled(&[('a', 1), ('a', 2), ('a', 3), ('b', 4), ('c', 5), ('b', 6)]);
        assert_eq!(popped(&mut lanes), [('a', 1), ('b', 4), ('c', 5), ('a', 2), ('b', 6), ('a', 3)]);
        assert_nothing_is_kept(&lanes);
    }

    #[test]
    fn a_flood_delays_another_app_by_one_item() {
        let mut lanes = filled(&[]);
        for item in 0..500 {
            lanes.push('a', item).unwrap();
        }
        assert_eq!(lanes.pop(), Some(('a', 0)));
        lanes.push('b', -1).unwrap();
        assert_eq!(lanes.pop(), Some(('a', 1)));
        assert_eq!(lanes.pop(), Some(('b', -1)));
    }

    #[test]
    fn an_app_that_keeps_its_lane_filled_gets_every_other_turn() {
        let mut lanes = filled(&[('a', 0), ('b', 0), ('b', 0)]);
        let mut served = String::new();
        for _ in 0..6 {
            let (key, _) = lanes.pop().unwrap();
            served.push(key);
            lanes.push(key, 0).unwrap();
        }
        assert_eq!(served, "ababab");
    }

    #[test]
    fn the_bound_that_refuses_is_named_and_the_item_comes_back() {
        let mut lanes = Lanes::new(3, 2);
        lanes.push('a', 1).unwrap();
        lanes.push('a', 2).unwrap();
        assert_eq!(lanes.push('a', 3), Err((3, Full::Lane)));
        lanes.push('b', 4).unwrap();
        assert_eq!(lanes.push('b', 5), Err((5, Full::Total)));
        assert_eq!(lanes.push('c', 6), Err((6, Full::Total)));
        assert_eq!(lanes.push('a', 7), Err((7, Full::Lane)));
        assert_eq!((lanes.len(), lanes.lane_len('a'), lanes.lane_len('c')), (3, 2, 0));
        lanes.pop();
        lanes.push('c', 8).unwrap();
        assert_eq!(lanes.len(), 3);
    }

    #[test]
    fn a_refused_push_leaves_no_lane_behind() {
        let mut lanes = Lanes::new(0, 1);
        assert_eq!(lanes.push('a', 1), Err((1, Full::Total)));
        assert_nothing_is_kept(&lanes);
    }

    #[test]
    fn an_item_taken_out_of_turn_costs_the_other_lanes_nothing() {
        let mut lanes = filled(&[('a', 1), ('b', 2), ('a', 3), ('b', 4), ('c', 5)]);
        assert_eq!(lanes.pop_from('x'), None);
        assert_eq!(lanes.pop_from('b'), Some(('b', 2)));
        assert_eq!((lanes.len(), lanes.lane_len('b')), (4, 1));
        assert_eq!(lanes.pop_from('b'), Some(('b', 4)));
        assert_eq!(lanes.pop_from('b'), None);
        lanes.push('b', 6).unwrap();
        assert_eq!(popped(&mut lanes), [('a', 1), ('c', 5), ('b', 6), ('a', 3)]);
        assert_nothing_is_kept(&lanes);
    }

    #[test]
    fn a_lane_that_may_not_be_served_keeps_its_turn() {
        let mut lanes = filled(&[('a', 1), ('b', 2), ('c', 3), ('b', 4)]);
        assert_eq!(lanes.pop_where(|key| key != 'a'), Some(('b', 2)));
        assert_eq!(lanes.pop_where(|_| false), None);
        assert_eq!(popped(&mut lanes), [('a', 1), ('c', 3), ('b', 4)]);
        assert_nothing_is_kept(&lanes);
    }

    #[test]
    fn draining_a_lane_leaves_the_others_in_turn() {
        let mut lanes = filled(&[('a', 1), ('b', 2), ('c', 3), ('b', 4)]);
        assert_eq!(lanes.drain_lane('b'), [2, 4]);
        assert_eq!(lanes.drain_lane('b'), Vec::<i32>::new());
        assert_eq!((lanes.len(), lanes.lane_len('b')), (2, 0));
        lanes.push('b', 5).unwrap();
        assert_eq!(popped(&mut lanes), [('a', 1), ('c', 3), ('b', 5)]);
        assert_nothing_is_kept(&lanes);
    }

    #[test]
    fn the_rescue_takes_all_but_the_stuck_lane_in_the_order_of_service() {
        let entries = [('a', 1), ('x', 2), ('b', 3), ('b', 4), ('x', 5), ('a', 6)];
        let mut lanes = filled(&entries);
        let rescued = lanes.drain_where(|key, _| key != 'x');
        assert_eq!(rescued, [('a', 1), ('b', 3), ('a', 6), ('b', 4)]);
        assert_eq!((lanes.len(), lanes.lane_len('x')), (2, 2));
        assert_eq!(popped(&mut lanes), [('x', 2), ('x', 5)]);
        assert_nothing_is_kept(&lanes);
        assert_eq!(popped(&mut filled(&rescued)), rescued);
    }

    #[test]
    fn the_rescue_works_when_the_stuck_app_has_nothing_waiting() {
        let mut lanes = filled(&[('a', 1), ('b', 2)]);
        assert_eq!(lanes.drain_where(|key, _| key != 'x'), [('a', 1), ('b', 2)]);
        assert_nothing_is_kept(&lanes);
    }

    #[test]
    fn lanes_that_the_rescue_leaves_keep_their_turns() {
        let mut lanes = filled(&[('a', 1), ('b', 2), ('c', 3), ('a', 4), ('c', 5)]);
        assert_eq!(lanes.drain_where(|_, first| *first == 2), [('b', 2)]);
        assert_eq!((lanes.len(), lanes.lane_len('b')), (4, 0));
        assert_eq!(popped(&mut lanes), [('a', 1), ('c', 3), ('a', 4), ('c', 5)]);
        assert_nothing_is_kept(&lanes);
    }
}
