//! Scripts that are always there.

/// A script by its name, what its host does, and its text. `$every` is given to each.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInScript {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// All of them.
pub const SCRIPTS: &[BuiltInScript] = &[
    BuiltInScript { name: "telemetry", text: include_str!("builtin/telemetry.chat") },
    BuiltInScript { name: "commands", text: include_str!("builtin/commands.chat") },
    BuiltInScript { name: "storm", text: include_str!("builtin/storm.chat") },
];

/// What `$every` is unless somebody says otherwise.
pub const EVERY: &str = "10s";

impl BuiltInScript {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static BuiltInScript> {
        SCRIPTS.iter().find(|script| script.name == name)
    }

    /// What its host does: the comment that it begins with.
    pub fn summary(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches("# ")
    }
}
