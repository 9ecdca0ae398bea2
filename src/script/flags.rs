//! The first line of a script or library, `#!lua name=... flags=...`, and the flags that say what code may do.

use super::ScriptError;
use crate::words::split_words;

/// What code says of itself. A set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptFlags(u8);

impl ScriptFlags {
    pub const NO_WRITES: ScriptFlags = ScriptFlags(1 << 0);
    pub const ALLOW_OOM: ScriptFlags = ScriptFlags(1 << 1);
    pub const ALLOW_STALE: ScriptFlags = ScriptFlags(1 << 2);
    pub const NO_CLUSTER: ScriptFlags = ScriptFlags(1 << 3);
    pub const ALLOW_CROSS_SLOT_KEYS: ScriptFlags = ScriptFlags(1 << 4);

    const NAMES: [(ScriptFlags, &'static str); 5] = [
        (ScriptFlags::NO_WRITES, "no-writes"),
        (ScriptFlags::ALLOW_OOM, "allow-oom"),
        (ScriptFlags::ALLOW_STALE, "allow-stale"),
        (ScriptFlags::NO_CLUSTER, "no-cluster"),
        (ScriptFlags::ALLOW_CROSS_SLOT_KEYS, "allow-cross-slot-keys"),
    ];

    pub fn named(name: &[u8]) -> Option<ScriptFlags> {
        ScriptFlags::NAMES.iter().find(|(_, known)| known.as_bytes() == name).map(|(flag, _)| *flag)
    }

    pub fn with(self, more: ScriptFlags) -> ScriptFlags {
        ScriptFlags(self.0 | more.0)
    }

    /// Whether any of `flags` is set.
    pub fn has(self, flags: ScriptFlags) -> bool {
        self.0 & flags.0 != 0
    }

    /// In Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        ScriptFlags::NAMES.iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| *name)
    }
}

/// The flags of a script's first line, and what is behind that line: the line's end stays, so that lines count as
/// they are written. `None` for a script without one, to which older rules apply.
pub fn shebang_of(text: &[u8]) -> Result<(Option<ScriptFlags>, &[u8]), ScriptError> {
    if !text.starts_with(b"#!") {
        return Ok((None, text));
    }
    let end = memchr::memchr(b'\n', text).ok_or_else(|| ScriptError::new("Invalid script shebang"))?;
    let (line, code) = text.split_at(end);
    let words = split_words(line).ok().filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| ScriptError::new("Invalid engine in script shebang"))?;
    if words[0] != b"#!lua" {
        return Err(ScriptError::new(format!("Unexpected engine in script shebang: {}", shown(&words[0]))));
    }
    let mut flags = ScriptFlags::default();
    for word in &words[1..] {
        let Some(names) = word.strip_prefix(b"flags=") else {
            return Err(ScriptError::new(format!("Unknown lua shebang option: {}", shown(word))));
        };
        for name in names.split(|byte| *byte == b',').filter(|_| !names.is_empty()) {
            let flag = ScriptFlags::named(name);
            flags = flags.with(
                flag.ok_or_else(|| ScriptError::new(format!("Unexpected flag in script shebang: {}", shown(name))))?,
            );
        }
    }
    Ok((Some(flags), code))
}

pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_says_what_code_may_do() {
        let flags = |text: &str| shebang_of(text.as_bytes()).map(|(flags, code)| (flags, shown(code)));
        assert_eq!(flags("return 1"), Ok((None, "return 1".into())));
        assert_eq!(flags("#!lua\nx"), Ok((Some(ScriptFlags::default()), "\nx".into())));
        let both = ScriptFlags::NO_WRITES.with(ScriptFlags::ALLOW_STALE);
        assert_eq!(flags("#!lua flags=no-writes,allow-stale\n"), Ok((Some(both), "\n".into())));
        for (text, error) in [
            ("#!lua", "Invalid script shebang"),
            ("#!bash\n", "Unexpected engine in script shebang: #!bash"),
            ("#!lua flags=bad\n", "Unexpected flag in script shebang: bad"),
            ("#!lua name=x\n", "Unknown lua shebang option: name=x"),
        ] {
            assert_eq!(flags(text), Err(ScriptError::new(error)), "{text}");
        }
    }
}
