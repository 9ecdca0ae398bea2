//! Rows p1, p16, p64: what a GET and a SET cost the server, and what their clients wait.
//!
//! CPU time per request is the figure that counts: throughput and latencies depend on the load's own speed too.

use crate::Options;
use crate::load::{Load, Numbers, Requests, Until, preload};
use crate::process::{cpu_s, pin_thread};
use crate::report::{Figures, percentile};
use crate::support::server::Launch;
use std::io;
use std::time::Duration;

const CONNECTIONS: usize = 50;
const VALUE_LEN: usize = 64;
const WARM_UP: Duration = Duration::from_millis(500);

pub fn measure(launch: &Launch, options: &Options, pipeline: usize) -> Figures {
    let server = launch.clone().on_core(options.server_core).start();
    let run = || -> io::Result<Figures> {
        pin_thread(options.load_core);
        preload(server.port, options.keys, VALUE_LEN)?;
        let mut load = Load::connect(server.port, CONNECTIONS, pipeline)?;
        let mut figures = Figures::new();
        let kinds = [
            ("GET", Requests::get(Numbers::random(options.keys))),
            ("SET", Requests::set(Numbers::random(options.keys), VALUE_LEN)),
        ];
        for (name, mut requests) in kinds {
            load.run(&mut requests, Until::Elapsed(WARM_UP))?;
            let cpu_before_s = cpu_s(server.pid());
            let outcome = load.run(&mut requests, Until::Elapsed(Duration::from_secs_f64(options.seconds)))?;
            let cpu_s = cpu_s(server.pid()) - cpu_before_s;
            let count = outcome.requests as f64;
            figures.push((format!("{name} server CPU us per request"), cpu_s * 1e6 / count));
            figures.push((format!("{name} requests per second"), count / outcome.elapsed.as_secs_f64()));
            for (label, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
                figures.push((format!("{name} {label} us"), percentile(&outcome.latencies_us, share)));
            }
        }
        Ok(figures)
    };
    // In a thread of its own, for the load's core shall not become that of the servers to come.
    let figures = std::thread::scope(|scope| scope.spawn(run).join().expect("the load does not panic"));
    figures.unwrap_or_else(|error| panic!("{error}\n{}", server.log()))
}
