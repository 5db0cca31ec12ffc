//! Topic names and topic filters (MQTT 4.7).

use super::violation::Violation;

/// The longest string that MQTT can carry, in bytes (MQTT 1.5.3).
pub(super) const MAX_STRING: usize = 65_535;

/// Whether a message can be published to this topic: 1 to 65535 bytes, no wildcards and no U+0000.
pub fn is_name(name: &str) -> bool {
    check_common(name).is_ok() && !has_wildcard(name)
}

/// Whether this can be subscribed to: 1 to 65535 bytes, no U+0000, `+` only as a whole level, and `#` only as the
/// whole last level.
pub fn is_filter(filter: &str) -> bool {
    check_common(filter).is_ok() && check_wildcards(filter).is_ok()
}

/// Whether a message that is published to `name` goes to the subscribers of `filter`.
///
/// A wildcard at the start of a filter does not match names that start with `$` [MQTT-4.7.2-1]. Both MUST be well
/// formed ([`is_filter`], [`is_name`]), otherwise the answer means nothing.
pub fn matches(filter: &str, name: &str) -> bool {
    if name.starts_with('$') && filter.starts_with(['#', '+']) {
        return false;
    }
    let mut levels = name.split('/');
    for wanted in filter.split('/') {
        // Asked before a level is taken, since "a/#" matches "a" too (MQTT 4.7.1.2).
        if wanted == "#" {
            return true;
        }
        match levels.next() {
            Some(level) if wanted == "+" || wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

pub(super) fn has_wildcard(name: &str) -> bool {
    name.contains(['#', '+'])
}

/// What holds for names and filters alike (MQTT 4.7.3).
pub(super) fn check_common(topic: &str) -> Result<(), Violation> {
    if topic.is_empty() {
        Err(Violation { rule: "MQTT-4.7.3-1", what: "a topic name or topic filter is empty" })
    } else if topic.contains('\0') {
        Err(Violation { rule: "MQTT-4.7.3-2", what: "a topic name or topic filter holds U+0000" })
    } else if topic.len() > MAX_STRING {
        Err(Violation { rule: "MQTT-4.7.3-3", what: "a topic name or topic filter is longer than 65535 bytes" })
    } else {
        Ok(())
    }
}

/// The places of wildcards in a filter (MQTT 4.7.1).
pub(super) fn check_wildcards(filter: &str) -> Result<(), Violation> {
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let last = levels.peek().is_none();
        if level.contains('#') && !(level == "#" && last) {
            return Err(Violation { rule: "MQTT-4.7.1-2", what: "# is not the whole last level of a topic filter" });
        }
        if level.contains('+') && level != "+" {
            return Err(Violation { rule: "MQTT-4.7.1-3", what: "+ is not a whole level of a topic filter" });
        }
    }
    Ok(())
}
