//! Lists that are mostly empty, and must be small then: thousands of modems have them.

use alloc::vec::Vec;

/// Places that an empty list keeps, so that one thing after the other costs no allocation.
const FEW: usize = 2;

/// Places beyond which a list gives memory back when it becomes empty.
const MANY: usize = 4;

/// Appends, with room for just a few where `Vec` would take more.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(FEW));
    }
    list.push(item);
}

/// Gives back what a burst took, once it is over.
pub(crate) fn rest<T>(list: &mut Vec<T>) {
    if list.is_empty() && list.capacity() > MANY {
        list.shrink_to(FEW);
    }
}
