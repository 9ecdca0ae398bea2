//! MULTI's queue: requests kept until EXEC.

use crate::resp::OwnedArgs;

/// A request that waits for EXEC.
#[derive(Clone, Debug)]
pub struct QueuedRequest {
    pub args: OwnedArgs,
    /// Number of the command's row in the table.
    pub command: u16,
    /// The row's flags, or what the code says of itself that it runs.
    pub flags: u32,
}

/// A transaction under way.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    pub requests: Vec<QueuedRequest>,
    /// Memory of the requests.
    pub size_bytes: usize,
    /// A request was refused while queueing: EXEC answers EXECABORT.
    pub is_dirty: bool,
}

impl Transaction {
    pub fn push(&mut self, request: QueuedRequest) {
        self.size_bytes += request.args.size_bytes() + size_of::<QueuedRequest>();
        self.requests.push(request);
    }
}
