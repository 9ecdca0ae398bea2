//! Replies decoded, and written on one line as tests state them: `+OK`, `:1`, `"bulk"`, `nil`, `["a", :2]`, `{"k": :1}`.

use std::fmt;

/// One reply of RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Array(Vec<Value>),
    Set(Vec<Value>),
    Map(Vec<(Value, Value)>),
    /// A scalar of RESP3, with its mark.
    Other(String),
}

impl Value {
    /// The first value in `bytes` and the rest; `None` if more bytes are needed.
    pub fn decode(bytes: &[u8]) -> Option<(Value, &[u8])> {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, rest) = (&bytes[..end], &bytes[end + 2..]);
        let text = String::from_utf8_lossy(line.get(1..)?).into_owned();
        match line[0] {
            b'+' => Some((Value::Simple(text), rest)),
            b'-' => Some((Value::Error(text), rest)),
            b':' => Some((Value::Integer(text.parse().expect("an integer")), rest)),
            b'_' => Some((Value::Null, rest)),
            b'$' | b'*' if text == "-1" => Some((Value::Null, rest)),
            b'$' | b'=' => {
                let len: usize = text.parse().expect("a length");
                let body = rest.get(..len + 2)?;
                Some((Value::Bulk(body[..len].to_vec()), &rest[len + 2..]))
            }
            kind @ (b'*' | b'~' | b'>') => {
                let (items, rest) = decode_many(text.parse().expect("a count"), rest)?;
                Some((if kind == b'~' { Value::Set(items) } else { Value::Array(items) }, rest))
            }
            b'%' => {
                let pairs: usize = text.parse().expect("a count");
                let (items, rest) = decode_many(2 * pairs, rest)?;
                let pairs = items.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
                Some((Value::Map(pairs.collect()), rest))
            }
            _ => Some((Value::Other(String::from_utf8_lossy(line).into_owned()), rest)),
        }
    }

    pub fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) | Value::Set(items) => items,
            _ => &[],
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Value::Bulk(bytes) => bytes,
            Value::Simple(text) | Value::Error(text) => text.as_bytes(),
            _ => b"",
        }
    }
}

fn decode_many(count: usize, mut rest: &[u8]) -> Option<(Vec<Value>, &[u8])> {
    let mut items = Vec::new();
    for _ in 0..count {
        let (item, after) = Value::decode(rest)?;
        items.push(item);
        rest = after;
    }
    Some((items, rest))
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: &[Value]| items.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Value::Simple(text) => write!(f, "+{text}"),
            Value::Error(text) => write!(f, "-{text}"),
            Value::Integer(number) => write!(f, ":{number}"),
            Value::Bulk(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Value::Null => f.write_str("nil"),
            Value::Array(items) => write!(f, "[{}]", list(items)),
            Value::Set(items) => write!(f, "~[{}]", list(items)),
            Value::Map(pairs) => {
                let shown: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                write!(f, "{{{}}}", shown.join(", "))
            }
            Value::Other(text) => f.write_str(text),
        }
    }
}
