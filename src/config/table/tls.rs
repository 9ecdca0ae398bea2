//! Encrypted connections.

use crate::config::directive::{Directive, SENSITIVE, VOLATILE, rows::*};

pub(super) const ROWS: &[Directive] = &[
    int("tls-port", (0, 65535), "0", "Port for TLS connections; 0 opens none.").waits("TLS"),
    text("tls-cert-file", "", "Certificate of this server.").flags(VOLATILE).waits("TLS"),
    text("tls-key-file", "", "Private key of this server.").flags(VOLATILE).waits("TLS"),
    text("tls-key-file-pass", "", "Passphrase of the private key.").flags(SENSITIVE).waits("TLS"),
    text("tls-client-cert-file", "", "Certificate for connections that this server opens.")
        .flags(VOLATILE)
        .waits("TLS"),
    text("tls-client-key-file", "", "Private key for connections that this server opens.").flags(VOLATILE).waits("TLS"),
    text("tls-client-key-file-pass", "", "Passphrase of that key.").flags(SENSITIVE).waits("TLS"),
    text("tls-dh-params-file", "", "Diffie-Hellman parameters for old clients.").flags(VOLATILE).waits("TLS"),
    text("tls-ca-cert-file", "", "File of trusted certificates.").flags(VOLATILE).waits("TLS"),
    text("tls-ca-cert-dir", "", "Folder of trusted certificates.").flags(VOLATILE).waits("TLS"),
    one_of("tls-auth-clients", &["no", "yes", "optional"], "yes", "Whether clients must show a certificate.")
        .waits("TLS"),
    one_of(
        "tls-auth-clients-user",
        &["off", "CN", "URI"],
        "off",
        "Part of a client's certificate that names its user.",
    )
    .waits("TLS"),
    yes_no("tls-replication", "no", "Connects to the master by TLS.").waits("TLS"),
    yes_no("tls-cluster", "no", "Uses TLS on the cluster bus.").waits("TLS"),
    text("tls-protocols", "", "Versions that are allowed.").waits("TLS"),
    text("tls-ciphers", "", "Ciphers up to TLS 1.2.").waits("TLS"),
    text("tls-ciphersuites", "", "Cipher suites of TLS 1.3.").waits("TLS"),
    yes_no("tls-prefer-server-ciphers", "no", "Takes the server's order of ciphers.").waits("TLS"),
    yes_no("tls-session-caching", "yes", "Lets clients resume sessions.").waits("TLS"),
    int("tls-session-cache-size", (0, INT_MAX), "20480", "Sessions that are remembered.").waits("TLS"),
    int("tls-session-cache-timeout", (0, INT_MAX), "300", "Seconds for which a session is remembered.").waits("TLS"),
    int(
        "tls-auto-reload-interval",
        (0, INT_MAX),
        "0",
        "Seconds between looks at changed certificate files; 0 is never.",
    )
    .waits("TLS"),
];
