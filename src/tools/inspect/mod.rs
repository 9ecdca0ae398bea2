//! `inspect FILE`: what an RDB file holds. Keys and bytes by database and type, the largest keys, times to live.
//!
//! Bytes are those that a key takes in the file, with all that belongs to it. A file that cannot be read to its end tells
//! nothing but where it is bad.

mod print;
mod summary;

use std::io::Write;
use std::path::PathBuf;

use clap::Parser;

use crate::persistence::rdb::{Item, LoadError, RdbError, Reader};

use super::progress::Watched;
use super::{Call, Stop, now_ms, reason};
use summary::{Key, Summary};

#[derive(Parser)]
#[command(name = "tandem inspect", about = "Tells what an RDB file holds, or the snapshot at the head of an AOF")]
struct Options {
    /// The file
    file: PathBuf,
    /// Prints JSON
    #[arg(long, conflicts_with = "bars")]
    json: bool,
    /// Prints shares as bars
    #[arg(long)]
    bars: bool,
    /// How many of the largest keys to name
    #[arg(long, default_value_t = 10, value_name = "N")]
    largest: usize,
}

pub(super) fn run(call: &Call, out: &mut dyn Write) -> Result<(), Stop> {
    let words = std::iter::once("inspect".into()).chain(call.arguments.iter().cloned());
    let options = match Options::try_parse_from(words) {
        Ok(options) => options,
        Err(error) if error.use_stderr() => return Err(Stop::Because(error.to_string())),
        Err(help) => return Ok(write!(out, "{help}")?),
    };
    let name = options.file.display().to_string();
    let file = Watched::open(&options.file)
        .map_err(|error| Stop::Because(format!("Cannot open file {name}: {}", reason(&error))))?;
    let summary = read(file, options.largest, now_ms())
        .map_err(|error| Stop::Because(format!("{name}: {}", LoadError::from(error))))?;
    match (options.json, options.bars) {
        (true, _) => print::json(&name, &summary, out)?,
        (false, true) => print::bars(&name, &summary, out)?,
        (false, false) => print::table(&name, &summary, out)?,
    }
    Ok(())
}

fn read(source: impl std::io::Read, largest: usize, now_ms: i64) -> Result<Summary, RdbError> {
    let mut reader = Reader::new(source, true)?;
    let mut summary = Summary::new(largest, now_ms);
    summary.format = reader.version().to_string();
    loop {
        let before = reader.offset();
        let key = match reader.next()? {
            None => break,
            Some(Item::Entry(entry)) => Some(Key::of(&entry)),
            Some(Item::Aux { key, value }) => {
                summary.note(key, value);
                None
            }
            Some(Item::Function(_)) => {
                summary.libraries += 1;
                None
            }
            Some(_) => None,
        };
        if let Some(key) = key {
            summary.add(key, reader.offset() - before);
        }
    }
    summary.bytes = reader.offset();
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let file =
            b"REDIS0004\xfe\x00\x00\x01a\x03xyz\xfd\xff\xff\xff\x7f\x00\x01b\x01v\xfe\x03\x01\x01l\x02\x01a\x01b\xff";
        read(&file[..], 2, 0).expect("a file")
    }

    fn printed(print: fn(&str, &Summary, &mut dyn Write) -> std::io::Result<()>) -> String {
        let mut out = Vec::new();
        print("dump.rdb", &summary(), &mut out).expect("a vector takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn keys_and_bytes_are_counted_by_database_and_type() {
        let summary = summary();
        let rows: Vec<_> = summary.groups().map(|(db, kind, tally)| (db, kind, tally.keys, tally.bytes)).collect();
        assert_eq!(rows, [(0, "string", 2, 17), (3, "list", 1, 8)]);
        let largest: Vec<_> = summary.largest().map(|key| (&key.name[..], key.bytes)).collect();
        assert_eq!(largest, [(&b"b"[..], 10), (&b"l"[..], 8)]);
    }

    #[test]
    fn all_forms_tell_the_same() {
        let table = printed(print::table);
        assert!(table.contains("string") && table.contains("list") && table.contains("more than a month"), "{table}");
        assert!(printed(print::bars).contains('█'));
        let json: serde_json::Value = serde_json::from_str(&printed(print::json)).expect("JSON");
        assert_eq!(json["keys"], 3);
        assert_eq!(json["groups"][1]["type"], "list");
        assert_eq!(json["largest"][0]["key"], "b");
    }

    #[test]
    fn a_cut_file_tells_nothing() {
        let error = read(&b"REDIS0004\x00\x01a\x03xy"[..], 2, 0).map(drop).expect_err("an error");
        assert!(error.to_string().starts_with("unexpected end of the payload at byte"), "{error}");
    }
}
