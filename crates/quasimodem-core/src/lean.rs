//! Lists that are mostly empty, and must be small then: thousands of modems have them.

use alloc::vec::Vec;

/// Places that an empty list keeps, so that one thing after the other costs no allocation.
const FEW: usize = 2;

/// Places beyond which a list gives memory back when few of them are taken.
const MANY: usize = 4;

/// Appends, with room for just a few where `Vec` would take more.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(FEW));
    }
    list.push(item);
}

/// Gives back what a burst took, once most of it is over: what is left may stay for long.
pub(crate) fn rest<T>(list: &mut Vec<T>) {
    if list.capacity() > MANY && list.len() <= list.capacity() / 4 {
        let few = list.len() <= FEW;
        list.shrink_to(if few { FEW } else { list.len().max(MANY + 1) });
    }
}
