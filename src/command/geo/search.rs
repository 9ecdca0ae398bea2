//! GEOSEARCH, GEOSEARCHSTORE and the GEORADIUS family: members within a circle or a box.

use crate::command::sorted_set::store;
use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::{SortedSet, SortedSetRef, Text};
use crate::resp::{Reply, parse_f64};

use super::cell::{Cell, covering};
use super::position::{Area, Position, Shape};
use super::{position, position_of, put_distance, put_position, unit_m};

const NO_POSITION: CommandError = CommandError::fixed("ERR could not decode requested zset member");
const NO_RADIUS: CommandError = CommandError::fixed("ERR need numeric radius");
const NO_WIDTH: CommandError = CommandError::fixed("ERR need numeric width");
const NO_HEIGHT: CommandError = CommandError::fixed("ERR need numeric height");
const NEGATIVE_RADIUS: CommandError = CommandError::fixed("ERR radius cannot be negative");
const NEGATIVE_SIDE: CommandError = CommandError::fixed("ERR height or width cannot be negative");
const BAD_COUNT: CommandError = CommandError::fixed("ERR COUNT must be > 0");
const ANY_WITHOUT_COUNT: CommandError = CommandError::fixed("ERR the ANY argument requires COUNT argument");

/// How a command states where to look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The center and the radius have their places.
    Radius {
        by_member: bool,
        may_store: bool,
    },
    Search,
    SearchStore,
}

impl Form {
    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }

    fn may_store(self) -> bool {
        matches!(self, Form::Radius { may_store: true, .. })
    }
}

pub(super) fn geosearch(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    search(cx, args, Form::Search)
}

pub(super) fn geosearchstore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    search(cx, args, Form::SearchStore)
}

pub(super) fn georadius(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    search(cx, args, Form::Radius { by_member: false, may_store: true })
}

pub(super) fn georadius_ro(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    search(cx, args, Form::Radius { by_member: false, may_store: false })
}

pub(super) fn georadiusbymember(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    search(cx, args, Form::Radius { by_member: true, may_store: true })
}

pub(super) fn georadiusbymember_ro(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    search(cx, args, Form::Radius { by_member: true, may_store: false })
}

fn search(cx: &mut Context<'_>, args: &Args<'_>, form: Form) -> Result<Outcome, CommandError> {
    let source = args.key(if form == Form::SearchStore { 2 } else { 1 });
    let set = cx.db.read_sorted_set(source)?;
    let query = Query::parse(args, form, set.as_ref())?;
    let mut found = Vec::new();
    // Where the set is missing, so is a member that would be the center.
    if let (Some(set), Some(center), Some((shape, unit_m))) = (&set, query.center, query.shape) {
        found = query.find(set, &Area { center, shape, unit_m });
    }
    let unit_m = query.shape.map_or(1.0, |(_, unit_m)| unit_m);
    let Some((destination, distances)) = query.store else {
        query.answer(&mut cx.reply, &found, unit_m);
        return Ok(Outcome::Done);
    };
    let mut result = SortedSet::default();
    for found in found {
        result.push(&found.member, if distances { found.distance_m / unit_m } else { found.score });
    }
    let event = if form.is_search() { "geosearchstore" } else { "georadiusstore" };
    store(cx, args.key(destination), &result, event);
    cx.db.effects.changes += result.len().saturating_sub(1) as u64;
    Ok(Outcome::Done)
}

/// A member in the area.
struct Found<'a> {
    member: Text<'a>,
    score: f64,
    position: Position,
    distance_m: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// Where to look, and what to answer.
#[derive(Default)]
struct Query {
    center: Option<Position>,
    /// With the meters of its unit.
    shape: Option<(Shape, f64)>,
    order: Option<Order>,
    count: Option<usize>,
    any: bool,
    with_distance: bool,
    with_hash: bool,
    with_position: bool,
    /// The word that names the key to store at, and whether scores are distances.
    store: Option<(usize, bool)>,
}

impl Query {
    fn parse(args: &Args<'_>, form: Form, set: Option<&SortedSetRef<'_>>) -> Result<Query, CommandError> {
        let mut query = Query::default();
        let options_at = match form {
            Form::Radius { by_member: false, .. } => {
                query.center = Some(position(args, 2)?);
                query.shape = Some(circle(args, 4)?);
                6
            }
            Form::Radius { by_member: true, .. } => {
                if let Some(set) = set {
                    query.center = Some(position_of(set, args.at(2)).ok_or(NO_POSITION)?);
                    query.shape = Some(circle(args, 3)?);
                }
                5
            }
            Form::Search => 2,
            Form::SearchStore => {
                query.store = Some((1, false));
                3
            }
        };
        let stated = query.options(args, options_at, form, set)?;
        query.check(args, form, stated)?;
        Ok(query)
    }

    fn options(
        &mut self,
        args: &Args<'_>,
        first: usize,
        form: Form,
        set: Option<&SortedSetRef<'_>>,
    ) -> Result<Stated, CommandError> {
        let mut stated = Stated::default();
        let mut index = first;
        while index < args.len() {
            let left = args.len() - index - 1;
            let is = |word: &str| args.is(index, word);
            index += 1 + match () {
                _ if is("WITHDIST") => set_flag(&mut self.with_distance),
                _ if is("WITHHASH") => set_flag(&mut self.with_hash),
                _ if is("WITHCOORD") => set_flag(&mut self.with_position),
                _ if is("ANY") => set_flag(&mut self.any),
                _ if is("ASC") => self.sort(Order::Ascending),
                _ if is("DESC") => self.sort(Order::Descending),
                _ if is("COUNT") && left >= 1 => {
                    self.count = Some(usize::try_from(args.int(index + 1)?).ok().filter(|n| *n > 0).ok_or(BAD_COUNT)?);
                    1
                }
                _ if form.may_store() && left >= 1 && (is("STORE") || is("STOREDIST")) => {
                    self.store = Some((index + 1, is("STOREDIST")));
                    1
                }
                _ if form == Form::SearchStore && is("STOREDIST") => {
                    self.store = Some((1, true));
                    0
                }
                _ if form.is_search() => self.area(args, index, set, &mut stated)?,
                _ => return Err(CommandError::SYNTAX),
            };
        }
        Ok(stated)
    }

    /// One of the words that say where to look, of GEOSEARCH; answers how many words it takes more.
    fn area(
        &mut self,
        args: &Args<'_>,
        index: usize,
        set: Option<&SortedSetRef<'_>>,
        stated: &mut Stated,
    ) -> Result<usize, CommandError> {
        let left = args.len() - index - 1;
        if args.is(index, "FROMMEMBER") && left >= 1 && !stated.place {
            stated.member = true;
            if let Some(set) = set {
                self.center = Some(position_of(set, args.at(index + 1)).ok_or(NO_POSITION)?);
            }
            Ok(1)
        } else if args.is(index, "FROMLONLAT") && left >= 2 && !stated.member {
            stated.place = true;
            self.center = Some(position(args, index + 1)?);
            Ok(2)
        } else if args.is(index, "BYRADIUS") && left >= 2 && !stated.sides {
            stated.radius = true;
            self.shape = Some(circle(args, index + 1)?);
            Ok(2)
        } else if args.is(index, "BYBOX") && left >= 3 && !stated.radius {
            stated.sides = true;
            self.shape = Some(sides(args, index + 1)?);
            Ok(3)
        } else {
            Err(CommandError::SYNTAX)
        }
    }

    fn sort(&mut self, order: Order) -> usize {
        self.order = Some(order);
        0
    }

    fn check(&mut self, args: &Args<'_>, form: Form, stated: Stated) -> Result<(), CommandError> {
        let name = || String::from_utf8_lossy(args.at(0)).into_owned();
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_position) {
            let what = if form == Form::SearchStore { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            let error = format!("ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
            return Err(CommandError::new(error));
        }
        if form.is_search() && !stated.member && !stated.place {
            let error = format!("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}", name());
            return Err(CommandError::new(error));
        }
        if form.is_search() && !stated.radius && !stated.sides {
            let error = format!("ERR exactly one of BYRADIUS and BYBOX can be specified for {}", name());
            return Err(CommandError::new(error));
        }
        if self.any && self.count.is_none() {
            return Err(ANY_WITHOUT_COUNT);
        }
        // The nearest ones are meant.
        if self.count.is_some() && !self.any && self.order.is_none() {
            self.order = Some(Order::Ascending);
        }
        Ok(())
    }

    fn find<'s>(&self, set: &SortedSetRef<'s>, area: &Area) -> Vec<Found<'s>> {
        let enough = self.count.filter(|_| self.any).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for cell in covering(area) {
            let (from, to) = cell.scores();
            let rank = set.count_scores(|score| score < from);
            for (member, score) in set.iter_from(rank).take_while(|(_, score)| *score < to) {
                if found.len() >= enough {
                    break;
                }
                let position = Cell::from_score(score).center();
                if let Some(distance_m) = area.distance_inside_m(position) {
                    found.push(Found { member, score, position, distance_m });
                }
            }
        }
        match self.order {
            Some(Order::Ascending) => found.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m)),
            Some(Order::Descending) => found.sort_by(|a, b| b.distance_m.total_cmp(&a.distance_m)),
            None => {}
        }
        found.truncate(self.count.unwrap_or(usize::MAX));
        found
    }

    fn answer(&self, reply: &mut Reply, found: &[Found<'_>], unit_m: f64) {
        let details = [self.with_distance, self.with_hash, self.with_position].iter().filter(|with| **with).count();
        reply.array(found.len());
        for found in found {
            if details > 0 {
                reply.array(1 + details);
            }
            reply.bulk(&found.member);
            if self.with_distance {
                put_distance(reply, found.distance_m / unit_m);
            }
            if self.with_hash {
                reply.int(found.score as i64);
            }
            if self.with_position {
                put_position(reply, found.position);
            }
        }
    }
}

/// What a GEOSEARCH has said so far.
#[derive(Clone, Copy, Default)]
struct Stated {
    member: bool,
    place: bool,
    radius: bool,
    sides: bool,
}

/// Answers how many words the flag takes more.
fn set_flag(flag: &mut bool) -> usize {
    *flag = true;
    0
}

/// `radius unit` from word `index` on.
fn circle(args: &Args<'_>, index: usize) -> Result<(Shape, f64), CommandError> {
    let radius = parse_f64(args.at(index)).ok_or(NO_RADIUS)?;
    if radius < 0.0 {
        return Err(NEGATIVE_RADIUS);
    }
    Ok((Shape::Circle { radius }, unit_m(args, index + 1)?))
}

/// `width height unit` from word `index` on.
fn sides(args: &Args<'_>, index: usize) -> Result<(Shape, f64), CommandError> {
    let width = parse_f64(args.at(index)).ok_or(NO_WIDTH)?;
    let height = parse_f64(args.at(index + 1)).ok_or(NO_HEIGHT)?;
    if width < 0.0 || height < 0.0 {
        return Err(NEGATIVE_SIDE);
    }
    Ok((Shape::Box { width, height }, unit_m(args, index + 2)?))
}
