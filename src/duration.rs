//! Times of hours and days, as people write them: `90m`, `24h`, `3d`, `1w`. Pure.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// What a message says of a text that is none.
pub const EXAMPLES: &str = "write a time such as `90m`, `24h` or `3d`";

/// Returns the time that `text` names; days have 24 hours. `None` where it names none, or one below zero.
pub fn parse(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (!duration.is_negative()).then_some(duration)
}

/// Returns a time as a configuration spells it: `24h`, `90m` or `45s`. Parts of a second are left out.
pub fn spelled(time: SignedDuration) -> String {
    match time.as_secs() {
        seconds if seconds != 0 && seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds != 0 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(parse("24h"), parse("1d"));
        assert_eq!(parse("1w").unwrap().as_hours(), 168);
        assert_eq!(parse("0s").unwrap(), SignedDuration::ZERO);
        for text in ["", "x", "-1h", "1mo", "24"] {
            assert!(parse(text).is_none(), "{text}");
        }
        // What `config show` prints is read again.
        for (text, spelling) in [("90m", "90m"), ("3d", "72h"), ("61s", "61s"), ("0s", "0s")] {
            let time = parse(text).unwrap();
            assert_eq!((spelled(time).as_str(), parse(&spelled(time))), (spelling, Some(time)), "{text}");
        }
    }
}
