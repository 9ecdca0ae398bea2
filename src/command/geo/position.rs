//! Where something is on the earth, and how far from something else.

/// Mean radius of the earth.
const EARTH_RADIUS_M: f64 = 6_372_797.560856;
const RADIANS_PER_DEGREE: f64 = std::f64::consts::PI / 180.0;

pub(super) const MAX_LONGITUDE: f64 = 180.0;
/// Web Mercator ends here (EPSG:3857): the poles have no position.
pub(super) const MAX_LATITUDE: f64 = 85.05112878;

/// In degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Position {
    pub longitude: f64,
    pub latitude: f64,
}

impl Position {
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= MAX_LONGITUDE && self.latitude.abs() <= MAX_LATITUDE
    }

    /// Along the great circle, by the haversine formula.
    pub fn distance_m(self, other: Position) -> f64 {
        let half_sine = |a: f64, b: f64| ((radians(b) - radians(a)) / 2.0).sin();
        let v = half_sine(self.longitude, other.longitude);
        if v == 0.0 {
            return self.distance_north_m(other);
        }
        let u = half_sine(self.latitude, other.latitude);
        let a = u * u + radians(self.latitude).cos() * radians(other.latitude).cos() * v * v;
        2.0 * EARTH_RADIUS_M * a.sqrt().asin()
    }

    /// Along a meridian.
    pub fn distance_north_m(self, other: Position) -> f64 {
        EARTH_RADIUS_M * (radians(other.latitude) - radians(self.latitude)).abs()
    }
}

fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_PER_DEGREE
}

/// What lies between these degrees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl Bounds {
    /// Around a position, so many meters to each side; as wide as the side that is nearer to its pole needs.
    pub fn around(center: Position, width_m: f64, height_m: f64) -> Bounds {
        let degrees = |angle: f64| angle / RADIANS_PER_DEGREE;
        let tall = degrees(height_m / EARTH_RADIUS_M);
        let edge = if center.latitude < 0.0 { center.latitude - tall } else { center.latitude + tall };
        let wide = degrees(width_m / EARTH_RADIUS_M / radians(edge).cos());
        Bounds {
            west: center.longitude - wide,
            south: center.latitude - tall,
            east: center.longitude + wide,
            north: center.latitude + tall,
        }
    }
}

/// What is looked for in: around a center, of sizes in a unit of so many meters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub center: Position,
    pub shape: Shape,
    /// Meters of the unit.
    pub unit_m: f64,
}

impl Area {
    pub fn bounds(&self) -> Bounds {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        Bounds::around(self.center, self.unit_m * width, self.unit_m * height)
    }

    /// From the center to the farthest corner.
    pub fn reach_m(&self) -> f64 {
        let reach = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt(),
        };
        reach * self.unit_m
    }

    /// The distance of a position from the center, if it lies inside.
    pub fn distance_inside_m(&self, position: Position) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                let distance = self.center.distance_m(position);
                (distance <= radius * self.unit_m).then_some(distance)
            }
            Shape::Box { width, height } => {
                let beside = Position { longitude: self.center.longitude, latitude: position.latitude };
                let is_inside = position.distance_north_m(self.center) <= height * self.unit_m / 2.0
                    && position.distance_m(beside) <= width * self.unit_m / 2.0;
                is_inside.then(|| self.center.distance_m(position))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palermo_and_catania_are_166_km_apart() {
        let palermo = Position { longitude: 13.361389, latitude: 38.115556 };
        let catania = Position { longitude: 15.087269, latitude: 37.502669 };
        assert!((palermo.distance_m(catania) - 166_274.0).abs() < 1.0);
        assert_eq!(palermo.distance_m(palermo), 0.0);
    }

    #[test]
    fn a_box_ends_where_it_says() {
        let center = Position { longitude: 0.0, latitude: 0.0 };
        let area = Area { center, shape: Shape::Box { width: 400.0, height: 200.0 }, unit_m: 1000.0 };
        for (longitude, latitude, is_inside) in
            [(0.0, 0.0, true), (1.7, 0.0, true), (1.9, 0.0, false), (0.0, 0.89, true), (0.0, 0.91, false)]
        {
            let position = Position { longitude, latitude };
            assert_eq!(area.distance_inside_m(position).is_some(), is_inside, "{position:?}");
        }
    }
}
