//! A blob: a key with its value in one allocation, the record of the keyspace's table.
//!
//! ```text
//! header    access clock 24 bits | flags 8 | key length 16 | value length 16
//! long      key length 32 | value length 32        where either exceeds its 16 bits
//! expiry    Unix time in milliseconds, 64 bits      where the key has one
//! pointer   to a value of its own, 64 bits          where the value does not lie here
//! key, then the value
//! ```
//! The access clock is a relaxed atomic, touched by the lock holder while a walker reads; the rest is changed only
//! where no snapshot sees the blob. Blobs are allocated in whole size classes, so a value can grow within its class.

use std::alloc::Layout;
use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::UnixMs;
use super::epoch::Reclaim;
use super::table::{Record, RecordRef};
use super::value::Outer;
use crate::alloc::class_size;

const HEADER: usize = 8;
const WORD: usize = 8;
const ACCESS: u32 = 0x00ff_ffff;

/// Flags, in the top byte of the first 32 bits. The low four are the value's kind.
const KIND: u32 = 0x0f00_0000;
const RAW: u32 = 1 << 28;
const EXPIRES: u32 = 1 << 29;
const LONG: u32 = 1 << 30;
const BOXED: u32 = 1 << 31;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    String,
    List,
    Hash,
    Set,
    /// A set of integers, packed in their order.
    IntSet,
    SortedSet,
    Stream,
    /// A packed hash of which fields expire: triples.
    ExpiringHash,
}

impl Kind {
    fn flags(self) -> u32 {
        u32::from(self as u8) << KIND.trailing_zeros()
    }
}

/// A value to build a blob with.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// The value is these parts, one after the other; `raw` is what OBJECT ENCODING shall say.
    Inline { kind: Kind, parts: &'a [&'a [u8]], raw: bool },
    /// The value lies elsewhere and belongs to the blob's owner.
    Boxed { kind: Kind, value: NonNull<u8> },
}

/// An owned blob that is in no table yet.
#[must_use]
pub(super) struct Blob(NonNull<u8>);

/// A blob to read.
#[derive(Clone, Copy)]
pub(super) struct BlobRef<'a> {
    address: NonNull<u8>,
    lifetime: PhantomData<&'a u8>,
}

/// A blob to change, seen by no snapshot.
pub(super) struct BlobMut<'a>(BlobRef<'a>);

/// Flags and lengths: what the layout follows from.
#[derive(Clone, Copy)]
struct Shape {
    flags: u32,
    key_len: usize,
    value_len: usize,
}

impl Shape {
    fn new(key_len: usize, value_len: usize, flags: u32) -> Shape {
        assert!(key_len.max(value_len) <= u32::MAX as usize, "keys and values are limited to 4 GB");
        let long = key_len > usize::from(u16::MAX) || value_len > usize::from(u16::MAX);
        Shape { flags: flags & !LONG | if long { LONG } else { 0 }, key_len, value_len }
    }

    fn has(self, flag: u32) -> usize {
        usize::from(self.flags & flag != 0)
    }

    fn expiry_at(self) -> usize {
        HEADER + WORD * self.has(LONG)
    }

    fn pointer_at(self) -> usize {
        self.expiry_at() + WORD * self.has(EXPIRES)
    }

    fn key_at(self) -> usize {
        self.pointer_at() + WORD * self.has(BOXED)
    }

    fn value_at(self) -> usize {
        self.key_at() + self.key_len
    }

    fn size(self) -> usize {
        class_size(self.value_at() + self.value_len)
    }

    fn layout(self) -> Layout {
        Layout::from_size_align(self.size(), WORD).expect("keys and values are limited to 4 GB")
    }
}

impl Blob {
    pub fn address(&self) -> NonNull<u8> {
        self.0
    }

    pub fn new(key: &[u8], content: Content<'_>, expire_at: Option<UnixMs>, access: u32) -> Blob {
        let (value_len, flags) = match content {
            Content::Inline { kind, parts, raw } => {
                (parts.iter().map(|part| part.len()).sum(), kind.flags() | if raw { RAW } else { 0 })
            }
            Content::Boxed { kind, .. } => (0, kind.flags() | RAW | BOXED),
        };
        let flags = flags | if expire_at.is_some() { EXPIRES } else { 0 };
        let shape = Shape::new(key.len(), value_len, flags);
        let mut blob = BlobMut(BlobRef { address: allocate(shape), lifetime: PhantomData });
        // SAFETY: the shape's layout has room for each of these, and the blob is ours alone.
        unsafe {
            blob.start().cast::<AtomicU32>().write(AtomicU32::new(access & ACCESS | shape.flags));
            blob.write_lengths(shape);
            blob.start().add(shape.key_at()).copy_from_nonoverlapping(key.as_ptr(), key.len());
            match content {
                Content::Inline { parts, .. } => write_parts(blob.start().add(shape.value_at()), parts),
                Content::Boxed { value, .. } => blob.start().add(shape.pointer_at()).cast::<NonNull<u8>>().write(value),
            }
        }
        if let Some(expire_at) = expire_at {
            blob.set_expire_at(expire_at);
        }
        Blob(blob.0.address)
    }
}

fn allocate(shape: Shape) -> NonNull<u8> {
    // SAFETY: the size is at least the header's.
    let memory = unsafe { std::alloc::alloc(shape.layout()) };
    NonNull::new(memory).unwrap_or_else(|| std::alloc::handle_alloc_error(shape.layout()))
}

/// # Safety
/// `to` has room for all parts, and none of them lies there.
unsafe fn write_parts(mut to: *mut u8, parts: &[&[u8]]) {
    for part in parts {
        // SAFETY: the caller's promise.
        unsafe {
            to.copy_from_nonoverlapping(part.as_ptr(), part.len());
            to = to.add(part.len());
        }
    }
}

impl<'a> BlobRef<'a> {
    /// What it is known by to those beside the table that point to it.
    pub fn address(self) -> NonNull<u8> {
        self.address
    }

    #[inline]
    fn word(self) -> &'a AtomicU32 {
        // SAFETY: a blob begins with this word.
        unsafe { self.address.cast().as_ref() }
    }

    #[inline]
    fn shape(self) -> Shape {
        let flags = self.word().load(Relaxed) & !ACCESS;
        // SAFETY: the header is written when the blob is made, and so is the long form where the flag says so.
        let (key_len, value_len) = unsafe {
            let start = self.address.as_ptr();
            if flags & LONG == 0 {
                let lengths = start.add(4).cast::<[u16; 2]>().read();
                (usize::from(lengths[0]), usize::from(lengths[1]))
            } else {
                let lengths = start.add(HEADER).cast::<[u32; 2]>().read();
                (lengths[0] as usize, lengths[1] as usize)
            }
        };
        Shape { flags, key_len, value_len }
    }

    fn bytes(self, at: usize, len: usize) -> &'a [u8] {
        // SAFETY: callers pass ranges of the blob's shape.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr().add(at), len) }
    }

    /// The value, if it lies here.
    #[inline]
    pub fn inline(self) -> Option<&'a [u8]> {
        let shape = self.shape();
        (shape.flags & BOXED == 0).then(|| self.bytes(shape.value_at(), shape.value_len))
    }

    /// The value, if it lies elsewhere.
    #[inline]
    pub fn boxed(self) -> Option<NonNull<u8>> {
        let shape = self.shape();
        // SAFETY: the pointer is there where the flag says so.
        (shape.flags & BOXED != 0).then(|| unsafe { self.address.add(shape.pointer_at()).cast().read() })
    }

    #[inline]
    pub fn kind(self) -> Kind {
        match (self.word().load(Relaxed) & KIND) >> KIND.trailing_zeros() {
            0 => Kind::String,
            1 => Kind::List,
            2 => Kind::Hash,
            3 => Kind::Set,
            4 => Kind::IntSet,
            5 => Kind::SortedSet,
            6 => Kind::Stream,
            _ => Kind::ExpiringHash,
        }
    }

    pub fn is_raw(self) -> bool {
        self.word().load(Relaxed) & RAW != 0
    }

    #[inline]
    pub fn access(self) -> u32 {
        self.word().load(Relaxed) & ACCESS
    }

    /// Only the lock holder stores, so a load and a store lose nothing.
    #[inline]
    pub fn set_access(self, access: u32) {
        let word = self.word();
        word.store(word.load(Relaxed) & !ACCESS | access & ACCESS, Relaxed);
    }

    /// Whether the blob could hold a value of this length in place, with or without an expiry.
    pub fn fits(self, value_len: usize, expires: bool) -> bool {
        let shape = self.shape();
        let new = Shape::new(shape.key_len, value_len, shape.flags);
        let same_form = new.flags == shape.flags && shape.flags & BOXED == 0 && expires == (shape.flags & EXPIRES != 0);
        same_form && new.size() == shape.size()
    }
}

impl<'a> RecordRef<'a> for BlobRef<'a> {
    #[inline]
    fn key(self) -> &'a [u8] {
        let shape = self.shape();
        self.bytes(shape.key_at(), shape.key_len)
    }

    #[inline]
    fn expire_at(self) -> Option<UnixMs> {
        let shape = self.shape();
        // SAFETY: the expiry is there where the flag says so.
        (shape.flags & EXPIRES != 0).then(|| unsafe { self.address.add(shape.expiry_at()).cast().read() })
    }

    fn size_bytes(self) -> usize {
        self.shape().size()
    }

    #[inline]
    fn value_bytes(self) -> usize {
        Outer::of(self).map_or(0, Outer::size_bytes)
    }
}

impl BlobMut<'_> {
    fn start(&mut self) -> *mut u8 {
        self.0.address.as_ptr()
    }

    fn write_lengths(&mut self, shape: Shape) {
        // SAFETY: the header has room for the short form, the long form where the flag says so.
        unsafe {
            if shape.flags & LONG == 0 {
                self.start().add(4).cast::<[u16; 2]>().write([shape.key_len as u16, shape.value_len as u16]);
            } else {
                self.start().add(HEADER).cast::<[u32; 2]>().write([shape.key_len as u32, shape.value_len as u32]);
            }
        }
    }

    /// Of a blob that has an expiry.
    pub fn set_expire_at(&mut self, expire_at: UnixMs) {
        let shape = self.0.shape();
        assert!(shape.flags & EXPIRES != 0, "the blob has room for an expiry");
        // SAFETY: just asserted.
        unsafe { self.start().add(shape.expiry_at()).cast::<UnixMs>().write(expire_at) };
    }

    /// The inline value, cut or stretched to `len`, which `fits`; what is stretched holds what lay there.
    pub fn value_mut(&mut self, len: usize) -> &mut [u8] {
        assert!(self.0.fits(len, self.0.expire_at().is_some()), "the value fits in place");
        let shape = Shape { value_len: len, ..self.0.shape() };
        let old_len = self.0.shape().value_len;
        self.write_lengths(shape);
        // SAFETY: the value's range is inside of the allocation, whose class did not change; what had not been
        // written before is written here.
        unsafe {
            let value = self.start().add(shape.value_at());
            value.add(old_len.min(len)).write_bytes(0, len.saturating_sub(old_len));
            std::slice::from_raw_parts_mut(value, len)
        }
    }

    /// Puts bytes in the place of as many of the inline value.
    pub fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        let shape = self.0.shape();
        assert!(shape.flags & BOXED == 0 && at + bytes.len() <= shape.value_len, "the bytes lie in the value");
        // SAFETY: just asserted.
        unsafe { self.start().add(shape.value_at() + at).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// What the inline value is, and what OBJECT ENCODING shall say of it.
    pub fn set_form(&mut self, kind: Kind, raw: bool) {
        let word = self.0.word();
        word.store(word.load(Relaxed) & !(RAW | KIND) | kind.flags() | if raw { RAW } else { 0 }, Relaxed);
    }

    /// Puts bytes in the place of a range of the inline value, whose new length `fits`.
    pub fn splice(&mut self, range: Range<usize>, bytes: &[u8]) {
        let old_len = self.0.shape().value_len;
        let new_len = old_len - range.len() + bytes.len();
        let value = self.value_mut(old_len.max(new_len));
        value.copy_within(range.end..old_len, range.start + bytes.len());
        value[range.start..range.start + bytes.len()].copy_from_slice(bytes);
        self.value_mut(new_len);
    }

    pub fn set_access(&mut self, access: u32) {
        self.0.set_access(access);
    }

    /// Exchanges the value that lies elsewhere.
    pub fn set_boxed(&mut self, value: NonNull<u8>) {
        let shape = self.0.shape();
        assert!(shape.flags & BOXED != 0, "the blob has a pointer");
        // SAFETY: just asserted.
        unsafe { self.start().add(shape.pointer_at()).cast::<NonNull<u8>>().write(value) };
    }
}

static BLOB: Reclaim = Reclaim { free: free_blob };

/// # Safety
/// Nothing reaches the blob any more.
unsafe fn free_blob(address: NonNull<u8>) {
    let layout = BlobRef { address, lifetime: PhantomData }.shape().layout();
    // SAFETY: allocated with the layout of its shape; changes in place keep the size.
    unsafe { std::alloc::dealloc(address.as_ptr(), layout) };
}

// SAFETY: a blob's address comes from the allocator (48 bits, aligned to 8) and stays until it is freed.
unsafe impl Record for Blob {
    type Ref<'a> = BlobRef<'a>;
    type Mut<'a> = BlobMut<'a>;

    const RECLAIM: &'static Reclaim = &BLOB;

    fn into_address(self) -> NonNull<u8> {
        self.0
    }

    #[inline]
    unsafe fn at<'a>(address: NonNull<u8>) -> BlobRef<'a> {
        BlobRef { address, lifetime: PhantomData }
    }

    unsafe fn at_mut<'a>(address: NonNull<u8>) -> BlobMut<'a> {
        BlobMut(BlobRef { address, lifetime: PhantomData })
    }

    unsafe fn free(address: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { free_blob(address) };
    }

    unsafe fn free_whole(address: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe {
            Outer::of(Blob::at(address)).into_iter().for_each(|value| value.free_whole());
            free_blob(address);
        }
    }
}
