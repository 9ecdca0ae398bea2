//! `check-aof [--fix | --truncate-to-timestamp T] FILE`: whether a server would load an AOF, in one file or in parts.
//!
//! What cannot be loaded lies at the end of the last file, if a crash is its cause: `--fix` cuts it off. It never cuts
//! into a transaction, nor anything that other files follow.

mod manifest;
mod records;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::progress::Watched;
use super::{Call, Stop, check_rdb, reason};
use manifest::Manifest;
use records::{Fault, Record, Records};

pub(super) fn run(call: &Call, out: &mut dyn Write) -> Result<(), Stop> {
    let Some((mode, path)) = parse(&call.arguments)? else {
        let program = &call.program;
        writeln!(out, "Usage: {program} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>")?;
        return Err(Stop::Told);
    };
    let mut input = io::stdin().lock();
    let mut check = Check { mode, answers: &mut input, out };
    let file = check.open(&path)?;
    if Manifest::is_one(file) { check.parts(&path) } else { check.single(&path) }
}

/// Mode and file; none if the arguments are not as they must be.
fn parse(arguments: &[OsString]) -> Result<Option<(Mode, PathBuf)>, Stop> {
    Ok(match arguments {
        [file] => Some((Mode::Look, file.into())),
        [flag, file] if flag == "--fix" => Some((Mode::Fix, file.into())),
        [flag, time, file] if flag == "--truncate-to-timestamp" => {
            let time = time.to_str().and_then(|time| time.parse().ok());
            let time = time.ok_or_else(|| Stop::Because("Invalid timestamp, aborting...".to_owned()))?;
            Some((Mode::CutAfter(time), file.into()))
        }
        _ => None,
    })
}

/// What is done beside looking.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Look,
    /// Cuts a bad end off, if whoever is asked says so.
    Fix,
    /// Cuts off what is younger than this Unix time in seconds.
    CutAfter(i64),
}

/// How a file was found, or left.
enum Verdict {
    Valid,
    Empty,
    Cut,
    CutAfter(i64),
}

struct Check<'a> {
    mode: Mode,
    answers: &'a mut dyn BufRead,
    out: &'a mut dyn Write,
}

/// One file of an AOF.
struct Part<'a> {
    name: &'a str,
    path: &'a Path,
    /// Nothing may be cut off what others follow.
    is_last: bool,
}

impl Check<'_> {
    fn single(&mut self, path: &Path) -> Result<(), Stop> {
        writeln!(self.out, "Start checking Old-Style AOF")?;
        let name = path.display().to_string();
        let part = Part { name: &name, path, is_last: true };
        let verdict = self.part(&part)?;
        self.tell(&verdict, "AOF", &name)
    }

    fn parts(&mut self, path: &Path) -> Result<(), Stop> {
        writeln!(self.out, "Start checking Multi Part AOF")?;
        let manifest = Manifest::read(self.open(path)?);
        let manifest = manifest.or_else(|error| self.refuse(&error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        if let Some(name) = &manifest.base {
            let path = folder.join(name);
            let form = if self.is_rdb(&path)? { "RDB" } else { "RESP" };
            writeln!(self.out, "Start to check BASE AOF ({form} format).")?;
            let verdict = self.part(&Part { name, path: &path, is_last: manifest.incremental.is_empty() })?;
            self.tell(&verdict, "BASE AOF", name)?;
        }
        if !manifest.incremental.is_empty() {
            writeln!(self.out, "Start to check INCR files.")?;
        }
        for (index, name) in manifest.incremental.iter().enumerate() {
            let is_last = index + 1 == manifest.incremental.len();
            let verdict = self.part(&Part { name, path: &folder.join(name), is_last })?;
            self.tell(&verdict, "INCR AOF", name)?;
        }
        Ok(writeln!(self.out, "All AOF files and manifest are valid")?)
    }

    fn tell(&mut self, verdict: &Verdict, what: &str, name: &str) -> Result<(), Stop> {
        Ok(match verdict {
            Verdict::Valid => writeln!(self.out, "{what} {name} is valid")?,
            Verdict::Empty => writeln!(self.out, "{what} {name} is empty")?,
            Verdict::Cut => writeln!(self.out, "Successfully truncated AOF {name}")?,
            Verdict::CutAfter(time) => writeln!(self.out, "Successfully truncated AOF {name} to timestamp {time}")?,
        })
    }

    fn part(&mut self, part: &Part<'_>) -> Result<Verdict, Stop> {
        let mut file = self.open(part.path)?;
        let size = file.metadata().map_err(|_| Stop::Because(format!("Cannot stat file: {}", part.name)))?.len();
        if size == 0 {
            return Ok(Verdict::Empty);
        }
        let preamble_bytes = if self.is_rdb(part.path)? { self.preamble(part)? } else { 0 };
        if let Err(error) = file.seek(SeekFrom::Start(preamble_bytes)) {
            return self.refuse(&format!("Failed to fseek in AOF {}: {}", part.name, reason(&error)));
        }
        let mut records = Records::new(BufReader::with_capacity(1 << 20, Watched::of(file)), preamble_bytes);
        let good = match self.read(part, &mut records)? {
            End::Younger(offset) => return self.cut_after(part, offset),
            End::Good(offset) => offset,
        };
        self.judge(part, size, good, records.line())
    }

    /// The snapshot that the file begins with: how many bytes it has.
    fn preamble(&mut self, part: &Part<'_>) -> Result<u64, Stop> {
        let source = Watched::of(self.open(part.path)?);
        match check_rdb::check(source, part.name, self.out) {
            Ok(bytes) => {
                writeln!(self.out, "RDB preamble is OK, proceeding with AOF tail...")?;
                Ok(bytes)
            }
            Err(Stop::Told) => self.refuse("RDB preamble of AOF file is not sane, aborting."),
            Err(error) => Err(error),
        }
    }

    /// Reads up to the end, the first fault, or what is too young.
    fn read<R: BufRead>(&mut self, part: &Part<'_>, records: &mut Records<R>) -> Result<End, Stop> {
        let mut is_in_multi = false;
        let mut good = records.offset();
        loop {
            let at = records.offset();
            if !is_in_multi {
                good = at;
            }
            let wrong = match records.next() {
                Ok(None) | Err(Fault::Ended) if is_in_multi => "Reached EOF before reading EXEC for MULTI".to_owned(),
                Ok(None) => return Ok(End::Good(good)),
                Ok(Some(Record::Timestamp(time))) if matches!(self.mode, Mode::CutAfter(limit) if time > limit) => {
                    return Ok(End::Younger(at));
                }
                Ok(Some(Record::Multi)) if !std::mem::replace(&mut is_in_multi, true) => continue,
                Ok(Some(Record::Multi)) => format!("Unexpected MULTI in AOF {}", part.path.display()),
                Ok(Some(Record::Exec)) if std::mem::take(&mut is_in_multi) => continue,
                Ok(Some(Record::Exec)) => format!("Unexpected EXEC in AOF {}", part.path.display()),
                Ok(Some(_)) => continue,
                Err(fault) => return self.fault(part, fault).map(|()| End::Good(good)),
            };
            writeln!(self.out, "0x{:16x}: {wrong}", records.latest())?;
            return Ok(End::Good(good));
        }
    }

    fn fault(&mut self, part: &Part<'_>, fault: Fault) -> Result<(), Stop> {
        match fault {
            Fault::Form => writeln!(self.out, "AOF {} format error", part.name)?,
            Fault::Ended => {}
            Fault::At(at, text) => writeln!(self.out, "0x{at:16x}: {text}")?,
            Fault::Timestamp => return self.refuse("Invalid timestamp annotation"),
            Fault::Unreadable => return self.refuse(&format!("Failed to read from AOF {}, aborting...", part.name)),
        }
        Ok(())
    }

    fn judge(&mut self, part: &Part<'_>, size: u64, good: u64, line: u64) -> Result<Verdict, Stop> {
        let (name, bad) = (part.name, size - good.min(size));
        if let (0, Mode::CutAfter(time)) = (bad, self.mode) {
            writeln!(self.out, "Truncate nothing in AOF {name} to timestamp {time}")?;
            return Ok(Verdict::Valid);
        }
        writeln!(
            self.out,
            "AOF analyzed: filename={name}, size={size}, ok_up_to={good}, ok_up_to_line={line}, diff={bad}"
        )?;
        if bad == 0 {
            return Ok(Verdict::Valid);
        }
        if self.mode != Mode::Fix {
            return self.refuse(&format!("AOF {name} is not valid. Use the --fix option to try fixing it."));
        }
        if !part.is_last {
            return self.refuse(&format!("Failed to truncate AOF {name} because it is not the last file"));
        }
        writeln!(self.out, "This will shrink the AOF {name} from {size} bytes, with {bad} bytes, to {good} bytes")?;
        if !self.is_agreed()? {
            return self.refuse("Aborting...");
        }
        cut(part.path, good).or_else(|_| self.refuse(&format!("Failed to truncate AOF {name}")))?;
        Ok(Verdict::Cut)
    }

    fn is_agreed(&mut self) -> Result<bool, Stop> {
        write!(self.out, "Continue? [y/N]: ")?;
        self.out.flush()?;
        let mut answer = Vec::new();
        let read = (&mut *self.answers).take(16).read_until(b'\n', &mut answer);
        Ok(read.is_ok() && matches!(answer.first(), Some(b'y' | b'Y')))
    }

    fn cut_after(&mut self, part: &Part<'_>, offset: u64) -> Result<Verdict, Stop> {
        let Mode::CutAfter(time) = self.mode else { unreachable!("only this mode looks at the time") };
        let name = part.path.display();
        if offset == 0 {
            return self.refuse(&format!("AOF {name} has nothing before timestamp {time}, aborting..."));
        }
        if !part.is_last {
            writeln!(
                self.out,
                "Failed to truncate AOF {name} to timestamp {time} to offset {offset} because it is not the last file."
            )?;
            return self.refuse(
                "If you insist, please delete all files after this file according to the manifest file and delete the \
                 corresponding records in manifest file manually. Then re-run redis-check-aof.",
            );
        }
        let failed = format!("Failed to truncate AOF {name} to timestamp {time}");
        cut(part.path, offset).or_else(|_| self.refuse(&failed))?;
        Ok(Verdict::CutAfter(time))
    }

    fn is_rdb(&mut self, path: &Path) -> Result<bool, Stop> {
        let mut head = [0; 5];
        let file = self.open(path)?;
        let read = file.take(head.len() as u64).read(&mut head);
        Ok(read.is_ok_and(|count| count == head.len()) && (&head == b"REDIS" || &head == b"VALKE"))
    }

    fn open(&mut self, path: &Path) -> Result<File, Stop> {
        let opened = File::open(path);
        opened.or_else(|error| self.refuse(&format!("Cannot open file {}: {}", path.display(), reason(&error))))
    }

    fn refuse<T>(&mut self, text: &str) -> Result<T, Stop> {
        writeln!(self.out, "{text}")?;
        Err(Stop::Told)
    }
}

/// Where reading ended.
enum End {
    /// All before this place can be loaded.
    Good(u64),
    /// What begins here is younger than what is wanted.
    Younger(u64),
}

fn cut(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_all()
}
