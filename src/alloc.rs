//! The counting global allocator.
