//! What no log may show.

use core::fmt;

/// A value that no log may show: `Debug` prints a placeholder, and there is no `Display`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Secret<T>(pub T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
