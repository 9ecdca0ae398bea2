//! The reader: pulls one item after the other off a byte stream, up to the checksum and not a byte further.
//!
//! What it lends is valid until the next call. It judges form only: whether a server has that many databases, knows that
//! module or has that key already, is for its caller to say.

use std::io::Read;

use super::error::{Fault, RdbError};
use super::format::{Dialect, Version, kind, opcode};
use super::input::{BUFFER_BYTES, Input};
use super::object::{Decoder, skip_module_value};
use super::value::{ModuleId, RdbValue};

/// A part of a payload.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A named fact about the payload; unknown names are to be ignored.
    Aux {
        key: &'a [u8],
        value: &'a [u8],
    },
    /// Entries from here on belong to this database.
    SelectDb(u64),
    /// How many keys the database holds, and how many of them have an expiry. A hint that nobody checks.
    ResizeDb {
        keys: u64,
        expires: u64,
    },
    /// The same for one slot, in cluster mode.
    SlotInfo {
        slot: u64,
        keys: u64,
        expires: u64,
    },
    /// The source of a function library, its first line included.
    Function(&'a [u8]),
    /// A module's data beside the keys, passed over.
    ModuleAux(ModuleId),
    Entry(Entry<'a>),
}

/// A key with all that belongs to it.
#[derive(Debug)]
pub struct Entry<'a> {
    pub db: u64,
    pub key: &'a [u8],
    pub value: RdbValue<'a>,
    /// Unix time in milliseconds.
    pub expire_at_ms: Option<i64>,
    /// LRU: seconds since the last access.
    pub idle_s: Option<u64>,
    /// LFU: the logarithmic counter.
    pub frequency: Option<u8>,
}

/// What opcodes say about the key that follows them.
#[derive(Clone, Copy, Default, PartialEq)]
struct Attributes {
    expire_at_ms: Option<i64>,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

/// Reads one payload.
pub struct Reader<R> {
    input: Input<R>,
    version: Version,
    verifies_checksum: bool,
    decoder: Decoder,
    db: u64,
    attributes: Attributes,
    /// Key of the entry or aux field at hand, source of a function.
    text: Vec<u8>,
    empty_keys: u64,
    footer: Footer,
    is_done: bool,
}

/// What stands behind the EOF opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Footer {
    /// Nothing: the version has none, or the end is not reached yet.
    Absent,
    /// The writer made no checksum, or it was not to be verified.
    Disabled,
    Right,
}

impl<R: Read> Reader<R> {
    /// Reads the signature. Without `verifies_checksum` the checksum is read and ignored (`rdbchecksum no`).
    pub fn new(source: R, verifies_checksum: bool) -> Result<Reader<R>, RdbError> {
        let mut input = Input::new(source, BUFFER_BYTES);
        let signature = input.array()?;
        let version = Version::from_signature(&signature).ok_or_else(|| input.error(Fault::Signature))?;
        if !version.is_readable() {
            return Err(input.error(Fault::Version(version)));
        }
        Ok(Reader {
            input,
            version,
            verifies_checksum,
            decoder: Decoder::new(version.dialect),
            db: 0,
            attributes: Attributes::default(),
            text: Vec::new(),
            empty_keys: 0,
            footer: Footer::Absent,
            is_done: false,
        })
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// Bytes of the payload consumed so far.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// Keys without elements, which old bugs of Redis could write; they are passed over.
    pub fn empty_keys(&self) -> u64 {
        self.empty_keys
    }

    /// Whether the payload, once it has ended, had a checksum.
    pub fn footer(&self) -> Footer {
        self.footer
    }

    /// The source, and what was read from it behind the payload.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        self.input.into_rest()
    }

    /// The next item; `None` once the payload has ended well, its checksum included. After an error the reader is of no
    /// further use.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, RdbError> {
        while !self.is_done {
            let code = self.input.byte()?;
            match code {
                opcode::EXPIRE_MS | opcode::EXPIRE_S | opcode::IDLE | opcode::FREQ => self.attribute(code)?,
                kind::STRING => return self.string_entry().map(Some),
                opcode::SLOT_IMPORT..=opcode::EOF => {
                    if self.attributes != Attributes::default() {
                        return Err(self.input.corrupt("expiry, idle time or frequency without a key"));
                    }
                    match code {
                        opcode::EOF => self.end()?,
                        opcode::SLOT_IMPORT => self.skip_slot_import()?,
                        _ => return self.special(code).map(Some),
                    }
                }
                _ => {
                    if let Some(value) = self.collection(code)? {
                        return Ok(Some(Item::Entry(entry(self.db, &self.text, value, &mut self.attributes))));
                    }
                }
            }
        }
        Ok(None)
    }

    fn attribute(&mut self, code: u8) -> Result<(), RdbError> {
        match code {
            // -1 is Redis's "none"; no server writes it.
            opcode::EXPIRE_MS => self.attributes.expire_at_ms = Some(self.input.milliseconds()?).filter(|at| *at != -1),
            opcode::EXPIRE_S => {
                let seconds = i32::from_le_bytes(self.input.array()?);
                self.attributes.expire_at_ms = Some(i64::from(seconds) * 1000);
            }
            opcode::IDLE => self.attributes.idle_s = Some(self.input.length()?),
            _ => self.attributes.frequency = Some(self.input.byte()?),
        }
        Ok(())
    }

    fn string_entry(&mut self) -> Result<Item<'_>, RdbError> {
        self.text()?;
        let text = &self.text;
        let value = self.input.string().map_err(|error| error.in_key(kind::STRING, text))?;
        Ok(Item::Entry(entry(self.db, text, RdbValue::String(value), &mut self.attributes)))
    }

    /// Key and value of any other type; `None` if the value has no elements.
    fn collection(&mut self, code: u8) -> Result<Option<RdbValue<'static>>, RdbError> {
        if !Decoder::is_object(code) || (self.is_ancient() && code > kind::HASH_ZIPLIST) {
            return Err(self.input.error(Fault::UnknownType(code)));
        }
        self.text()?;
        let text = &self.text;
        let value = self.decoder.object(&mut self.input, code).map_err(|error| error.in_key(code, text))?;
        if value.is_empty_collection() {
            self.empty_keys += 1;
            self.attributes = Attributes::default();
            return Ok(None);
        }
        Ok(Some(value))
    }

    /// The opcodes that are items of their own.
    fn special(&mut self, code: u8) -> Result<Item<'_>, RdbError> {
        if self.is_ancient() && code < opcode::EXPIRE_MS {
            return Err(self.input.error(Fault::UnknownType(code)));
        }
        Ok(match code {
            opcode::SELECT_DB => {
                self.db = self.input.length()?;
                Item::SelectDb(self.db)
            }
            opcode::RESIZE_DB => Item::ResizeDb { keys: self.input.length()?, expires: self.input.length()? },
            opcode::SLOT_INFO => {
                Item::SlotInfo { slot: self.input.length()?, keys: self.input.length()?, expires: self.input.length()? }
            }
            opcode::AUX => {
                self.text()?;
                Item::Aux { key: &self.text, value: self.input.string()? }
            }
            opcode::FUNCTION => Item::Function(self.input.string()?),
            opcode::FUNCTION_PRE_GA => Item::Function(self.old_function()?),
            opcode::MODULE_AUX => Item::ModuleAux(self.module_aux()?),
            _ => return Err(self.input.error(Fault::UnknownType(code))),
        })
    }

    /// Whether the payload is of a version without a checksum. Such a one has little to say, and a newer one whose
    /// version was damaged must not pass for it.
    fn is_ancient(&self) -> bool {
        !self.version.has_checksum()
    }

    /// Reads a string into `text`.
    fn text(&mut self) -> Result<(), RdbError> {
        let string = self.input.string()?;
        self.text.clear();
        self.text.extend_from_slice(string);
        Ok(())
    }

    /// Brings name and engine of an old library into the first line of its source, where newer ones have them.
    fn old_function(&mut self) -> Result<&[u8], RdbError> {
        self.text()?;
        let name = std::mem::take(&mut self.text);
        self.text.extend_from_slice(b"#!");
        self.text.extend_from_slice(self.input.string()?);
        self.text.extend_from_slice(b" name=");
        self.text.extend_from_slice(&name);
        self.text.push(b'\n');
        let has_description = self.input.length()? != 0;
        if has_description {
            self.input.string()?;
        }
        self.text.extend_from_slice(self.input.string()?);
        Ok(&self.text)
    }

    fn module_aux(&mut self) -> Result<ModuleId, RdbError> {
        const UINT: u64 = 2;
        let id = ModuleId(self.input.length()?);
        if self.input.length()? != UINT {
            return Err(self.input.corrupt("module aux data without its time of loading"));
        }
        self.input.length()?;
        skip_module_value(&mut self.input)?;
        Ok(id)
    }

    /// Valkey 9: a job's name and the ranges of slots it was importing. The job ends with its server.
    fn skip_slot_import(&mut self) -> Result<(), RdbError> {
        if self.version.dialect != Dialect::Valkey {
            return Err(self.input.error(Fault::UnknownType(opcode::SLOT_IMPORT)));
        }
        self.input.string()?;
        for _ in 0..self.input.length()? {
            let (first, last) = (self.input.length()?, self.input.length()?);
            if first > last || last >= 16384 {
                return Err(self.input.corrupt("invalid slot range"));
            }
        }
        Ok(())
    }

    /// The checksum behind the EOF opcode; 0 says that none was made.
    fn end(&mut self) -> Result<(), RdbError> {
        if self.version.has_checksum() {
            let computed = self.input.checksum();
            let stored = u64::from_le_bytes(self.input.array()?);
            if self.verifies_checksum && stored != 0 && stored != computed {
                return Err(self.input.error(Fault::Checksum { stored, computed }));
            }
            self.footer = if self.verifies_checksum && stored != 0 { Footer::Right } else { Footer::Disabled };
        }
        self.is_done = true;
        Ok(())
    }
}

fn entry<'a>(db: u64, key: &'a [u8], value: RdbValue<'a>, attributes: &mut Attributes) -> Entry<'a> {
    let Attributes { expire_at_ms, idle_s, frequency } = std::mem::take(attributes);
    Entry { db, key, value, expire_at_ms, idle_s, frequency }
}
