//! `check-rdb FILE`: whether a server would load the file, and if not, where and why.

use std::io::{Read, Write};
use std::path::Path;

use crate::persistence::rdb::{Fault, Footer, Item, RdbError, Reader, kind_name};

use super::progress::Watched;
use super::{Call, Stop, now_ms, reason};

pub(super) fn run(call: &Call, out: &mut dyn Write) -> Result<(), Stop> {
    let name = match call.arguments.as_slice() {
        [flag] if flag == "-v" || flag == "--version" => {
            return Ok(writeln!(out, "redis-check-rdb {}", crate::config::REDIS_VERSION)?);
        }
        [name] => Path::new(name),
        _ => return Err(Stop::Because(format!("Usage: {} <rdb-file-name>", call.program))),
    };
    let file = Watched::open(name)
        .map_err(|error| Stop::Because(format!("Cannot open file {}: {}", name.display(), reason(&error))))?;
    check(file, &name.display().to_string(), out).map(drop)
}

/// What was read.
#[derive(Default)]
struct Counts {
    keys: u64,
    expires: u64,
    expired: u64,
}

impl Counts {
    fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "[info] {} keys read", self.keys)?;
        writeln!(out, "[info] {} expires", self.expires)?;
        writeln!(out, "[info] {} already expired", self.expired)
    }
}

/// Reads all of the payload and tells about it; answers how many bytes it has.
pub(super) fn check(source: impl Read, name: &str, out: &mut dyn Write) -> Result<u64, Stop> {
    writeln!(out, "[offset 0] Checking RDB file {name}")?;
    let mut counts = Counts::default();
    match read(source, &mut counts, out)? {
        Ok(length) => {
            counts.print(out)?;
            Ok(length)
        }
        Err(error) => {
            tell(&error, out)?;
            counts.print(out)?;
            Err(Stop::Told)
        }
    }
}

fn read(source: impl Read, counts: &mut Counts, out: &mut dyn Write) -> std::io::Result<Result<u64, RdbError>> {
    let mut reader = match Reader::new(source, true) {
        Ok(reader) => reader,
        Err(error) => return Ok(Err(error)),
    };
    let now_ms = now_ms();
    loop {
        let line = match reader.next() {
            Err(error) => return Ok(Err(error)),
            Ok(None) => break,
            Ok(Some(item)) => line_of(&item, counts, now_ms),
        };
        if let Some(line) = line {
            writeln!(out, "[offset {}] {line}", reader.offset())?;
        }
    }
    let end = reader.offset();
    match reader.footer() {
        Footer::Absent => {}
        Footer::Disabled => {
            writeln!(out, "[offset {end}] RDB file was saved with checksum disabled: no check performed.")?;
        }
        Footer::Right => writeln!(out, "[offset {end}] Checksum OK")?,
    }
    writeln!(out, "[offset {end}] \\o/ RDB looks OK! \\o/")?;
    Ok(Ok(end))
}

/// What is told of a part; entries are counted.
fn line_of(item: &Item<'_>, counts: &mut Counts, now_ms: i64) -> Option<String> {
    match item {
        Item::Entry(entry) => {
            counts.keys += 1;
            counts.expires += u64::from(entry.expire_at_ms.is_some());
            counts.expired += u64::from(entry.expire_at_ms.is_some_and(|at| at < now_ms));
            None
        }
        Item::Aux { key, value } => Some(format!("AUX FIELD {} = '{}'", key.escape_ascii(), value.escape_ascii())),
        Item::SelectDb(db) => Some(format!("Selecting DB ID {db}")),
        Item::ModuleAux(module) => Some(format!("MODULE AUX for: {module}")),
        _ => None,
    }
}

fn tell(error: &RdbError, out: &mut dyn Write) -> std::io::Result<()> {
    let what = match &error.fault {
        Fault::Signature => "Wrong signature trying to load DB from file".to_owned(),
        Fault::Version(version) => format!("Can't handle RDB format version {version}"),
        Fault::Checksum { .. } => "RDB CRC error".to_owned(),
        Fault::Truncated => "Unexpected EOF reading RDB file".to_owned(),
        Fault::UnknownType(code) => format!("Invalid object type: {code}"),
        fault => fault.to_string(),
    };
    let doing = match (&error.fault, &error.key) {
        (Fault::Signature | Fault::Version(_), _) => "start",
        (Fault::Checksum { .. }, _) => "check-sum",
        (_, Some(_)) => "read-object-value",
        (_, None) => "read-type",
    };
    writeln!(out, "--- RDB ERROR DETECTED ---")?;
    writeln!(out, "[offset {}] {what}", error.offset)?;
    writeln!(out, "[additional info] While doing: {doing}")?;
    if let Some((kind, key)) = error.key.as_deref() {
        writeln!(out, "[additional info] Reading key '{}'", key.escape_ascii())?;
        writeln!(out, "[additional info] Reading type {kind} ({})", kind_name(*kind))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"REDIS0004\xfe\x02\x00\x01k\x01v\xff";

    fn checked(bytes: &[u8]) -> (bool, String) {
        let mut out = Vec::new();
        let is_right = check(bytes, "dump.rdb", &mut out).is_ok();
        (is_right, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn a_right_file_is_told_part_by_part() {
        let (is_right, text) = checked(EMPTY);
        assert!(is_right);
        assert_eq!(
            text,
            "[offset 0] Checking RDB file dump.rdb\n[offset 11] Selecting DB ID 2\n[offset 17] \\o/ RDB looks OK! \
             \\o/\n[info] 1 keys read\n[info] 0 expires\n[info] 0 already expired\n"
        );
    }

    #[test]
    fn faults_have_redis_words() {
        let cases: &[(&[u8], &str, &str)] = &[
            (b"RADIS0004\xff", "[offset 9] Wrong signature trying to load DB from file", "start"),
            (b"REDIS0099\xff", "[offset 9] Can't handle RDB format version 99", "start"),
            (&EMPTY[..12], "[offset 12] Unexpected EOF reading RDB file", "read-type"),
            (&EMPTY[..15], "[offset 15] Unexpected EOF reading RDB file", "read-object-value"),
            (b"REDIS0009\xc8\x01k", "[offset 10] Invalid object type: 200", "read-type"),
            (b"REDIS0009\xff12345678", "[offset 18] RDB CRC error", "check-sum"),
        ];
        for (bytes, what, doing) in cases {
            let (is_right, text) = checked(bytes);
            assert!(!is_right && text.contains("--- RDB ERROR DETECTED ---\n"), "{text}");
            assert!(text.contains(what) && text.contains(&format!("While doing: {doing}\n")), "{text}");
        }
    }
}
