//! Pointers to shared nodes, and nodes that end in an array.
//!
//! A `Link` is what a parent holds to a child: one thin pointer, copied freely, as an old and a new version of a node
//! point to the same children. Reading through it is safe by the rules of this module (see `keyspace`): a node is
//! reachable only from a table that its owner borrows or from a live snapshot, and what either reaches is not freed.
//! Changing and freeing are `unsafe`: the caller argues that nobody else can reach the node.

use std::alloc::Layout;
use std::ops::Deref;
use std::ptr::NonNull;

/// A pointer to a node.
pub(super) struct Link<T>(NonNull<T>);

impl<T> Clone for Link<T> {
    fn clone(&self) -> Link<T> {
        *self
    }
}

impl<T> Copy for Link<T> {}

impl<T> PartialEq for Link<T> {
    fn eq(&self, other: &Link<T>) -> bool {
        self.0 == other.0
    }
}

impl<T> Deref for Link<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the rule above: a node that a link leads to has not been freed.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Link<T> {
    pub fn new(node: T) -> Link<T> {
        Link(NonNull::from(Box::leak(Box::new(node))))
    }

    /// The node for as long as the caller keeps what reaches it.
    pub fn get<'a>(self) -> &'a T {
        // SAFETY: as in `deref`.
        unsafe { self.0.as_ref() }
    }

    /// # Safety
    /// No snapshot reaches the node, and no other reference to it is in use.
    pub unsafe fn get_mut<'a>(mut self) -> &'a mut T {
        // SAFETY: the caller's promise.
        unsafe { self.0.as_mut() }
    }

    pub fn as_ptr(self) -> *mut T {
        self.0.as_ptr()
    }

    pub fn address(self) -> NonNull<u8> {
        self.0.cast()
    }

    /// # Safety
    /// `address` came from `address()` of a link of this type.
    pub unsafe fn from_address(address: NonNull<u8>) -> Link<T> {
        Link(address.cast())
    }

    /// # Safety
    /// Made by `new`, and nothing reaches the node any more.
    pub unsafe fn free(self) {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// A node of a head and as many items as it was made with, in one allocation.
#[repr(C)]
pub(super) struct Array<H, T> {
    pub head: H,
    len: usize,
    items: [T; 0],
}

impl<H, T: Copy> Link<Array<H, T>> {
    /// A node whose item `i` is `item(i)`.
    pub fn array(head: H, len: usize, mut item: impl FnMut(usize) -> T) -> Link<Array<H, T>> {
        let layout = layout::<H, T>(len);
        // SAFETY: the layout has at least the size of `len`.
        let memory = unsafe { std::alloc::alloc(layout) };
        let Some(node) = NonNull::new(memory.cast::<Array<H, T>>()) else { std::alloc::handle_alloc_error(layout) };
        // SAFETY: the allocation has room for the head and `len` items; both are written before anyone reads them.
        unsafe {
            node.write(Array { head, len, items: [] });
            let items = (&raw mut (*node.as_ptr()).items).cast::<T>();
            for index in 0..len {
                items.add(index).write(item(index));
            }
        }
        Link(node)
    }

    pub fn items<'a>(self) -> &'a [T] {
        // SAFETY: `len` items follow the head, in the allocation that this pointer was made with.
        unsafe { std::slice::from_raw_parts((&raw const (*self.0.as_ptr()).items).cast(), self.len) }
    }

    /// One item, without a look at the head: where the caller knows the length, that is a cache line less.
    ///
    /// # Safety
    /// `index` is below the length that the node was made with.
    #[inline]
    pub unsafe fn item_unchecked(self, index: usize) -> T {
        // SAFETY: the caller's promise.
        unsafe { (&raw const (*self.0.as_ptr()).items).cast::<T>().add(index).read() }
    }

    /// # Safety
    /// As `get_mut`.
    pub unsafe fn items_mut<'a>(self) -> &'a mut [T] {
        // SAFETY: as in `items`, and the caller's promise.
        unsafe { std::slice::from_raw_parts_mut((&raw mut (*self.0.as_ptr()).items).cast(), self.len) }
    }

    /// Bytes that the node was allocated with.
    pub fn array_bytes(self) -> usize {
        crate::alloc::class_size(layout::<H, T>(self.len).size())
    }

    /// # Safety
    /// Made by `array`, and nothing reaches the node any more.
    pub unsafe fn free_array(self) {
        let layout = layout::<H, T>(self.len);
        // SAFETY: the layout it was made with; heads and items need no drop (they are links and numbers).
        unsafe { std::alloc::dealloc(self.0.as_ptr().cast(), layout) };
    }
}

fn layout<H, T>(len: usize) -> Layout {
    let items = Layout::array::<T>(len).expect("a node is far below the address space");
    Layout::new::<Array<H, T>>().extend(items).expect("a node is far below the address space").0.pad_to_align()
}
