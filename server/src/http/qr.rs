//! An address as a QR code: one path, which a page draws in its own colours and prints.

use qrcode::{Color, EcLevel, QrCode};
use serde::Serialize;

/// A drawing in modules: `viewBox="0 0 size size"`, the quiet zone included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Drawing {
    size: usize,
    /// For the `d` of a path.
    path: String,
}

/// Modules that stay free on each side, so that phones find the code.
const QUIET: usize = 4;

/// `None` where the text is too long, which no address of ours is.
pub(super) fn draw(text: &str) -> Option<Drawing> {
    use std::fmt::Write;
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let (width, modules) = (code.width(), code.to_colors());
    let mut path = String::new();
    for (y, row) in modules.chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let dark = row[x..].iter().take_while(|module| **module == Color::Dark).count();
            if dark > 0 {
                write!(path, "M{} {}h{dark}v1h-{dark}z", x + QUIET, y + QUIET).ok()?;
            }
            x += dark.max(1);
        }
    }
    Some(Drawing { size: width + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_has_the_three_finders_and_a_quiet_zone() {
        let Drawing { size, path } =
            draw("https://sangam.example/join#AAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let far = size - QUIET - 7;
        for (x, y) in [(QUIET, QUIET), (far, QUIET), (QUIET, far)] {
            assert!(path.contains(&format!("M{x} {y}h7v1h-7z")), "no finder at {x}, {y}");
        }
        assert!(path.split('M').skip(1).all(|run| !run.starts_with("0 ")), "the zone is free");
        assert!(path.bytes().all(|byte| b"Mhvz- 0123456789".contains(&byte)));
        assert!(draw(&"x".repeat(5_000)).is_none());
    }
}
