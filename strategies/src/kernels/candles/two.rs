//! Patterns of two candles.

use assay_lang::Candle;

use super::Size::{self, Doji, Equal, LongBody, Near, NoShadow, ShortBody};
use super::{At, Walker, all, pattern, signal};

pub(super) fn make(candle: Candle, penetration: f64) -> Option<Box<dyn Walker>> {
    Some(match candle {
        Candle::CounterAttack => pattern(
            1,
            [(Equal, 1), (LongBody, 1), (LongBody, 0)],
            |at, [equal, long_before, long]| {
                let opposite = at.white(1) != at.white(0);
                let long = at.body(1) > long_before && at.body(0) > long;
                signal(opposite && long && At::within(at.c(0), at.c(1), equal), at.color(0))
            },
        ),
        Candle::DarkCloudCover => pattern(1, [(LongBody, 1)], move |at, [long]| {
            let colors = all([at.white(1), at.black(0), at.body(1) > long]);
            let deep = all([at.c(0) > at.o(1), at.c(0) < at.c(1) - at.body(1) * penetration]);
            signal(all([colors, at.o(0) > at.h(1), deep]), -1.0)
        }),
        Candle::DojiStar => pattern(1, [(LongBody, 1), (Doji, 0)], |at, [long, doji]| {
            let gap = if at.white(1) { at.gap_up(0, 1) } else { at.gap_down(0, 1) };
            signal(at.body(1) > long && at.body(0) <= doji && gap, -at.color(1))
        }),
        Candle::Engulfing => pattern(2, [], |at, []| engulfing(at)),
        Candle::Hammer => pattern(1, [(ShortBody, 0), (NoShadow, 0), (Near, 1)], |at, [short, none, near]| {
            let shape = at.body(0) < short && at.lower(0) > at.body(0) && at.upper(0) < none;
            signal(shape && at.bottom(0) <= at.l(1) + near, 1.0)
        }),
        Candle::HangingMan => pattern(1, [(ShortBody, 0), (NoShadow, 0), (Near, 1)], |at, [short, none, near]| {
            let shape = at.body(0) < short && at.lower(0) > at.body(0) && at.upper(0) < none;
            signal(shape && at.bottom(0) >= at.h(1) - near, -1.0)
        }),
        Candle::Harami => harami(ShortBody),
        Candle::HaramiCross => harami(Doji),
        Candle::HomingPigeon => pattern(1, [(LongBody, 1), (ShortBody, 0)], |at, [long, short]| {
            let bodies = at.black(1) && at.black(0) && at.body(1) > long && at.body(0) <= short;
            signal(bodies && at.o(0) < at.o(1) && at.c(0) > at.c(1), 1.0)
        }),
        Candle::InNeck => pattern(1, [(Equal, 1), (LongBody, 1)], |at, [equal, long]| {
            signal(
                falls_and_opens_lower(at, long) && at.c(0) <= at.c(1) + equal && at.c(0) >= at.c(1),
                -1.0,
            )
        }),
        Candle::InvertedHammer => pattern(1, [(ShortBody, 0), (NoShadow, 0)], |at, [short, none]| {
            signal(stands_on_its_body(at, short, none) && at.gap_down(0, 1), 1.0)
        }),
        Candle::ShootingStar => pattern(1, [(ShortBody, 0), (NoShadow, 0)], |at, [short, none]| {
            signal(stands_on_its_body(at, short, none) && at.gap_up(0, 1), -1.0)
        }),
        Candle::Kicking => pattern(
            1,
            [(NoShadow, 1), (NoShadow, 0), (LongBody, 1), (LongBody, 0)],
            |at, averages| signal(kicks(at, averages), at.color(0)),
        ),
        Candle::KickingByLength => pattern(
            1,
            [(NoShadow, 1), (NoShadow, 0), (LongBody, 1), (LongBody, 0)],
            |at, averages| {
                let longer = if at.body(0) <= at.body(1) { at.color(1) } else { at.color(0) };
                signal(kicks(at, averages), longer)
            },
        ),
        Candle::MatchingLow => pattern(1, [(Equal, 1)], |at, [equal]| {
            signal(at.black(1) && at.black(0) && At::within(at.c(0), at.c(1), equal), 1.0)
        }),
        Candle::OnNeck => pattern(1, [(Equal, 1), (LongBody, 1)], |at, [equal, long]| {
            signal(falls_and_opens_lower(at, long) && At::within(at.c(0), at.l(1), equal), -1.0)
        }),
        Candle::Piercing => pattern(1, [(LongBody, 1), (LongBody, 0)], |at, [long_before, long]| {
            let opens = falls_and_opens_lower(at, long_before) && at.body(0) > long;
            signal(opens && at.c(0) < at.o(1) && at.c(0) > at.c(1) + at.body(1) * 0.5, 1.0)
        }),
        Candle::SeparatingLines => pattern(1, [(NoShadow, 0), (LongBody, 0), (Equal, 1)], |at, [none, long, equal]| {
            let opens = if at.white(0) { at.lower(0) } else { at.upper(0) };
            let same_open = at.white(1) != at.white(0) && At::within(at.o(0), at.o(1), equal);
            signal(same_open && at.body(0) > long && opens < none, at.color(0))
        }),
        Candle::Thrusting => pattern(1, [(Equal, 1), (LongBody, 1)], |at, [equal, long]| {
            let closes = at.c(0) > at.c(1) + equal && at.c(0) <= at.c(1) + at.body(1) * 0.5;
            signal(falls_and_opens_lower(at, long) && closes, -1.0)
        }),
        _ => return None,
    })
}

/// 80 instead of 100 where one end of both bodies is the same.
fn engulfing(at: At<'_>) -> f64 {
    let (o, c, o1, c1) = (at.o(0), at.c(0), at.o(1), at.c(1));
    let up = at.white(0) && at.black(1) && ((c >= o1 && o < c1) || (c > o1 && o <= c1));
    let down = at.black(0) && at.white(1) && ((o >= c1 && c < o1) || (o > c1 && c <= o1));
    if !up && !down {
        0.0
    } else if o != c1 && c != o1 {
        100.0 * at.color(0)
    } else {
        80.0 * at.color(0)
    }
}

/// 80 instead of 100 where one end of both bodies is the same.
fn harami(small: Size) -> Box<dyn Walker> {
    pattern(1, [(LongBody, 1), (small, 0)], |at, [long, small]| {
        if at.body(1) <= long || at.body(0) > small {
            return 0.0;
        }
        if at.top(0) < at.top(1) && at.bottom(0) > at.bottom(1) {
            -100.0 * at.color(1)
        } else if at.top(0) <= at.top(1) && at.bottom(0) >= at.bottom(1) {
            -80.0 * at.color(1)
        } else {
            0.0
        }
    })
}

/// A long black candle, then a white one that opens below its low.
fn falls_and_opens_lower(at: At<'_>, long: f64) -> bool {
    at.black(1) && at.body(1) > long && at.white(0) && at.o(0) < at.l(1)
}

/// A short body with a long upper shadow and no lower one.
fn stands_on_its_body(at: At<'_>, short: f64, none: f64) -> bool {
    at.body(0) < short && at.upper(0) > at.body(0) && at.lower(0) < none
}

/// Two opposite marubozu with a gap in the direction of the second.
fn kicks(at: At<'_>, [none_before, none, long_before, long]: [f64; 4]) -> bool {
    let bare = |back: usize, none: f64| all([at.upper(back) < none, at.lower(back) < none]);
    let gap = if at.black(1) { at.l(0) > at.h(1) } else { at.h(0) < at.l(1) };
    let long = all([at.body(1) > long_before, at.body(0) > long]);
    all([at.white(1) != at.white(0), long, bare(1, none_before), bare(0, none), gap])
}
