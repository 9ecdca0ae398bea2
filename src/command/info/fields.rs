//! The text of INFO as it grows.

use std::fmt::{Display, Write};

/// Sections of lines, separated by empty ones.
#[derive(Default)]
pub(super) struct Fields {
    text: String,
}

impl Fields {
    pub fn begin(&mut self, title: &str) {
        let gap = if self.text.is_empty() { "" } else { "\r\n" };
        self.line(format_args!("{gap}# {title}"));
    }

    pub fn add(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name}:{value}"));
    }

    pub fn flag(&mut self, name: &str, is_so: bool) {
        self.add(name, u8::from(is_so));
    }

    /// Two decimals.
    pub fn decimal(&mut self, name: &str, value: f64) {
        self.add(name, format_args!("{value:.2}"));
    }

    /// Two decimals and a percent sign.
    pub fn percent(&mut self, name: &str, part: u64, whole: u64) {
        self.add(name, format_args!("{:.2}%", ratio(part, whole) * 100.0));
    }

    /// Bytes, and a second line for people.
    pub fn bytes(&mut self, name: &str, bytes: u64) {
        self.add(name, bytes);
        self.add(&format!("{name}_human"), human(bytes));
    }

    /// What cannot be other than 0 here.
    pub fn zeros(&mut self, names: &[&str]) {
        for name in names {
            self.add(name, 0);
        }
    }

    pub fn text(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{line}\r\n");
    }
}

/// 0 where there is no whole.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// `1023B`, `1.00K`, `1.50M`.
pub(super) fn human(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in ["K", "M", "G", "T", "P"] {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    if unit == "B" { format!("{bytes}B") } else { format!("{size:.2}{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_for_people_as_redis_writes_them() {
        let sizes = [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1_500_000, "1.43M"), (3 << 30, "3.00G")];
        for (bytes, text) in sizes {
            assert_eq!(human(bytes), text);
        }
        assert_eq!(human(5 << 40), "5.00T");
    }
}
