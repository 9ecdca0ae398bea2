//! A summary as a table, as bars, as JSON.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::summary::{Key, Summary, Tally};

/// Width of a bar for the whole.
const BAR_CELLS: u64 = 40;
/// Longer keys are cut in a table.
const KEY_CHARS: usize = 60;

fn head(name: &str, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let writer = summary.writer.as_ref().map(|writer| format!(", written by version {writer}")).unwrap_or_default();
    let libraries = match summary.libraries {
        0 => String::new(),
        count => format!(", {count} function libraries"),
    };
    let (bytes, format) = (summary.bytes, &summary.format);
    writeln!(out, "{name}: RDB version {format}{writer}, {bytes} bytes, {} keys{libraries}", summary.total.keys)
}

pub fn table(name: &str, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    head(name, summary, out)?;
    writeln!(out, "\n{:>4}  {:<8} {:>12} {:>12} {:>14} {:>16}", "db", "type", "keys", "with TTL", "elements", "bytes")?;
    let row = |out: &mut dyn Write, db: &str, kind: &str, tally: &Tally| {
        let Tally { keys, volatile, elements, bytes } = tally;
        writeln!(out, "{db:>4}  {kind:<8} {keys:>12} {volatile:>12} {elements:>14} {bytes:>16}")
    };
    for (db, kind, tally) in summary.groups() {
        row(out, &db.to_string(), kind, tally)?;
    }
    row(out, "", "all", &summary.total)?;
    if summary.total.volatile > 0 {
        writeln!(out, "\n{:<20} {:>12}", "time to live", "keys")?;
        for (name, keys) in summary.ttls().filter(|(_, keys)| *keys > 0) {
            writeln!(out, "{name:<20} {keys:>12}")?;
        }
    }
    largest(summary, out)
}

fn largest(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut keys = summary.largest().peekable();
    if keys.peek().is_some() {
        writeln!(out, "\n{:>4}  {:<8} {:>14} {:>16}  largest keys", "db", "type", "elements", "bytes")?;
    }
    for Key { bytes, elements, db, name, kind, .. } in keys {
        writeln!(out, "{db:>4}  {kind:<8} {elements:>14} {bytes:>16}  {}", shown(name))?;
    }
    Ok(())
}

/// A key as a terminal may have it.
fn shown(name: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(name).chars().flat_map(escaped).take(KEY_CHARS + 1).collect();
    if text.chars().count() > KEY_CHARS { text.chars().take(KEY_CHARS).chain(['…']).collect() } else { text }
}

fn escaped(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

pub fn bars(name: &str, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    head(name, summary, out)?;
    let groups = || summary.groups().map(|(db, kind, tally)| (format!("db {db} {kind}"), tally));
    chart(out, "bytes", groups().map(|(name, tally)| (name, tally.bytes)).collect())?;
    chart(out, "keys", groups().map(|(name, tally)| (name, tally.keys)).collect())?;
    let ttls = summary.ttls().map(|(name, keys)| (name.to_owned(), keys));
    let without = summary.total.keys - summary.total.volatile;
    chart(out, "time to live", ttls.chain([("none".to_owned(), without)]).collect())?;
    chart(out, "largest keys", summary.largest().map(|key| (shown(&key.name), key.bytes)).collect())
}

/// Each row's share of the largest one.
fn chart(out: &mut dyn Write, title: &str, rows: Vec<(String, u64)>) -> io::Result<()> {
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    if most == 0 {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    for (name, count) in rows.into_iter().filter(|(_, count)| *count > 0) {
        let cells = (u128::from(count) * u128::from(BAR_CELLS)).div_ceil(u128::from(most)) as usize;
        writeln!(out, "  {name:<width$}  {:<40} {count}", "█".repeat(cells))?;
    }
    Ok(())
}

pub fn json(name: &str, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let groups: Vec<Value> = summary.groups().map(|(db, kind, tally)| group(db, kind, tally)).collect();
    let ttls: Map<String, Value> = summary.ttls().map(|(name, keys)| (name.replace(' ', "_"), keys.into())).collect();
    let largest: Vec<Value> = summary.largest().map(key).collect();
    let whole = json!({
        "file": name,
        "rdb_version": summary.format,
        "written_by": summary.writer,
        "created_unix_s": summary.created_s,
        "bytes": summary.bytes,
        "keys": summary.total.keys,
        "keys_with_ttl": summary.total.volatile,
        "function_libraries": summary.libraries,
        "groups": groups,
        "ttl": ttls,
        "largest": largest,
    });
    writeln!(out, "{whole:#}")
}

fn group(db: u64, kind: &str, tally: &Tally) -> Value {
    let Tally { keys, volatile, elements, bytes } = tally;
    json!({"db": db, "type": kind, "keys": keys, "keys_with_ttl": volatile, "elements": elements, "bytes": bytes})
}

/// Bytes that are no UTF-8 cannot stand in JSON; they stand as the character for such.
fn key(key: &Key) -> Value {
    json!({
        "db": key.db,
        "key": String::from_utf8_lossy(&key.name),
        "type": key.kind,
        "elements": key.elements,
        "bytes": key.bytes,
        "expire_at_unix_ms": key.expire_at_ms,
    })
}
