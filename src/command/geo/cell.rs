//! Geohashes: the world as a grid of cells, whose numbers interleave their column and their row. Cells of the finest
//! grid have 52 bits, so that a double holds them: the scores of positions.

use super::position::{Area, MAX_LATITUDE, MAX_LONGITUDE, Position};

/// The grid of scores has 2^26 columns and rows.
pub(super) const FINEST: u32 = 26;

/// 2^64.
const SCORE_END: f64 = 18_446_744_073_709_551_616.0;

/// Half the length of the equator on a Mercator map.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

/// A cell of the grid with 2^`depth` columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    column: u32,
    row: u32,
    depth: u32,
}

/// The largest latitude of a grid.
#[derive(Clone, Copy)]
pub(super) enum Grid {
    Mercator,
    /// That of geohashes as text.
    Standard,
}

impl Grid {
    fn max_latitude(self) -> f64 {
        match self {
            Grid::Mercator => MAX_LATITUDE,
            Grid::Standard => 90.0,
        }
    }
}

impl Cell {
    pub fn of(position: Position, depth: u32, grid: Grid) -> Cell {
        let index = |degrees: f64, max: f64| ((degrees + max) / (2.0 * max) * f64::from(1 << depth)) as u32;
        let column = index(position.longitude, MAX_LONGITUDE);
        Cell { column, row: index(position.latitude, grid.max_latitude()), depth }
    }

    /// Of any score, as Redis reads it on x86-64: what is too large counts as none.
    pub fn from_score(score: f64) -> Cell {
        let bits = match score {
            ..0.0 => score as i64 as u64,
            0.0..SCORE_END => score as u64,
            _ => 0,
        };
        Cell { column: every_second(bits >> 1), row: every_second(bits), depth: FINEST }
    }

    /// Column and row interleaved, the column's bits above the row's.
    pub fn bits(self) -> u64 {
        spread(self.column) << 1 | spread(self.row)
    }

    /// The scores of the positions in the cell: from the first on, below the second.
    pub fn scores(self) -> (f64, f64) {
        let shift = 2 * (FINEST - self.depth);
        ((self.bits() << shift) as f64, ((self.bits() + 1) << shift) as f64)
    }

    /// (west, east), (south, north).
    fn edges(self) -> ((f64, f64), (f64, f64)) {
        let size = f64::from(1 << self.depth);
        let edge = |index: u32, max: f64| f64::from(index) / size * (2.0 * max) - max;
        let edges = |index: u32, max: f64| (edge(index, max), edge(index.wrapping_add(1), max));
        (edges(self.column, MAX_LONGITUDE), edges(self.row, MAX_LATITUDE))
    }

    pub fn center(self) -> Position {
        let ((west, east), (south, north)) = self.edges();
        Position {
            longitude: ((west + east) / 2.0).clamp(-MAX_LONGITUDE, MAX_LONGITUDE),
            latitude: ((south + north) / 2.0).clamp(-MAX_LATITUDE, MAX_LATITUDE),
        }
    }

    /// The cell so many columns to the east and rows to the north, around the world.
    fn moved(self, columns: i32, rows: i32) -> Cell {
        let wrapped = |index: u32, by: i32| match by {
            0 => index,
            by => index.wrapping_add_signed(by) & ((1 << self.depth) - 1),
        };
        Cell { column: wrapped(self.column, columns), row: wrapped(self.row, rows), ..self }
    }
}

/// Groups of 16, 8, 4, 2, 1 bits, each with as many zeros above it.
const GROUPS: [(u32, u64); 5] = [
    (16, 0x0000_ffff_0000_ffff),
    (8, 0x00ff_00ff_00ff_00ff),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
];

/// Moves the bits apart: to places 0, 2, 4 and so on.
fn spread(index: u32) -> u64 {
    GROUPS.iter().fold(index.into(), |bits, (size, mask)| (bits | bits << size) & mask)
}

/// The inverse: bits 0, 2, 4 and so on.
fn every_second(bits: u64) -> u32 {
    GROUPS.iter().rev().fold(bits, |bits, (size, mask)| {
        let kept = bits & mask;
        kept | kept >> size
    }) as u32
}

/// The cells that cover an area: the one around its center and those beside it that it reaches into, in the order in
/// which Redis visits them.
pub(super) fn covering(area: &Area) -> Vec<Cell> {
    let bounds = area.bounds();
    let mut depth = depth_for(area.reach_m(), area.center.latitude);
    let mut center = Cell::of(area.center, depth, Grid::Mercator);
    let ((west, _), (south, _)) = (center.moved(-1, 0).edges().0, center.moved(0, -1).edges().1);
    let ((_, east), (_, north)) = (center.moved(1, 0).edges().0, center.moved(0, 1).edges().1);
    let is_beyond = north < bounds.north || south > bounds.south || east < bounds.east || west > bounds.west;
    if depth > 1 && is_beyond {
        depth -= 1;
        center = Cell::of(area.center, depth, Grid::Mercator);
    }
    let ((west, east), (south, north)) = center.edges();
    // In the coarsest grid each cell has all others beside it.
    let reaches = |columns: i32, rows: i32| {
        depth < 2
            || !(rows < 0 && south < bounds.south
                || rows > 0 && north > bounds.north
                || columns < 0 && west < bounds.west
                || columns > 0 && east > bounds.east)
    };
    const AROUND: [(i32, i32); 8] = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
    let beside = AROUND.into_iter().filter(|(columns, rows)| reaches(*columns, *rows));
    let mut beside: Vec<Cell> = beside.map(|(columns, rows)| center.moved(columns, rows)).collect();
    // Around a small world one comes to the same cell from both sides.
    beside.dedup();
    beside.insert(0, center);
    beside
}

/// The depth of the grid whose cells are about as large as what is looked for. They are wider near the poles.
fn depth_for(reach_m: f64, latitude: f64) -> u32 {
    if reach_m == 0.0 {
        return FINEST;
    }
    let mut depth = -1;
    let mut doubled = reach_m;
    while doubled < MERCATOR_MAX_M {
        doubled *= 2.0;
        depth += 1;
    }
    for polar in [66.0, 80.0] {
        depth -= i32::from(latitude.abs() > polar);
    }
    depth.clamp(1, FINEST as i32) as u32
}

const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// The standard geohash of a score: ten digits of five bits. Two bits are left, shown as a zero.
pub(super) fn text(score: f64) -> [u8; 11] {
    let bits = Cell::of(Cell::from_score(score).center(), FINEST, Grid::Standard).bits();
    std::array::from_fn(|digit| match 47usize.checked_sub(5 * digit) {
        Some(shift) if digit < 10 => ALPHABET[(bits >> shift) as usize & 31],
        _ => ALPHABET[0],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_from_their_scores() {
        for (longitude, latitude) in [(13.361389, 38.115556), (-122.27652, 37.805186), (0.0, 0.0), (-180.0, -85.0)] {
            let position = Position { longitude, latitude };
            let (score, _) = Cell::of(position, FINEST, Grid::Mercator).scores();
            let back = Cell::from_score(score).center();
            assert!(position.distance_m(back) < 0.6, "{position:?} {back:?}");
        }
    }

    #[test]
    fn scores_and_texts_are_those_of_redis() {
        let palermo = Position { longitude: 13.361389, latitude: 38.115556 };
        let (score, _) = Cell::of(palermo, FINEST, Grid::Mercator).scores();
        assert_eq!(score, 3479099956230698.0);
        assert_eq!(&text(score), b"sqc8b49rny0");
    }

    #[test]
    fn bits_move_apart_and_back() {
        for index in [0, 1, 2, 0xffff, 0x1234_5678, u32::MAX] {
            assert_eq!(every_second(spread(index)), index);
            assert_eq!(every_second(spread(index) | spread(0x5a5a_1234) << 1), index);
        }
        assert_eq!(spread(0b1011), 0b1000101);
    }

    #[test]
    fn neighbours_wrap_around_the_world() {
        let corner = Cell { column: 7, row: 0, depth: 3 };
        assert_eq!(corner.moved(1, -1), Cell { column: 0, row: 7, depth: 3 });
        assert_eq!(corner.moved(1, -1).moved(-1, 1), corner);
    }
}
