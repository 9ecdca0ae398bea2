//! Values of each type: how they lie in memory and what is done to them in place.
//!
//! A small collection is one run of packed elements in its key's blob. Beyond the limits of the configuration, a list
//! becomes a tree of chunks, a hash or set a table, a sorted set a table and a tree. Where only an element's length is beyond, a few elements stay packed
//! though OBJECT ENCODING says otherwise: the blob's `raw` bit says so.

pub(super) mod big_list;
pub(super) mod big_sorted_set;
pub(super) mod big_string;
pub(super) mod big_table;
mod edit;
mod hash;
mod list;
mod packed;
mod run;
mod set;
mod small_list;
mod sorted_set;
pub(super) mod stream;
mod string;

pub use hash::{Field, HashRef, Lifetime};
pub(super) use hash::{earliest_in, packed_hash};
pub use list::ListRef;
pub(super) use list::packed_list;
pub use packed::Text;
pub use set::SetRef;
pub(super) use set::packed_set;
pub(super) use sorted_set::packed_sorted_set;
pub use sorted_set::{Scored, ScoredBack, SortedSetRef};
pub(super) use stream::born_stream;
pub use stream::{ConsumerRef, Delivery, EntryRef, GroupMut, GroupRef, Keep, StreamCounters, StreamMut, StreamRef};
