//! Decodes streams: radix tree nodes of listpacks, counters, consumer groups with their pending entries.
//!
//! Checked beyond what Redis checks: entries ascend over all nodes and up to the last ID, live and deleted counts are
//! those of the entries, each pending entry has exactly one consumer.

use std::io::Read;
use std::ops::Range;

use super::compact::Element;
use super::compact::listpack::{self, Elements};
use super::error::RdbError;
use super::input::Input;
use super::value::{Consumer, Group, Pending, Stream, StreamEntry, StreamId, StreamMeta, Strings};

/// An entry that XDEL has marked.
const DELETED: i64 = 1;
/// Its fields are those of the node's master entry.
const SAME_FIELDS: i64 = 2;
/// No consumer has been seen for this pending entry yet.
const UNOWNED: usize = usize::MAX;

/// Reads a stream in version 1 (Redis 5.0), 2 (7.0) or 3 (7.2) of its encoding.
pub(super) fn read<R: Read>(input: &mut Input<R>, version: u8) -> Result<Stream, RdbError> {
    let mut stream = Stream::default();
    for _ in 0..input.length()? {
        read_node(input, &mut stream)?;
    }
    let length = input.length()?;
    stream.last_id = read_id(input)?;
    if version >= 2 {
        stream.meta = Some(StreamMeta {
            first_id: read_id(input)?,
            max_deleted_id: read_id(input)?,
            entries_added: input.length()?,
        });
    }
    if stream.entries.len() as u64 != length {
        return Err(input.corrupt("stream length differs from its entries"));
    }
    if stream.entries.last().is_some_and(|entry| entry.id > stream.last_id) {
        return Err(input.corrupt("stream entry beyond the last ID"));
    }
    for _ in 0..input.length()? {
        let group = read_group(input, version)?;
        stream.groups.push(group);
    }
    Ok(stream)
}

fn read_id<R: Read>(input: &mut Input<R>) -> Result<StreamId, RdbError> {
    Ok(StreamId { ms: input.length()?, seq: input.length()? })
}

/// A node: the ID that its entries count from, and a listpack.
fn read_node<R: Read>(input: &mut Input<R>, stream: &mut Stream) -> Result<(), RdbError> {
    let key: Result<[u8; 16], _> = input.string()?.try_into();
    let master = StreamId::from_bytes(key.map_err(|_| input.corrupt("stream node key is not an ID"))?);
    let node = input.string()?;
    let decoded = Node::open(node, master).and_then(|mut node| node.read_into(stream));
    decoded.map_err(|what| input.corrupt(what))
}

/// A walk through one node's listpack.
struct Node<'a> {
    elements: Elements<'a>,
    master: StreamId,
}

impl<'a> Node<'a> {
    fn open(blob: &'a [u8], master: StreamId) -> Result<Node<'a>, &'static str> {
        Ok(Node { elements: listpack::elements(blob)?, master })
    }

    fn element(&mut self) -> Result<Element<'a>, &'static str> {
        self.elements.next().unwrap_or(Err("stream node ends within an entry"))
    }

    fn integer(&mut self) -> Result<i64, &'static str> {
        match self.element()? {
            Element::Integer(number) => Ok(number),
            Element::Bytes(_) => Err("text in place of a number in a stream node"),
        }
    }

    fn count(&mut self) -> Result<u64, &'static str> {
        u64::try_from(self.integer()?).map_err(|_| "negative count in a stream node")
    }

    /// Master entry: live entries, deleted entries, fields, 0. Then all entries, live or not.
    fn read_into(&mut self, stream: &mut Stream) -> Result<(), &'static str> {
        let (live, deleted) = (self.count()?, self.count()?);
        let fields = self.read_strings(&mut stream.strings)?;
        if self.integer()? != 0 {
            return Err("stream node without the end of its master entry");
        }
        let total = live.checked_add(deleted).ok_or("impossible count in a stream node")?;
        let live_before = stream.entries.len();
        let mut last = self.last_before(stream)?;
        for _ in 0..total {
            last = Some(self.read_entry(&fields, last, stream)?);
        }
        if self.elements.next().is_some() {
            return Err("stream node with more entries than it counts");
        }
        if (stream.entries.len() - live_before) as u64 != live {
            return Err("stream node with other live entries than it counts");
        }
        if total == 0 {
            return Err("stream node without entries");
        }
        Ok(())
    }

    /// A count and as many strings.
    fn read_strings(&mut self, strings: &mut Strings) -> Result<Range<usize>, &'static str> {
        let from = strings.len();
        for _ in 0..self.count()? {
            self.element()?.with_bytes(|bytes| strings.push(bytes));
        }
        Ok(from..strings.len())
    }

    /// The last entry of the nodes before; this node's own ID must lie beyond it.
    fn last_before(&self, stream: &Stream) -> Result<Option<StreamId>, &'static str> {
        let last = stream.entries.last().map(|entry| entry.id);
        if last.is_some_and(|last| last >= self.master) {
            return Err("stream nodes out of order");
        }
        Ok(last)
    }

    /// One entry: flags, ID as a distance, then either the values of the master's fields or a count and as many fields
    /// with their values, then the number of its elements.
    fn read_entry(
        &mut self,
        master_fields: &Range<usize>,
        last: Option<StreamId>,
        stream: &mut Stream,
    ) -> Result<StreamId, &'static str> {
        let flags = self.integer()?;
        let ms = self.master.ms.wrapping_add(self.integer()? as u64);
        let id = StreamId { ms, seq: self.master.seq.wrapping_add(self.integer()? as u64) };
        if id < self.master || last.is_some_and(|last| id <= last) {
            return Err("stream entries out of order");
        }
        // Deleted entries are read as well, into nowhere.
        let mut nowhere = Strings::default();
        let is_live = flags & DELETED == 0;
        let strings = if is_live { &mut stream.strings } else { &mut nowhere };
        let has_own_fields = flags & SAME_FIELDS == 0;
        let (fields, values) = match has_own_fields {
            true => self.read_own_pairs(strings)?,
            false => (master_fields.clone(), self.read_values(master_fields.len(), strings)?),
        };
        let own = if has_own_fields { fields.len() + 1 } else { 0 };
        if self.count()? != (3 + own + values.len()) as u64 {
            return Err("stream entry with a wrong count of its elements");
        }
        if is_live {
            stream.entries.push(StreamEntry { id, fields, values });
        }
        Ok(id)
    }

    fn read_values(&mut self, count: usize, strings: &mut Strings) -> Result<Range<usize>, &'static str> {
        let from = strings.len();
        for _ in 0..count {
            self.element()?.with_bytes(|bytes| strings.push(bytes));
        }
        Ok(from..strings.len())
    }

    /// Fields and values, which alternate here.
    fn read_own_pairs(&mut self, strings: &mut Strings) -> Result<(Range<usize>, Range<usize>), &'static str> {
        let from = strings.len();
        let mut values = Vec::new();
        for _ in 0..self.count()? {
            self.element()?.with_bytes(|bytes| strings.push(bytes));
            values.push(self.element()?);
        }
        let between = strings.len();
        for value in values {
            value.with_bytes(|bytes| strings.push(bytes));
        }
        Ok((from..between, between..strings.len()))
    }
}

fn read_group<R: Read>(input: &mut Input<R>, version: u8) -> Result<Group, RdbError> {
    let mut group = Group { name: input.string()?.to_vec(), last_id: read_id(input)?, ..Group::default() };
    if version >= 2 {
        // All bits set: the server had lost count.
        group.entries_read = Some(input.length()?).filter(|count| *count != u64::MAX);
    }
    for _ in 0..input.length()? {
        let pending = read_pending(input)?;
        if group.pending.last().is_some_and(|last| last.id >= pending.id) {
            return Err(input.corrupt("pending entries of a group doubled or out of order"));
        }
        group.pending.push(pending);
    }
    for index in 0..input.length()? {
        let consumer = read_consumer(input, version)?;
        group.consumers.push(consumer);
        own_pending(input, &mut group, index as usize)?;
    }
    if group.pending.iter().any(|pending| pending.consumer == UNOWNED) {
        return Err(input.corrupt("pending entry without a consumer"));
    }
    Ok(group)
}

fn read_pending<R: Read>(input: &mut Input<R>) -> Result<Pending, RdbError> {
    Ok(Pending {
        id: StreamId::from_bytes(input.array()?),
        delivery_time_ms: input.milliseconds()?,
        delivery_count: input.length()?,
        consumer: UNOWNED,
    })
}

fn read_consumer<R: Read>(input: &mut Input<R>, version: u8) -> Result<Consumer, RdbError> {
    let name = input.string()?.to_vec();
    let seen_time_ms = input.milliseconds()?;
    let active_time_ms = if version >= 3 { input.milliseconds()? } else { seen_time_ms };
    Ok(Consumer { name, seen_time_ms, active_time_ms })
}

/// Reads which of the group's pending entries the consumer has.
fn own_pending<R: Read>(input: &mut Input<R>, group: &mut Group, consumer: usize) -> Result<(), RdbError> {
    for _ in 0..input.length()? {
        let id = StreamId::from_bytes(input.array()?);
        let found = group.pending.binary_search_by_key(&id, |pending| pending.id);
        let index = found.map_err(|_| input.corrupt("consumer's pending entry is unknown to its group"))?;
        let owner = &mut group.pending[index].consumer;
        if *owner != UNOWNED {
            return Err(input.corrupt("pending entry with two owners"));
        }
        *owner = consumer;
    }
    Ok(())
}
