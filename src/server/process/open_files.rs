//! The limit of open files, raised to what `maxclients` needs as far as the system lets us.

use std::io;

use crate::server::config_file;

/// Files that are no clients: listeners, snapshots, logs, the runtime's own.
const RESERVED_FILES: u64 = 32;
/// The steps in which Redis tries lower limits; the figures that it tells follow from them.
const STEP_FILES: u64 = 16;

/// The system allows fewer than were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Clients that can be served, possibly none.
    pub clients: usize,
    /// Limit that the process was started with.
    pub files: u64,
    /// Limit that it would need.
    pub wanted_files: u64,
}

/// Raises the limit so that `clients` can be served; tells in the log what came of it.
pub fn allow_clients(clients: usize) -> Result<(), Shortage> {
    let wanted = clients as u64 + RESERVED_FILES;
    let (soft, hard) = match limits() {
        Ok(limits) => limits,
        Err(error) => {
            tracing::warn!(
                "Unable to obtain the current NOFILE limit ({}), assuming 1024 and setting the max clients \
                 configuration accordingly.",
                config_file::reason(&error)
            );
            let clients = clients.min((1024 - RESERVED_FILES) as usize);
            return Err(Shortage { clients, files: 1024, wanted_files: wanted });
        }
    };
    if soft >= wanted {
        return Ok(());
    }
    let Err(error) = set_limits(wanted, hard.max(wanted)) else {
        tracing::info!("Increased maximum number of open files to {wanted} (it was originally set to {soft}).");
        return Ok(());
    };
    let best = lower_limit(wanted, soft, hard);
    let shortage =
        Shortage { clients: best.saturating_sub(RESERVED_FILES) as usize, files: soft, wanted_files: wanted };
    if shortage.clients > 0 {
        tell(clients, wanted, best, &error);
    }
    Err(shortage)
}

/// The first of Redis's tries that the system grants.
fn lower_limit(wanted: u64, soft: u64, hard: u64) -> u64 {
    let steps = (wanted - hard.min(wanted)).div_ceil(STEP_FILES);
    let best = wanted.saturating_sub(steps * STEP_FILES);
    if best > soft && set_limits(best, hard).is_ok() { best } else { soft }
}

fn tell(clients: usize, wanted: u64, best: u64, error: &io::Error) {
    let reason = config_file::reason(error);
    tracing::warn!("You requested maxclients of {clients} requiring at least {wanted} max file descriptors.");
    tracing::warn!("Server can't set maximum open files to {wanted} because of OS error: {reason}.");
    tracing::warn!(
        "Current maximum open files is {best}. maxclients has been reduced to {} to compensate for low ulimit. If you \
         need higher maxclients increase 'ulimit -n'.",
        best - RESERVED_FILES
    );
}

fn limits() -> io::Result<(u64, u64)> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the struct that it is given.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } {
        0 => Ok((limit.rlim_cur, limit.rlim_max)),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set_limits(soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: reads the struct that it is given.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
