//! What clients do: random commands over few keys, so that they meet.

use rand::RngExt;
use rand::rngs::SmallRng;

/// The requests of one client's visit: one, or a transaction.
pub fn requests(rng: &mut SmallRng) -> Vec<Vec<String>> {
    match rng.random_range(0..20) {
        0 => vec![words(&["SELECT", &rng.random_range(0..3).to_string()])],
        1 | 2 => {
            let inner = rng.random_range(1..5);
            let mut all = vec![words(&["MULTI"])];
            all.extend((0..inner).map(|_| write(rng)));
            all.push(words(&["EXEC"]));
            all
        }
        3 => vec![words(&["GET", &key(rng)])],
        _ => vec![write(rng)],
    }
}

fn write(rng: &mut SmallRng) -> Vec<String> {
    let key = key(rng);
    match rng.random_range(0..100) {
        0..40 => words(&["SET", &key, &value(rng)]),
        40..50 => words(&["SET", &key, &value(rng), "PX", &rng.random_range(1..3_000).to_string()]),
        50..65 => words(&["APPEND", &key, &value(rng)]),
        65..75 => words(&["INCR", &format!("n{}", rng.random_range(0..5))]),
        75..80 => words(&["INCRBYFLOAT", &format!("f{}", rng.random_range(0..3)), "0.25"]),
        80..85 => words(&["SETRANGE", &key, &rng.random_range(0..50).to_string(), "patch"]),
        85..90 => words(&["GETDEL", &key]),
        90..93 => words(&["GETEX", &key, "PX", &rng.random_range(1..2_000).to_string()]),
        93..96 => words(&["MSET", &key, "both", "other", &value(rng)]),
        _ => whole_keys(rng, &key),
    }
}

/// Keys and databases as wholes.
fn whole_keys(rng: &mut SmallRng, key: &str) -> Vec<String> {
    let db = rng.random_range(0..3).to_string();
    match rng.random_range(0..40) {
        0 => words(&["FLUSHDB"]),
        1 => words(&["FLUSHALL"]),
        2..5 => words(&["SWAPDB", "0", &db]),
        5..10 => words(&["RENAME", key, "renamed"]),
        10..15 => words(&["COPY", "renamed", key, "DB", &db, "REPLACE"]),
        15..20 => words(&["MOVE", key, &db]),
        20..25 => words(&["PERSIST", key]),
        25..30 => words(&["PEXPIRE", key, &rng.random_range(1..2_000).to_string()]),
        30..35 => words(&["UNLINK", key, "renamed"]),
        _ => words(&["DEL", key]),
    }
}

fn key(rng: &mut SmallRng) -> String {
    format!("key{}", rng.random_range(0..40))
}

/// Mostly short, now and then long enough to pass a backlog of the smallest size, seldom much longer.
fn value(rng: &mut SmallRng) -> String {
    let length = match rng.random_range(0..2_000) {
        0 => 150_000,
        1..20 => 5_000,
        _ => rng.random_range(1..60),
    };
    let letter = rng.random_range(0..26u8);
    (0..length).map(|at: u32| char::from(b'a' + (letter + at as u8 % 7) % 26)).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
