//! MULTI's queue: requests kept until EXEC.

use crate::resp::OwnedArgs;

/// A request that waits for EXEC.
#[derive(Clone, Debug)]
pub struct QueuedRequest {
    pub args: OwnedArgs,
    /// Number of the command's row in the table.
    pub command: u16,
}

/// A transaction under way.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    pub requests: Vec<QueuedRequest>,
    /// Memory that the requests take.
    pub requests_bytes: usize,
    /// A request was refused while queueing: EXEC answers EXECABORT.
    pub is_dirty: bool,
}

impl Transaction {
    pub fn push(&mut self, request: QueuedRequest) {
        self.requests_bytes += size_of::<QueuedRequest>() + request.args.size_bytes();
        self.requests.push(request);
    }
}
