//! The manifest of an AOF in parts: which files there are, in which order.

use std::io::{BufRead, BufReader, Read};

use crate::words::split_words;

/// Redis's limit of a line; the manifest of a server is a few lines.
const LINE_BYTES: u64 = 1024;
const MAX_FILES: usize = 1 << 16;

/// The files that a load would read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<String>,
    pub incremental: Vec<String>,
}

impl Manifest {
    /// Whether a file is a manifest by its first line that is no comment, as Redis decides it.
    pub fn is_one(source: impl Read) -> bool {
        let mut source = BufReader::new(source);
        loop {
            let mut line = Vec::new();
            match (&mut source).take(LINE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return false,
                Ok(_) if line.starts_with(b"#") => {}
                Ok(_) => return line.starts_with(b"file "),
            }
        }
    }

    pub fn read(source: impl Read) -> Result<Manifest, String> {
        let mut manifest = Manifest::default();
        let mut source = BufReader::new(source);
        loop {
            let mut line = Vec::new();
            match (&mut source).take(LINE_BYTES + 1).read_until(b'\n', &mut line) {
                Ok(0) => return Ok(manifest),
                Ok(_) if line.len() as u64 > LINE_BYTES => {
                    return Err("The AOF manifest file contains too long line".into());
                }
                Ok(_) if line.starts_with(b"#") => {}
                Ok(_) => manifest.take(&line).ok_or("Invalid AOF manifest file format")?,
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Pairs of a name and a value; names that are not known may be a newer server's.
    fn take(&mut self, line: &[u8]) -> Option<()> {
        let words = split_words(line.trim_ascii_end()).ok()?;
        let value =
            |name: &[u8]| words.chunks_exact(2).find(|pair| pair[0].eq_ignore_ascii_case(name)).map(|pair| &pair[1]);
        let file = String::from_utf8(value(b"file")?.clone()).ok()?;
        value(b"seq")?;
        // The parts lie beside their manifest.
        if words.len() % 2 != 0 || file.contains('/') || self.incremental.len() == MAX_FILES {
            return None;
        }
        match value(b"type")?.as_slice() {
            b"b" if self.base.is_none() => self.base = Some(file),
            b"i" => self.incremental.push(file),
            b"h" => {}
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_in_order() {
        let text = "# ours\nfile a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type h\n\
                    file \"a.2 incr.aof\" seq 2 type i startoffset 17\n";
        let manifest = Manifest::read(text.as_bytes()).expect("a manifest");
        assert_eq!(manifest.base.as_deref(), Some("a.1.base.rdb"));
        assert_eq!(manifest.incremental, ["a.2 incr.aof"]);
        assert!(Manifest::is_one(text.as_bytes()) && !Manifest::is_one(&b"*1\r\n"[..]));
    }

    #[test]
    fn lines_without_sense_are_refused() {
        for line in [
            "file a seq 1 type x\n",
            "file a seq 1\n",
            "file ../a seq 1 type b\n",
            "seq 1 type b\n",
            "\n",
            "file a seq 1 type b x\n",
            "file \"a seq 1 type b\n",
            "file a seq 1 type b\nfile b seq 2 type b\n",
        ] {
            assert!(Manifest::read(line.as_bytes()).is_err(), "{line:?}");
        }
        assert!(Manifest::read(format!("file {} seq 1 type b\n", "a".repeat(2000)).as_bytes()).is_err());
    }
}
