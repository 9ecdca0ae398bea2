//! The Debian package: made of this build, installed into a root of its own, started as its unit would be, removed and
//! purged again.

use super::daemon::{Folder, LIMIT, await_pong, cli, free_port, text};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

/// Where tests/run puts the packaging crate.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.cache/tools/bin");

/// What lies in the package: nothing else, with these modes.
const FILES: &[(&str, u32)] = &[
    ("etc/logrotate.d/tandem", 0o644),
    ("etc/tandem/conf.d/README", 0o644),
    ("etc/tandem/tandem.conf", 0o644),
    ("usr/bin/tandem", 0o755),
    ("usr/lib/systemd/system/tandem.service", 0o644),
    ("usr/share/doc/tandem/README.md", 0o644),
    ("usr/share/doc/tandem/copyright", 0o644),
    ("usr/share/doc/tandem/redis.conf.example", 0o644),
];

/// What dpkg and systemd keep in a root for themselves.
const BOOKS: &[&str] = &["var/lib/dpkg/", "var/lib/systemd/"];

#[test]
fn the_package_is_installed_starts_by_its_unit_and_goes_without_a_trace() {
    let folder = Folder::new();
    let package = folder.path("tandem.deb");
    make(&package);
    check_control(&package);
    check_files(&package, &folder.path("files"));

    let root = Root::new(&folder);
    root.dpkg(&["--install", package.to_str().expect("a path in ASCII")]);
    assert_eq!(mode(&root.path("etc/tandem/tandem.conf")), 0o640);
    for made in ["var/lib/tandem", "var/log/tandem"] {
        assert_eq!(mode(&root.path(made)), 0o750, "{made}");
    }
    serve(&root, &folder);

    root.dpkg(&["--remove", "tandem"]);
    let left = root.files();
    for kept in ["etc/tandem/tandem.conf", "etc/logrotate.d/tandem", "var/lib/tandem/dump.rdb"] {
        assert!(left.iter().any(|file| file == kept), "{kept} is not in {left:?}");
    }
    assert!(!left.iter().any(|file| file.starts_with("usr/")), "{left:?}");
    root.dpkg(&["--purge", "tandem"]);
    assert_eq!(root.files(), [""; 0]);
    for gone in ["etc/tandem", "var/lib/tandem", "var/log/tandem"] {
        assert!(!root.path(gone).exists(), "{gone}");
    }
}

/// The unit's line, with what systemd would do around it.
fn serve(root: &Root, folder: &Folder) {
    let unit = fs::read_to_string(root.path("usr/lib/systemd/system/tandem.service")).expect("the unit");
    assert_eq!(directive(&unit, "Type"), "notify");
    let enabled = root.path("etc/systemd/system/multi-user.target.wants/tandem.service");
    assert!(enabled.is_symlink(), "it starts with the machine");
    let runtime = root.path("run").join(directive(&unit, "RuntimeDirectory"));
    fs::create_dir_all(&runtime).expect("the folder that systemd makes");
    let mut server = start(directive(&unit, "ExecStart"), root, folder);
    assert_eq!(cli(server.port, "config get bind"), "bind\n127.0.0.1 -::1");
    assert!(cli(server.port, "info server").contains("\nprocess_supervised:systemd\n"));
    assert_eq!(cli(server.port, "set key value"), "OK");
    assert_eq!(cli(server.port, "shutdown"), "");
    assert!(server.child.wait().expect("our child").success());
    assert!(root.path("var/lib/tandem/dump.rdb").exists());
    assert!(root.path("var/log/tandem/tandem.log").exists());
    assert!(!runtime.join("tandem.pid").exists());
    // And systemd would remove it.
    fs::remove_dir(runtime).expect("an empty folder");
}

/// What the package says of itself.
fn check_control(package: &Path) {
    let field = |name: &str| text(&succeed(Command::new("dpkg-deb").arg("--field").arg(package).arg(name)).stdout);
    assert_eq!(field("Package"), "tandem");
    assert!(field("Version").starts_with(env!("CARGO_PKG_VERSION")));
    let depends = field("Depends");
    assert!(depends.contains("adduser") && depends.contains("libc6 (>= "), "{depends}");
    let conffiles = text(&succeed(Command::new("dpkg-deb").arg("--info").arg(package).arg("conffiles")).stdout);
    let mut conffiles: Vec<&str> = conffiles.lines().collect();
    conffiles.sort_unstable();
    assert_eq!(conffiles, ["/etc/logrotate.d/tandem", "/etc/tandem/conf.d/README", "/etc/tandem/tandem.conf"]);
}

fn check_files(package: &Path, unpacked: &Path) {
    succeed(Command::new("dpkg-deb").arg("--extract").arg(package).arg(unpacked));
    let files = files_below(unpacked, unpacked);
    let expected: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    assert_eq!(files, expected);
    for (name, expected) in FILES {
        assert_eq!(mode(&unpacked.join(name)), *expected, "{name}");
    }
}

/// A system without anything but dpkg's books.
struct Root {
    path: PathBuf,
    /// Comes first where programs are looked for.
    stand_ins: PathBuf,
}

impl Root {
    fn new(folder: &Folder) -> Root {
        let root = Root { path: folder.path("root"), stand_ins: folder.path("stand-ins") };
        for made in ["var/lib/dpkg/updates", "var/lib/dpkg/info", "var/log"] {
            fs::create_dir_all(root.path(made)).expect("a folder");
        }
        fs::write(root.path("var/lib/dpkg/status"), "").expect("a file");
        // The machine's own services are none of a root's business.
        fs::create_dir(&root.stand_ins).expect("a folder");
        for name in ["systemctl", "deb-systemd-invoke"] {
            let program = root.stand_ins.join(name);
            fs::write(&program, "#!/bin/sh\n").expect("a file");
            fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("our own file");
        }
        root
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name.trim_start_matches('/'))
    }

    /// Maintainer scripts run for real; what the package depends on is not in there.
    fn dpkg(&self, arguments: &[&str]) {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", self.path.display())).args(["--log=/dev/null", "--no-triggers"]);
        command.args(["--force-script-chrootless", "--force-not-root", "--force-depends"]).args(arguments);
        succeed(command.env("PATH", format!("{}:{path}:/usr/sbin:/sbin", self.stand_ins.display())));
    }

    /// Names of all files, in order.
    fn files(&self) -> Vec<String> {
        let mut files = files_below(&self.path, &self.path);
        files.retain(|file| !BOOKS.iter().any(|books| file.starts_with(books)));
        files
    }
}

fn files_below(root: &Path, folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() && !entry.is_symlink() {
            files.extend(files_below(root, &entry));
        } else {
            files.push(entry.strip_prefix(root).expect("it lies below").display().to_string());
        }
    }
    files.sort();
    files
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o7777
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

/// Runs the unit's line with the root in front of its paths, and waits until it says that it is ready.
fn start(line: &str, root: &Root, folder: &Folder) -> Server {
    let config = root.path("/etc/tandem/tandem.conf");
    let text = fs::read_to_string(&config).expect("the configuration");
    fs::write(&config, text.replace(" /", &format!(" {}/", root.path.display()))).expect("this root's configuration");
    let init = UnixDatagram::bind(folder.path("notify")).expect("a socket for the messages");
    init.set_read_timeout(Some(LIMIT)).expect("a timeout");
    let port = free_port();
    let in_root = |word: &str| if word.starts_with('/') { root.path(word) } else { word.into() };
    let mut words = line.split(' ').map(in_root);
    let mut command = folder.command(&words.next().expect("a program"));
    command.args(words).args(["--port", &port.to_string()]).env("NOTIFY_SOCKET", folder.path("notify"));
    let server = Server { child: command.spawn().expect("the package's program starts"), port };
    let mut buffer = [0; 512];
    let mut hear = || init.recv(&mut buffer).map(|length| buffer[..length].to_vec()).expect("a message");
    while hear() != b"READY=1\n" {}
    await_pong(port);
    server
}
