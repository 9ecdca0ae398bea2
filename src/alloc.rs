//! The counting global allocator.

/// Bytes in use.
pub fn used_bytes() -> usize {
    0
}
