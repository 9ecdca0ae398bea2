//! LOLWUT: a tandem, two wheels one behind the other, in dots. The same arguments give the same picture.

use std::f64::consts::TAU;

use crate::config::REDIS_VERSION;

use super::{Args, Command, CommandError, Context, Flags, Outcome};

pub(super) const COMMANDS: &[Command] = &[Command::new("lolwut", lolwut, "[VERSION version:integer]")
    .about("Draws something, and says which version this is.")
    .since("5.0.0")
    .complexity("")
    .arity(-1)
    .flags(Flags::READONLY.with(Flags::FAST))];

const COLUMNS: (i64, i64, i64) = (40, 10, 160);
const SPOKES: (i64, i64, i64) = (7, 0, 60);

/// `LOLWUT [VERSION n] [columns] [spokes]`. Each version draws the same.
fn lolwut(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let first = if args.len() >= 3 && args.is(1, "version") { 3 } else { 1 };
    if first == 3 {
        args.int(2)?;
    }
    let columns = number(args, first, COLUMNS)?;
    let spokes = number(args, first + 1, SPOKES)?;
    let text = format!("{}\nRedis ver. {REDIS_VERSION}\n", tandem(columns as usize, spokes));
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

fn number(args: &Args<'_>, at: usize, (default, min, max): (i64, i64, i64)) -> Result<i64, CommandError> {
    if at < args.len() { Ok(args.int(at)?.clamp(min, max)) } else { Ok(default) }
}

fn tandem(columns: usize, spokes: i64) -> String {
    let mut canvas = Canvas::new(columns, columns.div_ceil(4));
    let radius = canvas.width() / 5.0;
    let hub_y = canvas.height() - radius - 1.0;
    let hubs = [radius + 1.0, canvas.width() - radius - 2.0];
    for (at, hub_x) in hubs.into_iter().enumerate() {
        canvas.circle(hub_x, hub_y, radius);
        for spoke in 0..spokes {
            // The second wheel has turned a little further.
            let angle = (spoke as f64 + 0.3 * at as f64) / spokes as f64 * TAU;
            canvas.line((hub_x, hub_y), (hub_x + radius * angle.cos(), hub_y + radius * angle.sin()));
        }
    }
    let (saddle_y, middle) = (hub_y - 1.1 * radius, (hubs[0] + hubs[1]) / 2.0);
    let saddles = [hubs[0] + 0.6 * radius, middle + 0.4 * radius];
    let bar = hubs[1] - 0.2 * radius;
    for saddle in saddles {
        canvas.line((saddle - 0.2 * radius, saddle_y - 2.0), (saddle + 0.3 * radius, saddle_y - 2.0));
        canvas.line((saddle, saddle_y - 2.0), (middle, hub_y));
    }
    canvas.line((hubs[0], hub_y), (saddles[0], saddle_y));
    canvas.line((hubs[0], hub_y), (middle, hub_y));
    canvas.line((saddles[0], saddle_y), (bar, saddle_y));
    canvas.line((middle, hub_y), (bar, saddle_y));
    canvas.line((bar - 0.3 * radius, saddle_y - 4.0), (hubs[1], hub_y));
    canvas.to_string()
}

/// Dots, two by four to a character.
struct Canvas {
    columns: usize,
    rows: usize,
    cells: Vec<u8>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Canvas {
        Canvas { columns, rows, cells: vec![0; columns * rows] }
    }

    fn width(&self) -> f64 {
        2.0 * self.columns as f64
    }

    fn height(&self) -> f64 {
        4.0 * self.rows as f64
    }

    /// Sets the dot at a place, if the place is on the canvas.
    fn dot(&mut self, x: f64, y: f64) {
        /// Bits of Unicode's braille patterns, by row and column within a character.
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        if !(0.0..self.width()).contains(&x) || !(0.0..self.height()).contains(&y) {
            return;
        }
        let (x, y) = (x as usize, y as usize);
        self.cells[y / 4 * self.columns + x / 2] |= BITS[y % 4][x % 2];
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = dx.abs().max(dy.abs()).ceil().max(1.0);
        for step in 0..=steps as usize {
            let part = step as f64 / steps;
            self.dot(from.0 + part * dx, from.1 + part * dy);
        }
    }

    fn circle(&mut self, x: f64, y: f64, radius: f64) {
        let steps = (TAU * radius * 2.0) as usize;
        for step in 0..steps {
            let angle = step as f64 / steps as f64 * TAU;
            self.dot(x + radius * angle.cos(), y + radius * angle.sin());
        }
    }
}

impl std::fmt::Display for Canvas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for row in self.cells.chunks(self.columns) {
            let line: String = row.iter().filter_map(|bits| char::from_u32(0x2800 + u32::from(*bits))).collect();
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
