//! Patterns of a single candle.

use assay_lang::Candle;

use super::Size::{Doji, LongBody, Near, NoShadow, ShortBody, ShortShadow};
use super::{Walker, pattern, signal};

pub(super) fn make(candle: Candle) -> Option<Box<dyn Walker>> {
    Some(match candle {
        Candle::BeltHold => pattern(0, [(LongBody, 0), (NoShadow, 0)], |at, [long, none]| {
            let opens = if at.white(0) { at.lower(0) } else { at.upper(0) };
            signal(at.body(0) > long && opens < none, at.color(0))
        }),
        Candle::ClosingMarubozu => pattern(0, [(LongBody, 0), (NoShadow, 0)], |at, [long, none]| {
            let closes = if at.white(0) { at.upper(0) } else { at.lower(0) };
            signal(at.body(0) > long && closes < none, at.color(0))
        }),
        Candle::Doji => pattern(0, [(Doji, 0)], |at, [doji]| signal(at.body(0) <= doji, 1.0)),
        Candle::DragonflyDoji => pattern(0, [(Doji, 0), (NoShadow, 0)], |at, [doji, none]| {
            signal(at.body(0) <= doji && at.upper(0) < none && at.lower(0) > none, 1.0)
        }),
        Candle::GravestoneDoji => pattern(0, [(Doji, 0), (NoShadow, 0)], |at, [doji, none]| {
            signal(at.body(0) <= doji && at.lower(0) < none && at.upper(0) > none, 1.0)
        }),
        Candle::HighWave => pattern(0, [(ShortBody, 0)], |at, [short]| {
            let body = at.body(0);
            signal(
                body < short && at.upper(0) > 2.0 * body && at.lower(0) > 2.0 * body,
                at.color(0),
            )
        }),
        Candle::LongLeggedDoji => pattern(0, [(Doji, 0)], |at, [doji]| {
            let body = at.body(0);
            signal(body <= doji && (at.lower(0) > body || at.upper(0) > body), 1.0)
        }),
        Candle::LongLine => pattern(0, [(LongBody, 0), (ShortShadow, 0)], |at, [long, short]| {
            signal(at.body(0) > long && at.upper(0) < short && at.lower(0) < short, at.color(0))
        }),
        Candle::Marubozu => pattern(0, [(LongBody, 0), (NoShadow, 0)], |at, [long, none]| {
            signal(at.body(0) > long && at.upper(0) < none && at.lower(0) < none, at.color(0))
        }),
        Candle::RickshawMan => pattern(0, [(Doji, 0), (Near, 0)], |at, [doji, near]| {
            let (body, middle) = (at.body(0), at.l(0) + (at.h(0) - at.l(0)) / 2.0);
            let legs = at.lower(0) > body && at.upper(0) > body;
            let centered = at.bottom(0) <= middle + near && at.top(0) >= middle - near;
            signal(body <= doji && legs && centered, 1.0)
        }),
        Candle::ShortLine => pattern(0, [(ShortBody, 0), (ShortShadow, 0)], |at, [body, shadow]| {
            signal(at.body(0) < body && at.upper(0) < shadow && at.lower(0) < shadow, at.color(0))
        }),
        Candle::SpinningTop => pattern(0, [(ShortBody, 0)], |at, [short]| {
            let body = at.body(0);
            signal(body < short && at.upper(0) > body && at.lower(0) > body, at.color(0))
        }),
        Candle::Takuri => pattern(0, [(Doji, 0), (NoShadow, 0)], |at, [doji, none]| {
            signal(
                at.body(0) <= doji && at.upper(0) < none && at.lower(0) > 2.0 * at.body(0),
                1.0,
            )
        }),
        _ => return None,
    })
}
