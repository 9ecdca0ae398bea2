//! The file of a full resync: one save, sent to all who waited for it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::jobs::{PAYLOAD_PARTS, spawn};
use super::shared::{PayloadPart, Shared, log};
use crate::engine::SaveError;
use crate::replication::Level;
use crate::session::Token;

/// What is read at once for a peer.
const FILE_PIECE_BYTES: usize = 64 * 1024;

/// Sends the file that was saved for peers; each has a place of its own in it.
pub fn send(shared: &Arc<Shared>, peer: Token) {
    let (parts, receiver) = mpsc::channel(PAYLOAD_PARTS);
    shared.payloads.lock().insert(peer, receiver);
    let file = shared.sync_file.lock().clone();
    let job = {
        let shared = shared.clone();
        move || {
            shared.turn(|engine, _| engine.sessions.get(peer).map(|session| session.wake()));
            let sent = file.ok_or_else(|| io::ErrorKind::NotFound.into()).and_then(|file| read_parts(&file, &parts));
            let last = sent.map_or_else(|error| PayloadPart::Failed(error.to_string()), |()| PayloadPart::Ended);
            // The peer may be gone: then nobody is to be told.
            let _ = parts.blocking_send(last);
        }
    };
    drop(spawn("file-to-replica", job));
}

fn read_parts(file: &File, parts: &mpsc::Sender<PayloadPart>) -> io::Result<()> {
    let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
    let len = file.metadata()?.len();
    parts.blocking_send(PayloadPart::Sized(len)).map_err(gone)?;
    let mut at = 0;
    while at < len {
        let mut piece = vec![0; FILE_PIECE_BYTES.min((len - at) as usize)];
        file.read_exact_at(&mut piece, at)?;
        at += piece.len() as u64;
        parts.blocking_send(PayloadPart::Chunk(Bytes::from(piece))).map_err(gone)?;
    }
    Ok(())
}

/// Opens the file for its peers, before another save can take its place, and deletes it if nothing else needs it.
pub fn offer_to_peers(shared: &Arc<Shared>) -> Result<(), SaveError> {
    let (path, is_needed) = shared.turn(|engine, _| {
        let config = &engine.config;
        (config.dir.join(&config.dbfilename), !config.rdb_del_sync_files || !config.save_points.is_empty())
    });
    let file = File::open(&path).map_err(|error| SaveError::Failed(error.to_string()))?;
    *shared.sync_file.lock() = Some(Arc::new(file));
    if !is_needed {
        log(Level::Notice, "Removing the RDB file used to feed replicas in a persistence-less instance");
        // It costs room on the disk at most.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}
