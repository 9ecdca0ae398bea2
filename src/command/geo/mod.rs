//! Geo commands: positions on the earth as scores of a sorted set.

mod cell;
mod position;
mod read;
mod search;

use super::sorted_set::{AddOptions, add};
use super::{Args, Command, CommandError, Context, Flags, KeySpec, Outcome};
use crate::keyspace::SortedSetRef;
use crate::resp::{DoubleText, Reply, parse_f64};
use cell::{Cell, FINEST, Grid};
use position::Position;

const READ: Flags = Flags::READONLY;
const WRITE_GROWING: Flags = Flags::WRITE.with(Flags::DENYOOM);
const STORING: Flags = WRITE_GROWING.with(Flags::MOVABLEKEYS);

const READ_KEY: &[KeySpec] = &[KeySpec::at(1).read_only(&["access"])];

const BAD_UNIT: CommandError = CommandError::fixed("ERR unsupported unit provided. please use M, KM, FT, MI");

const UPPERCASE: (&str, &str) = ("7.0.0", "Units in upper case.");
const ANY: (&str, &str) = ("6.2.0", "Option ANY of COUNT.");

const SEARCH: &str = "key from=(FROMMEMBER member | FROMLONLAT longitude_latitude=(longitude:double latitude:double)) \
     by=(circle=(BYRADIUS radius:double unit=(M | KM | FT | MI)) | \
     box=(BYBOX width:double height:double unit=(M | KM | FT | MI))) \
     order=[ASC | DESC] count=[COUNT count:integer [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]";
const SEARCH_STORE: &str = "destination:key source:key \
     from=(FROMMEMBER member | FROMLONLAT longitude_latitude=(longitude:double latitude:double)) \
     by=(circle=(BYRADIUS radius:double unit=(M | KM | FT | MI)) | \
     box=(BYBOX width:double height:double unit=(M | KM | FT | MI))) \
     order=[ASC | DESC] count=[COUNT count:integer [ANY]] [STOREDIST]";
const RADIUS: &str = "key longitude:double latitude:double radius:double unit=(M | KM | FT | MI) \
     [WITHCOORD] [WITHDIST] [WITHHASH] count=[COUNT count:integer [ANY]@6.2.0] order=[ASC | DESC] \
     [STORE key] [STOREDIST key]";
const RADIUS_RO: &str = "key longitude:double latitude:double radius:double unit=(M | KM | FT | MI) \
     [WITHCOORD] [WITHDIST] [WITHHASH] count=[COUNT count:integer [ANY]@6.2.0] order=[ASC | DESC]";
const MEMBER_RADIUS: &str = "key member radius:double unit=(M | KM | FT | MI) \
     [WITHCOORD] [WITHDIST] [WITHHASH] count=[COUNT count:integer [ANY]] order=[ASC | DESC] \
     [STORE key] [STOREDIST key]";
const MEMBER_RADIUS_RO: &str = "key member radius:double unit=(M | KM | FT | MI) \
     [WITHCOORD] [WITHDIST] [WITHHASH] count=[COUNT count:integer [ANY]] order=[ASC | DESC]";

const fn reading(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax).since("3.2.0").complexity("O(N)").flags(READ).keys(READ_KEY)
}

const fn searching(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax).complexity("O(N+log(M))").flags(READ).keys(READ_KEY)
}

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "geoadd",
        geoadd,
        "key condition=[NX | XX]@6.2.0 [change=CH]@6.2.0 \
         longitude_latitude_member=(longitude:double latitude:double member)...",
    )
    .about("Gives members of a sorted set positions as their scores.")
    .since("3.2.0")
    .complexity("O(log(N))")
    .arity(-5)
    .flags(WRITE_GROWING)
    .keys(&[KeySpec::at(1).read_write(&["update"])])
    .history(&[("6.2.0", "Options CH, NX and XX.")]),
    reading("geodist", read::geodist, "key member1 member2 unit=[M | KM | FT | MI]")
        .about("Answers how far apart two members are.")
        .complexity("O(1)")
        .arity(-4),
    reading("geohash", read::geohash, "key member...").about("Answers members' positions as geohashes.").arity(-2),
    reading("geopos", read::geopos, "key member...")
        .about("Answers members' positions as longitudes and latitudes.")
        .arity(-2),
    searching("geosearch", search::geosearch, SEARCH)
        .about("Answers the members whose positions lie within a circle or a box.")
        .since("6.2.0")
        .arity(-7)
        .history(&[UPPERCASE]),
    searching("geosearchstore", search::geosearchstore, SEARCH_STORE)
        .about("Stores the members whose positions lie within a circle or a box.")
        .since("6.2.0")
        .arity(-8)
        .flags(WRITE_GROWING)
        .keys(&[KeySpec::at(1).overwrite(&["update"]), KeySpec::at(2).read_only(&["access"])])
        .history(&[UPPERCASE]),
    searching("georadius", search::georadius, RADIUS)
        .about("Answers or stores the members within a circle around a position.")
        .since("3.2.0")
        .arity(-6)
        .flags(STORING)
        .keys(&[
            KeySpec::at(1).read_only(&["access"]),
            KeySpec::after("STORE", 6).overwrite(&["update"]),
            KeySpec::after("STOREDIST", 6).overwrite(&["update"]),
        ])
        .history(&[ANY, UPPERCASE])
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
    searching("georadius_ro", search::georadius_ro, RADIUS_RO)
        .about("Answers the members within a circle around a position.")
        .since("3.2.10")
        .arity(-6)
        .history(&[ANY])
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
    searching("georadiusbymember", search::georadiusbymember, MEMBER_RADIUS)
        .about("Answers or stores the members within a circle around one of them.")
        .since("3.2.0")
        .arity(-5)
        .flags(STORING)
        .keys(&[
            KeySpec::at(1).read_only(&["access"]),
            KeySpec::after("STORE", 5).overwrite(&["update"]),
            KeySpec::after("STOREDIST", 5).overwrite(&["update"]),
        ])
        .history(&[UPPERCASE])
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"),
    searching("georadiusbymember_ro", search::georadiusbymember_ro, MEMBER_RADIUS_RO)
        .about("Answers the members within a circle around one of them.")
        .since("3.2.10")
        .arity(-5)
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
];

/// It enters the stream as the ZADD that it comes down to.
fn geoadd(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let mut options = AddOptions::default();
    let mut first = 2;
    loop {
        match () {
            _ if args.is(first, "NX") => options.only_new = true,
            _ if args.is(first, "XX") => options.only_present = true,
            _ if args.is(first, "CH") => options.counts_changed = true,
            _ => break,
        }
        first += 1;
    }
    let words = args.len() - first;
    if words == 0 || !words.is_multiple_of(3) || options.only_new && options.only_present {
        return Err(CommandError::SYNTAX);
    }
    let mut pairs = Vec::with_capacity(words / 3);
    for index in (first..args.len()).step_by(3) {
        let cell = Cell::of(position(args, index)?, FINEST, Grid::Mercator);
        pairs.push((args.at(index + 2), cell.scores().0));
    }
    let before = cx.db.effects.changes;
    let done = add(cx, args.key(1), &options, pairs.iter().copied())?;
    if cx.db.effects.changes != before {
        propagate(cx, args, first, &pairs);
    }
    cx.reply.int(done.count(&options));
    Ok(Outcome::Done)
}

fn propagate(cx: &mut Context<'_>, args: &Args<'_>, first: usize, pairs: &[(&[u8], f64)]) {
    let scores: Vec<DoubleText> = pairs.iter().map(|(_, score)| DoubleText::new(*score)).collect();
    let mut words: Vec<&[u8]> = vec![b"ZADD"];
    words.extend(args.rest(1).take(first - 1));
    for ((member, _), score) in pairs.iter().zip(&scores) {
        words.extend([&score[..], *member]);
    }
    cx.db.propagate_as(&words);
}

/// Longitude and latitude, from word `index` on.
fn position(args: &Args<'_>, index: usize) -> Result<Position, CommandError> {
    let degrees = |index| parse_f64(args.at(index)).ok_or(CommandError::NOT_A_FLOAT);
    let position = Position { longitude: degrees(index)?, latitude: degrees(index + 1)? };
    if position.is_valid() {
        return Ok(position);
    }
    let Position { longitude, latitude } = position;
    Err(CommandError::new(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

/// The position of a member.
fn position_of(set: &SortedSetRef<'_>, member: &[u8]) -> Option<Position> {
    set.score(member).map(|score| Cell::from_score(score).center())
}

/// The meters of the unit at word `index`.
fn unit_m(args: &Args<'_>, index: usize) -> Result<f64, CommandError> {
    match () {
        _ if args.is(index, "M") => Ok(1.0),
        _ if args.is(index, "KM") => Ok(1000.0),
        _ if args.is(index, "FT") => Ok(0.3048),
        _ if args.is(index, "MI") => Ok(1609.34),
        _ => Err(BAD_UNIT),
    }
}

/// A distance with four decimals.
fn put_distance(reply: &mut Reply, distance: f64) {
    let scaled = (distance * 1e4).round_ties_even() as i64;
    let text = format!("{}.{:04}", scaled / 10_000, scaled % 10_000);
    reply.bulk(text.as_bytes());
}

/// Up to 17 decimals, without trailing zeros.
fn put_position(reply: &mut Reply, position: Position) {
    reply.array(2);
    for degrees in [position.longitude, position.latitude] {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        reply.double(if text == "-0" { "0" } else { text });
    }
}
