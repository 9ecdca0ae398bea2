//! What a start shows: a small picture for people at a terminal, one line for log files.

use super::logging::Log;
use crate::config::{Config, REDIS_VERSION};
use std::io::IsTerminal;

/// Shows the picture where `always-show-logo` asks for it or standard output is a terminal, else the line.
pub fn show(config: &Config, log: &Log) {
    let is_at_terminal = config.logfile.is_none() && !config.syslog_enabled && std::io::stdout().is_terminal();
    if config.always_show_logo || is_at_terminal {
        log.raw(&picture(config, std::process::id()));
    } else {
        tracing::info!("Running mode=standalone, port={}.", config.port);
    }
}

fn picture(config: &Config, pid: u32) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let port = config.port;
    format!(
        "
      __o      __o        Tandem {version}, speaks Redis {REDIS_VERSION}
    _ \\<,_   _ \\<,_       Running in standalone mode
   (_)/ (_)-(_)/ (_)      Port: {port}
                          PID: {pid}

"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_tells_port_and_pid() {
        let text = picture(&Config::default(), 4711);
        assert!(text.contains(" Port: 6379\n") && text.contains(" PID: 4711\n"), "{text}");
    }
}
