//! DUMP and RESTORE: one value as a payload of its own. Type byte, value, version (2 bytes), checksum (8).

use crate::keyspace::Value;

use super::crc;
use super::error::{Fault, RdbError};
use super::format::{EXPIRING_FIELDS_VERSION, Version, WRITTEN_VERSION, kind, opcode};
use super::input::Input;
use super::object::Decoder;
use super::value::RdbValue;
use super::writer::{AccessInfo, Writer, WriterOptions, type_of};

const FOOTER_BYTES: usize = 10;

/// Why a payload is refused. The texts are Redis's replies.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("DUMP payload version or checksum are wrong")]
    Footer,
    #[error("Bad data format")]
    Format(#[source] RdbError),
}

/// Why a payload of libraries is refused. The texts are Redis's replies.
#[derive(Debug, thiserror::Error)]
pub enum FunctionsError {
    #[error("DUMP payload version or checksum are wrong")]
    Footer,
    #[error("given type is not a function")]
    Kind,
    #[error("failed loading the given functions payload")]
    Format(#[source] RdbError),
}

/// The payload of `value`; `compression` as for files.
pub fn dump_payload(value: &Value<'_>, compression: bool) -> Vec<u8> {
    let options = WriterOptions { compression, checksum: false, access: AccessInfo::Omit };
    let mut writer = Writer::new(vec![type_of(value)], options);
    let written = writer.value(value).and_then(|()| writer.into_sink());
    let mut payload = written.expect("a vector takes all that is written");
    let is_expiring = matches!(value, Value::Hash(hash) if hash.earliest_expiry().is_some());
    let version = if is_expiring { EXPIRING_FIELDS_VERSION } else { WRITTEN_VERSION };
    payload.extend_from_slice(&version.to_le_bytes());
    payload.extend_from_slice(&crc::of_payload(&payload).to_le_bytes());
    payload
}

/// Checks `payload` and hands its value to `store`. Accepts every version up to the newest that the reader knows.
pub fn restore_payload<T>(payload: &[u8], store: impl FnOnce(&RdbValue<'_>) -> T) -> Result<T, RestoreError> {
    let (body, version) = open(payload).ok_or(RestoreError::Footer)?;
    let mut input = Input::new(body, body.len());
    let mut decoder = Decoder::new(version.dialect);
    let outcome = read_type(&mut input).and_then(|code| match code {
        kind::STRING => input.string().map(|bytes| store(&RdbValue::String(bytes))),
        _ => {
            let value = decoder.object(&mut input, code)?;
            if value.is_empty_collection() { Err(input.corrupt("no elements")) } else { Ok(store(&value)) }
        }
    });
    outcome.map_err(RestoreError::Format)
}

fn read_type(input: &mut Input<&[u8]>) -> Result<u8, RdbError> {
    let code = input.byte()?;
    if Decoder::is_object(code) { Ok(code) } else { Err(input.error(Fault::UnknownType(code))) }
}

/// The payload of function libraries, by their texts.
pub fn dump_functions<'s>(sources: impl IntoIterator<Item = &'s [u8]>, compression: bool) -> Vec<u8> {
    let options = WriterOptions { compression, checksum: false, access: AccessInfo::Omit };
    let mut writer = Writer::new(Vec::new(), options);
    let written = sources.into_iter().try_for_each(|source| writer.function(source)).and_then(|()| writer.into_sink());
    let mut payload = written.expect("a vector takes all that is written");
    payload.extend_from_slice(&WRITTEN_VERSION.to_le_bytes());
    payload.extend_from_slice(&crc::of_payload(&payload).to_le_bytes());
    payload
}

/// The texts of the libraries in a payload.
pub fn functions_of_payload(payload: &[u8]) -> Result<Vec<Vec<u8>>, FunctionsError> {
    let (body, _) = open(payload).ok_or(FunctionsError::Footer)?;
    let mut input = Input::new(body, body.len());
    let mut sources = Vec::new();
    while input.offset() < body.len() as u64 {
        if input.byte().map_err(FunctionsError::Format)? != opcode::FUNCTION {
            return Err(FunctionsError::Kind);
        }
        sources.push(input.string().map_err(FunctionsError::Format)?.to_vec());
    }
    Ok(sources)
}

/// The payload without its footer, which must be right.
fn open(payload: &[u8]) -> Option<(&[u8], Version)> {
    let (body, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER_BYTES)?)?;
    let (number, checksum) = footer.split_at(2);
    let version = Version::from_footer(u16::from_le_bytes(number.try_into().expect("two bytes")));
    let stored = u64::from_le_bytes(checksum.try_into().expect("eight bytes"));
    let computed = crc::of_payload(&payload[..payload.len() - checksum.len()]);
    (version.is_readable() && stored == computed).then_some((body, version))
}
