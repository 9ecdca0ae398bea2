//! The data set at the start: the RDB file is loaded on a thread of its own, while clients are told to wait.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::crash::Essential;
use super::jobs::{self, LoadedData};
use super::shared::{Shared, log};
use crate::persistence::rdb::Aux;
use crate::replication::{Level, Offset, Position, ReplId};

/// Begins to load the file, if there is one. What the task answers is why the server cannot start.
pub fn begin(shared: &Arc<Shared>) -> Result<Option<JoinHandle<Result<(), String>>>, String> {
    let Some(file) = jobs::find_file(shared).map_err(fatal)? else { return Ok(None) };
    let total_bytes = file.metadata().map_or(0, |metadata| metadata.len());
    shared.turn(|engine, now| engine.begin_loading(now, total_bytes));
    let shared = shared.clone();
    let load = move || {
        let _guard = Essential;
        let began = std::time::Instant::now();
        let progress = |bytes| shared.turn(|engine, _| engine.note_loaded(bytes));
        let data = jobs::load_file(&shared, file, progress).map_err(fatal)?;
        install(&shared, data);
        log(Level::Notice, &format!("DB loaded from disk: {:.3} seconds", began.elapsed().as_secs_f64()));
        Ok(())
    };
    Ok(Some(tokio::task::spawn_blocking(load)))
}

fn fatal(error: String) -> String {
    format!("Fatal error loading the DB, check server logs. Exiting. The file could not be read: {error}")
}

fn install(shared: &Arc<Shared>, data: LoadedData) {
    let LoadedData { keyspace, libraries, loaded } = data;
    shared.turn(|engine, now| {
        engine.server.save.last_load_keys_loaded = loaded.keys_loaded;
        engine.server.save.last_load_keys_expired = loaded.keys_expired;
        engine.restore(keyspace, libraries, position_of(&loaded.aux));
        engine.drop_expired(loaded.expired);
        engine.end_loading(now);
    });
}

/// The place in a history that a file says it stands at.
fn position_of(aux: &Aux) -> Option<Position> {
    let replid = ReplId::parse(aux.repl_id.as_ref()?.as_bytes())?;
    let offset = Offset(u64::try_from(aux.repl_offset?).ok()?);
    let db = aux.repl_stream_db.and_then(|db| usize::try_from(db).ok());
    Some(Position { replid, offset, db })
}
