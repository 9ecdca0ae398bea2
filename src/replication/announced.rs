//! What a replica says about itself by REPLCONF before PSYNC, and what REPLCONF may say at all.
//!
//! Any client may send it, so nothing here makes a peer of it yet. Replies are the command's affair.

use std::str::FromStr;

/// Longest `ip-address`, as in Redis (NET_HOST_STR_LEN).
const ADDRESS_BYTES_MAX: usize = 255;

/// One option of REPLCONF with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplconfOption {
    ListeningPort(u16),
    IpAddress(String),
    CapabilityEof,
    CapabilityPsync2,
    /// A capability that we do not know: passed over.
    CapabilityOther,
    /// The replica's version, as it calls it.
    Version(String),
    RdbOnly(bool),
    /// `rdb-filter-only`: whether functions are wanted; data never are.
    RdbFilterOnly {
        functions: bool,
    },
    /// The replica has applied the stream up to here. Never answered.
    Ack(u64),
    /// The master wants an `ACK` at once. Never answered.
    GetAck,
}

/// Refusals, in Redis's words, without the `ERR`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplconfError {
    #[error("value is not an integer or out of range")]
    NotAnInteger,
    #[error("value is out of range, value must between 0 and 1")]
    NotABool,
    #[error("REPLCONF ip-address provided by replica instance is too long: {0} bytes")]
    AddressTooLong(usize),
    #[error("REPLCONF ip-address provided by replica instance holds control characters")]
    AddressNotText,
    #[error("Unsupported rdb-filter-only option: {0}")]
    UnknownFilter(String),
    #[error("Unrecognized REPLCONF option: {0}")]
    Unknown(String),
}

impl ReplconfOption {
    pub fn parse(name: &[u8], value: &[u8]) -> Result<ReplconfOption, ReplconfError> {
        let text = || String::from_utf8_lossy(value).into_owned();
        Ok(match name.to_ascii_lowercase().as_slice() {
            b"listening-port" => ReplconfOption::ListeningPort(number(value)?),
            b"ip-address" if value.len() >= ADDRESS_BYTES_MAX => {
                return Err(ReplconfError::AddressTooLong(value.len()));
            }
            // It is shown in INFO, one line per replica.
            b"ip-address" if value.iter().any(u8::is_ascii_control) => return Err(ReplconfError::AddressNotText),
            b"ip-address" => ReplconfOption::IpAddress(text()),
            b"capa" => capability(value),
            b"version" => ReplconfOption::Version(text()),
            b"rdb-only" => ReplconfOption::RdbOnly(flag(value)?),
            b"rdb-filter-only" => filter(value)?,
            b"ack" => ReplconfOption::Ack(number(value)?),
            b"getack" => ReplconfOption::GetAck,
            _ => return Err(ReplconfError::Unknown(String::from_utf8_lossy(name).into_owned())),
        })
    }
}

fn number<N: FromStr>(value: &[u8]) -> Result<N, ReplconfError> {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(ReplconfError::NotAnInteger)
}

fn flag(value: &[u8]) -> Result<bool, ReplconfError> {
    match number::<i64>(value)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ReplconfError::NotABool),
    }
}

fn capability(value: &[u8]) -> ReplconfOption {
    match value.to_ascii_lowercase().as_slice() {
        b"eof" => ReplconfOption::CapabilityEof,
        b"psync2" => ReplconfOption::CapabilityPsync2,
        _ => ReplconfOption::CapabilityOther,
    }
}

fn filter(value: &[u8]) -> Result<ReplconfOption, ReplconfError> {
    let text = String::from_utf8_lossy(value);
    let mut functions = false;
    for word in text.split_ascii_whitespace() {
        if !word.eq_ignore_ascii_case("functions") {
            return Err(ReplconfError::UnknownFilter(word.to_owned()));
        }
        functions = true;
    }
    Ok(ReplconfOption::RdbFilterOnly { functions })
}

/// What a client has said about itself so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    pub listening_port: u16,
    pub ip_address: Option<String>,
    /// Understands a payload that ends with a mark.
    pub can_eof: bool,
    /// Understands `+CONTINUE <replid>`.
    pub can_psync2: bool,
    pub version: Option<String>,
    /// Wants the payload and no stream.
    pub rdb_only: bool,
    /// Wants no data in the payload; whether it wants functions.
    pub filter_functions: Option<bool>,
}

impl Announced {
    /// Takes an option in. `Ack` and `GetAck` say nothing about the client: they belong to a peer and a link.
    pub fn note(&mut self, option: ReplconfOption) {
        match option {
            ReplconfOption::ListeningPort(port) => self.listening_port = port,
            ReplconfOption::IpAddress(address) => self.ip_address = Some(address),
            ReplconfOption::CapabilityEof => self.can_eof = true,
            ReplconfOption::CapabilityPsync2 => self.can_psync2 = true,
            ReplconfOption::Version(version) => self.version = Some(version),
            ReplconfOption::RdbOnly(only) => self.rdb_only = only,
            ReplconfOption::RdbFilterOnly { functions } => self.filter_functions = Some(functions),
            ReplconfOption::CapabilityOther | ReplconfOption::Ack(_) | ReplconfOption::GetAck => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(pairs: &[(&str, &str)]) -> Result<Announced, String> {
        let mut announced = Announced::default();
        for (name, value) in pairs {
            let option = ReplconfOption::parse(name.as_bytes(), value.as_bytes()).map_err(|error| error.to_string())?;
            announced.note(option);
        }
        Ok(announced)
    }

    #[test]
    fn a_replica_introduces_itself() {
        let pairs = [
            ("listening-port", "6380"),
            ("IP-Address", "10.0.0.7"),
            ("capa", "eof"),
            ("capa", "PSYNC2"),
            ("capa", "telepathy"),
            ("version", "7.4.0"),
            ("rdb-only", "1"),
            ("rdb-filter-only", "functions"),
        ];
        let expected = Announced {
            listening_port: 6380,
            ip_address: Some("10.0.0.7".to_owned()),
            can_eof: true,
            can_psync2: true,
            version: Some("7.4.0".to_owned()),
            rdb_only: true,
            filter_functions: Some(true),
        };
        assert_eq!(announced(&pairs), Ok(expected));
    }

    #[test]
    fn refusals_say_what_redis_says() {
        let long_address = "1".repeat(300);
        let refused = |name, value| announced(&[(name, value)]).unwrap_err();
        assert_eq!(refused("listening-port", "x"), "value is not an integer or out of range");
        assert_eq!(refused("rdb-only", "2"), "value is out of range, value must between 0 and 1");
        assert_eq!(refused("rdb-filter-only", "keys"), "Unsupported rdb-filter-only option: keys");
        assert_eq!(refused("colour", "red"), "Unrecognized REPLCONF option: colour");
        assert!(refused("ip-address", long_address.as_str()).ends_with("too long: 300 bytes"));
        assert_eq!(refused("ack", "-1"), "value is not an integer or out of range");
    }
}
