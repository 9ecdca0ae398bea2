//! What can be wrong with an RDB payload: the fault, the byte at which it was seen, the key it belongs to.

use std::fmt;
use std::io;

use super::format::Version;
use super::value::ModuleId;

/// A payload that cannot be read to its end.
#[derive(Debug)]
pub struct RdbError {
    pub fault: Fault,
    /// Bytes of the payload that had been consumed.
    pub offset: u64,
    /// Type byte and key of the value being read, if it was one.
    pub key: Option<Box<(u8, Vec<u8>)>>,
}

/// The kinds of faults. Text in them names the part of the format, never input.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
    #[error("unexpected end of the payload")]
    Truncated,
    #[error("wrong signature")]
    Signature,
    #[error("can't handle RDB format version {0}")]
    Version(Version),
    #[error("unknown type or opcode {0}")]
    UnknownType(u8),
    #[error("the value of module type '{0}' can be read by its module only")]
    OpaqueModule(ModuleId),
    #[error("RDB CRC error: the file says {stored:016x}, its bytes {computed:016x}")]
    Checksum { stored: u64, computed: u64 },
    #[error("{0}")]
    Corrupt(&'static str),
}

impl RdbError {
    /// A short read, which on a link means that the master went away, not that its data is bad.
    pub fn is_truncated(&self) -> bool {
        matches!(self.fault, Fault::Truncated)
    }

    pub(super) fn in_key(mut self, kind: u8, key: &[u8]) -> RdbError {
        self.key = Some(Box::new((kind, key.to_vec())));
        self
    }
}

impl fmt::Display for RdbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.fault, self.offset)?;
        match self.key.as_deref() {
            Some((kind, key)) => write!(f, ", in key '{}' of type {kind}", printable(key)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RdbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// The head of a key, fit for a log line.
pub(super) fn printable(key: &[u8]) -> String {
    const SHOWN: usize = 128;
    let tail = if key.len() > SHOWN { "..." } else { "" };
    format!("{}{tail}", key[..key.len().min(SHOWN)].escape_ascii())
}
