//! A TCP proxy in front of a server, for links that break: `cut` closes all of its connections in the midst of
//! whatever byte they are at; what connects afterwards is forwarded again.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    target: u16,
    ends: Mutex<Vec<TcpStream>>,
    closed: AtomicBool,
}

impl Proxy {
    /// A proxy to a server on this machine.
    pub fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let shared = Arc::new(Shared { target, ends: Mutex::default(), closed: AtomicBool::new(false) });
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || shared.accept(&listener)
        });
        Proxy { port, shared, acceptor: Some(acceptor) }
    }

    /// Closes all connections of this moment, both ways.
    pub fn cut(&self) {
        for end in self.shared.ends.lock().expect("no holder panics").drain(..) {
            // An end that its peer has closed already is as good as cut.
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // A connection of our own wakes the acceptor.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.cut();
    }
}

impl Shared {
    fn accept(&self, listener: &TcpListener) {
        for near in listener.incoming() {
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            // A failed forward closes the near end, which is what its peer would see without a proxy.
            let _ = near.and_then(|near| self.forward(near));
        }
    }

    fn forward(&self, near: TcpStream) -> io::Result<()> {
        let far = TcpStream::connect(("127.0.0.1", self.target))?;
        self.ends.lock().expect("no holder panics").extend([near.try_clone()?, far.try_clone()?]);
        pump(near.try_clone()?, far.try_clone()?);
        pump(far, near);
        Ok(())
    }
}

/// Copies one direction until either end closes, then closes both.
fn pump(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
