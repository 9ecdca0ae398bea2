//! The Debian package: made of this build, unpacked into a root of its own, and started as its unit would be.

use super::daemon::{Folder, LIMIT, await_pong, cli, free_port, text};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

/// Where tests/run puts the packaging crate.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.cache/tools/bin");

#[test]
fn the_package_starts_by_its_unit() {
    let folder = Folder::new();
    let package = folder.path("tandem.deb");
    make(&package);
    let root = folder.path("root");
    succeed(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&root));
    succeed(Command::new("dpkg-deb").arg("--control").arg(&package).arg(folder.path("control")));
    for script in ["postinst", "prerm", "postrm"] {
        succeed(Command::new("sh").arg("-n").arg(folder.path("control").join(script)));
    }
    let conffiles = folder.read("control/conffiles");
    assert!(conffiles.contains("/etc/tandem/tandem.conf\n"), "{conffiles}");

    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/tandem.service")).expect("the unit");
    assert_eq!(directive(&unit, "Type"), "notify");
    let mut server = start(directive(&unit, "ExecStart"), &root, &folder);
    assert_eq!(cli(server.port, "config get bind"), "bind\n127.0.0.1 -::1");
    assert!(cli(server.port, "info server").contains("\nprocess_supervised:systemd\n"));
    assert_eq!(cli(server.port, "set key value"), "OK");
    assert_eq!(cli(server.port, "shutdown"), "");
    assert!(server.child.wait().expect("our child").success());
    assert!(root.join("var/lib/tandem/dump.rdb").exists());
    assert!(!root.join("run/tandem/tandem.pid").exists());
}

fn make(package: &Path) {
    let binary = Path::new(env!("CARGO_BIN_EXE_tandem"));
    let target = binary.ancestors().nth(2).expect("the binary is in a profile's folder of the target folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(env!("CARGO"));
    command.args(["deb", "--no-build", "--no-strip", "--locked", "--profile", "dev", "--output"]).arg(package);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target);
    let output = command.env("PATH", format!("{TOOLS}:{path}")).output().expect("cargo runs");
    let error = text(&output.stderr);
    assert!(output.status.success(), "{error}\ncargo-deb is missing? tests/run installs it");
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    output
}

/// The value of a line of the unit.
fn directive<'u>(unit: &'u str, name: &str) -> &'u str {
    let value = unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("the unit says nothing of {name}"))
}

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already, or it goes now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the unit's line with the package's root in front of its paths, with the folders that systemd would make, and
/// waits until it says that it is ready.
fn start(line: &str, root: &Path, folder: &Folder) -> Server {
    let in_root = |path: &str| root.join(path.trim_start_matches('/'));
    for made in ["run/tandem", "var/lib/tandem", "var/log/tandem"] {
        fs::create_dir_all(root.join(made)).expect("a folder");
    }
    let config = in_root("/etc/tandem/tandem.conf");
    let text = fs::read_to_string(&config).expect("the configuration");
    fs::write(&config, text.replace(" /", &format!(" {}/", root.display()))).expect("the configuration of this root");
    let init = UnixDatagram::bind(folder.path("notify")).expect("a socket for the messages");
    init.set_read_timeout(Some(LIMIT)).expect("a timeout");
    let port = free_port();
    let mut words = line.split(' ');
    let program: PathBuf = in_root(words.next().expect("a program"));
    let mut command = folder.command(&program);
    command.args(
        words.map(|word| if word.starts_with('/') { in_root(word).display().to_string() } else { word.to_owned() }),
    );
    command.args(["--port", &port.to_string()]).env("NOTIFY_SOCKET", folder.path("notify"));
    let server = Server { child: command.spawn().expect("the package's program starts"), port };
    let mut buffer = [0; 512];
    let mut hear = || init.recv(&mut buffer).map(|length| buffer[..length].to_vec()).expect("a message");
    while hear() != b"READY=1\n" {}
    await_pong(port);
    server
}
