//! RDB, the snapshot format of Redis: files, full-resync payloads, DUMP payloads.
//!
//! [`Reader`] pulls items off a byte stream and checks all it reads; [`Writer`] puts a snapshot onto one. [`load_into`]
//! and [`verify`] share one pass over a reader, with and without a keyspace at its end; [`save`] makes a file atomically.
//! The reader knows every type and encoding that Redis up to 8.0 and Valkey up to 9 write. What a server can hold of it
//! is decided in one place, `load.rs`.

mod batch;
mod compact;
pub mod crc;
mod error;
pub mod format;
mod input;
mod load;
pub mod lzf;
mod object;
mod payload;
mod reader;
mod save;
mod stream;
mod stream_writer;
mod value;
mod writer;

pub use compact::{Compact, Element, intset, listpack};
pub use error::{Fault, RdbError};
pub use load::{Aux, FreshAccess, LoadError, LoadOptions, Loaded, load_into, load_paced, storable, verify};
pub use payload::{FunctionsError, RestoreError, dump_functions, dump_payload, functions_of_payload, restore_payload};
pub use reader::{Entry, Item, Reader};
pub use save::{save, temporary_name};
pub use value::{
    Consumer, Group, Hash, ModuleId, Pending, RdbValue, SortedSet, Stream, StreamEntry, StreamId, StreamMeta, Strings,
};
pub use writer::{AccessInfo, Preamble, ReplicationInfo, Writer, WriterOptions, write_paced, write_snapshot};
