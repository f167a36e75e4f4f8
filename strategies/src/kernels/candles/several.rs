//! Patterns of three candles and more.

use assay_lang::Candle;

use super::Size::{Doji, Equal, Far, LongBody, Near, NoShadow, ShortBody, ShortShadow};
use super::hikkake::hikkake;
use super::{At, Size, Walker, all, any, pattern, signal};

pub(super) fn make(candle: Candle, penetration: f64) -> Box<dyn Walker> {
    match candle {
        Candle::ThreeBlackCrows => pattern(
            3,
            [(NoShadow, 2), (NoShadow, 1), (NoShadow, 0)],
            |at, [none2, none1, none0]| {
                let crow = |back: usize, none: f64| all([at.black(back), at.lower(back) < none]);
                let inside = |back: usize| all([at.o(back) < at.o(back + 1), at.o(back) > at.c(back + 1)]);
                let crows = all([at.white(3), crow(2, none2), crow(1, none1), crow(0, none0)]);
                let falls = all([at.h(3) > at.c(2), at.c(2) > at.c(1), at.c(1) > at.c(0)]);
                signal(all([crows, falls, inside(1), inside(0)]), -1.0)
            },
        ),
        Candle::IdenticalThreeCrows => pattern(
            2,
            [(NoShadow, 2), (NoShadow, 1), (NoShadow, 0), (Equal, 2), (Equal, 1)],
            |at, [none2, none1, none0, equal2, equal1]| {
                let crow = |back: usize, none: f64| all([at.black(back), at.lower(back) < none]);
                let crows = all([crow(2, none2), crow(1, none1), crow(0, none0)]);
                let falls = all([at.c(2) > at.c(1), at.c(1) > at.c(0)]);
                let opens = all([At::within(at.o(1), at.c(2), equal2), At::within(at.o(0), at.c(1), equal1)]);
                signal(all([crows, falls, opens]), -1.0)
            },
        ),
        Candle::TwoCrows => pattern(2, [(LongBody, 2)], |at, [long]| {
            let first = at.white(2) && at.body(2) > long && at.black(1) && at.gap_up(1, 2) && at.black(0);
            let opens = at.o(0) < at.o(1) && at.o(0) > at.c(1);
            signal(first && opens && at.c(0) > at.o(2) && at.c(0) < at.c(2), -1.0)
        }),
        Candle::UpsideGapTwoCrows => pattern(2, [(LongBody, 2), (ShortBody, 1)], |at, [long, short]| {
            let first = at.white(2) && at.body(2) > long && at.black(1) && at.body(1) <= short && at.gap_up(1, 2);
            let engulfs = at.black(0) && at.o(0) > at.o(1) && at.c(0) < at.c(1);
            signal(first && engulfs && at.c(0) > at.c(2), -1.0)
        }),
        Candle::ThreeInside => pattern(2, [(LongBody, 2), (ShortBody, 1)], |at, [long, short]| {
            let harami = at.body(2) > long && at.body(1) <= short && at.top(1) < at.top(2) && at.bottom(1) > at.bottom(2);
            let confirmed = if at.white(2) {
                at.black(0) && at.c(0) < at.o(2)
            } else {
                at.white(0) && at.c(0) > at.o(2)
            };
            signal(harami && confirmed, -at.color(2))
        }),
        Candle::ThreeOutside => pattern(3, [], |at, []| {
            let up = at.white(1) && at.black(2) && at.c(1) > at.o(2) && at.o(1) < at.c(2) && at.c(0) > at.c(1);
            let down = at.black(1) && at.white(2) && at.o(1) > at.c(2) && at.c(1) < at.o(2) && at.c(0) < at.c(1);
            signal(up || down, at.color(1))
        }),
        Candle::ThreeLineStrike => pattern(3, [(Near, 3), (Near, 2)], |at, [near3, near2]| {
            let opens = |back: usize, near: f64| {
                all([
                    at.o(back) >= at.bottom(back + 1) - near,
                    at.o(back) <= at.top(back + 1) + near,
                ])
            };
            let alike = |back: usize| at.white(back) == at.white(1);
            let up = all([at.c(1) > at.c(2), at.c(2) > at.c(3), at.o(0) > at.c(1), at.c(0) < at.o(3)]);
            let down = all([at.c(1) < at.c(2), at.c(2) < at.c(3), at.o(0) < at.c(1), at.c(0) > at.o(3)]);
            let strikes = any([all([at.white(1), up]), all([at.black(1), down])]);
            let colors = all([alike(3), alike(2), !alike(0)]);
            signal(all([colors, opens(2, near3), opens(1, near2), strikes]), at.color(1))
        }),
        Candle::ThreeStarsInSouth => pattern(
            2,
            [(LongBody, 2), (NoShadow, 1), (NoShadow, 0), (ShortBody, 0)],
            |at, [long, none1, none0, short]| {
                let black = all([at.black(2), at.black(1), at.black(0)]);
                let first = all([at.body(2) > long, at.lower(2) > at.body(2)]);
                let opens = all([at.o(1) > at.c(2), at.o(1) <= at.h(2)]);
                let second = all([
                    at.body(1) < at.body(2),
                    at.l(1) < at.c(2),
                    at.l(1) >= at.l(2),
                    at.lower(1) > none1,
                ]);
                let third = all([at.body(0) < short, at.lower(0) < none0, at.upper(0) < none0]);
                let inside = all([at.l(0) > at.l(1), at.h(0) < at.h(1)]);
                signal(all([black, first, opens, second, third, inside]), 1.0)
            },
        ),
        Candle::ThreeWhiteSoldiers => white_soldiers(),
        Candle::AdvanceBlock => advance_block(),
        Candle::StalledPattern => pattern(
            2,
            [
                (LongBody, 2),
                (LongBody, 1),
                (ShortBody, 0),
                (NoShadow, 1),
                (Near, 2),
                (Near, 1),
            ],
            |at, [long2, long1, short, none, near2, near1]| {
                let rise = all([at.white(2), at.white(1), at.white(0), at.c(0) > at.c(1), at.c(1) > at.c(2)]);
                let long = all([at.body(2) > long2, at.body(1) > long1, at.upper(1) < none]);
                let opens = all([at.o(1) > at.o(2), at.o(1) <= at.c(2) + near2]);
                let stalls = all([at.body(0) < short, at.o(0) >= at.c(1) - at.body(0) - near1]);
                signal(all([rise, long, opens, stalls]), -1.0)
            },
        ),
        Candle::AbandonedBaby => pattern(
            2,
            [(LongBody, 2), (Doji, 1), (ShortBody, 0)],
            move |at, [long, doji, short]| {
                let bodies = all([at.body(2) > long, at.body(1) <= doji, at.body(0) > short]);
                let reach = at.body(2) * penetration;
                let down = all([
                    at.white(2),
                    at.black(0),
                    at.c(0) < at.c(2) - reach,
                    at.l(1) > at.h(2),
                    at.h(0) < at.l(1),
                ]);
                let up = all([
                    at.black(2),
                    at.white(0),
                    at.c(0) > at.c(2) + reach,
                    at.h(1) < at.l(2),
                    at.l(0) > at.h(1),
                ]);
                signal(all([bodies, any([down, up])]), at.color(0))
            },
        ),
        Candle::EveningDojiStar => star(Doji, true, penetration),
        Candle::EveningStar => star(ShortBody, true, penetration),
        Candle::MorningDojiStar => star(Doji, false, penetration),
        Candle::MorningStar => star(ShortBody, false, penetration),
        Candle::GapSideSideWhite => pattern(2, [(Near, 1), (Equal, 1)], |at, [near, equal]| {
            let up = at.gap_up(1, 2) && at.gap_up(0, 2);
            let down = at.gap_down(1, 2) && at.gap_down(0, 2);
            let white = at.white(1) && at.white(0);
            let alike = At::within(at.body(0), at.body(1), near) && At::within(at.o(0), at.o(1), equal);
            signal((up || down) && white && alike, if up { 1.0 } else { -1.0 })
        }),
        Candle::StickSandwich => pattern(2, [(Equal, 2)], |at, [equal]| {
            let colors = at.black(2) && at.white(1) && at.black(0);
            signal(colors && at.l(1) > at.c(2) && At::within(at.c(0), at.c(2), equal), 1.0)
        }),
        Candle::TasukiGap => pattern(2, [(Near, 1)], |at, [near]| {
            let alike = (at.body(1) - at.body(0)).abs() < near;
            let up = at.gap_up(1, 2) && at.white(1) && at.black(0) && at.o(0) < at.c(1) && at.o(0) > at.o(1);
            let up = up && at.c(0) < at.o(1) && at.c(0) > at.top(2);
            let down = at.gap_down(1, 2) && at.black(1) && at.white(0) && at.o(0) < at.o(1) && at.o(0) > at.c(1);
            let down = down && at.c(0) > at.o(1) && at.c(0) < at.bottom(2);
            signal(alike && (up || down), at.color(1))
        }),
        Candle::Tristar => pattern(2, [(Doji, 2)], |at, [doji]| {
            let dojis = all([at.body(2) <= doji, at.body(1) <= doji, at.body(0) <= doji]);
            let up = all([at.gap_down(1, 2), at.bottom(0) > at.bottom(1)]);
            let down = all([at.gap_up(1, 2), at.top(0) < at.top(1)]);
            signal(all([dojis, any([up, down])]), if up { 1.0 } else { -1.0 })
        }),
        Candle::UniqueThreeRiver => pattern(2, [(LongBody, 2), (ShortBody, 0)], |at, [long, short]| {
            let first = at.body(2) > long && at.black(2) && at.black(1) && at.c(1) > at.c(2) && at.o(1) <= at.o(2);
            signal(
                first && at.l(1) < at.l(2) && at.body(0) < short && at.white(0) && at.o(0) > at.l(1),
                1.0,
            )
        }),
        Candle::SideGapThreeMethods => pattern(2, [], |at, []| {
            let colors = at.white(2) == at.white(1) && at.white(0) != at.white(1);
            let closes = at.o(0) < at.top(1) && at.o(0) > at.bottom(1) && at.c(0) < at.top(2) && at.c(0) > at.bottom(2);
            let gap = if at.white(2) { at.gap_up(1, 2) } else { at.gap_down(1, 2) };
            signal(colors && closes && gap, at.color(2))
        }),
        Candle::ConcealBabySwallow => pattern(
            3,
            [(NoShadow, 3), (NoShadow, 2), (NoShadow, 1)],
            |at, [none3, none2, none1]| {
                let bare = |back: usize, none: f64| all([at.lower(back) < none, at.upper(back) < none]);
                let black = all([at.black(3), at.black(2), at.black(1), at.black(0)]);
                let third = all([at.gap_down(1, 2), at.upper(1) > none1, at.h(1) > at.c(2)]);
                let swallows = all([at.h(0) > at.h(1), at.l(0) < at.l(1)]);
                signal(all([black, bare(3, none3), bare(2, none2), third, swallows]), 1.0)
            },
        ),
        Candle::Breakaway => pattern(4, [(LongBody, 4)], |at, [long]| {
            let alike = |back: usize| at.white(back) == at.white(4);
            let colors = all([alike(3), alike(1), !alike(0)]);
            let falls = |back: usize| all([at.h(back) < at.h(back + 1), at.l(back) < at.l(back + 1)]);
            let rises = |back: usize| all([at.h(back) > at.h(back + 1), at.l(back) > at.l(back + 1)]);
            let up = all([
                at.black(4),
                at.gap_down(3, 4),
                falls(2),
                falls(1),
                at.c(0) > at.o(3),
                at.c(0) < at.c(4),
            ]);
            let down = all([
                at.white(4),
                at.gap_up(3, 4),
                rises(2),
                rises(1),
                at.c(0) < at.o(3),
                at.c(0) > at.c(4),
            ]);
            signal(all([at.body(4) > long, colors, any([up, down])]), at.color(0))
        }),
        Candle::LadderBottom => pattern(4, [(NoShadow, 1)], |at, [none]| {
            let black = all([at.black(4), at.black(3), at.black(2), at.black(1)]);
            let falls = all([at.o(4) > at.o(3), at.o(3) > at.o(2), at.c(4) > at.c(3), at.c(3) > at.c(2)]);
            let turns = all([at.upper(1) > none, at.white(0), at.o(0) > at.o(1), at.c(0) > at.h(1)]);
            signal(all([black, falls, turns]), 1.0)
        }),
        Candle::MatHold => mat_hold(penetration),
        Candle::RiseFallThreeMethods => three_methods(),
        Candle::Hikkake => hikkake(2, [], |at, []| all([at.h(1) < at.h(2), at.l(1) > at.l(2)])),
        Candle::HikkakeMod => hikkake(7, [(Near, 2)], |at, [near]| {
            let inside = all([at.h(2) < at.h(3), at.l(2) > at.l(3), at.h(1) < at.h(2), at.l(1) > at.l(2)]);
            let low = all([at.h(0) < at.h(1), at.c(2) <= at.l(2) + near]);
            let high = all([at.h(0) >= at.h(1), at.c(2) >= at.h(2) - near]);
            all([inside, any([low, high])])
        }),
        // All others are patterns of one or two candles.
        other => unreachable!("{other:?} has been made"),
    }
}

/// Three white candles without upper shadows, each opening near the close before, none much shorter than the one before.
fn white_soldiers() -> Box<dyn Walker> {
    pattern(
        2,
        [
            (NoShadow, 2),
            (NoShadow, 1),
            (NoShadow, 0),
            (Near, 2),
            (Near, 1),
            (Far, 2),
            (Far, 1),
            (ShortBody, 0),
        ],
        |at, [none2, none1, none0, near2, near1, far2, far1, short]| {
            let soldier = |back: usize, none: f64| all([at.white(back), at.upper(back) < none]);
            let soldiers = all([soldier(2, none2), soldier(1, none1), soldier(0, none0)]);
            let rise = all([at.c(0) > at.c(1), at.c(1) > at.c(2)]);
            let long = all([
                at.body(1) > at.body(2) - far2,
                at.body(0) > at.body(1) - far1,
                at.body(0) > short,
            ]);
            signal(
                all([soldiers, rise, long, opens_near(at, 1, near2), opens_near(at, 0, near1)]),
                1.0,
            )
        },
    )
}

/// Opens within the body before, or just above it.
#[inline(always)]
fn opens_near(at: At<'_>, back: usize, near: f64) -> bool {
    all([at.o(back) > at.o(back + 1), at.o(back) <= at.c(back + 1) + near])
}

/// Three white candles with ever shorter bodies, or longer shadows.
fn advance_block() -> Box<dyn Walker> {
    pattern(
        2,
        [
            (ShortShadow, 2),
            (ShortShadow, 1),
            (ShortShadow, 0),
            (Near, 2),
            (Near, 1),
            (Far, 2),
            (Far, 1),
            (LongBody, 2),
        ],
        |at, [shadow2, shadow1, shadow0, near2, near1, far2, far1, long]| {
            let rise = all([at.white(2), at.white(1), at.white(0), at.c(0) > at.c(1), at.c(1) > at.c(2)]);
            let begins = all([at.body(2) > long, at.upper(2) < shadow2]);
            let (first, second, third) = (at.body(2), at.body(1), at.body(0));
            let shadows = any([at.upper(0) > shadow0, at.upper(1) > shadow1]);
            let weaker = any([
                all([second < first - far2, third < second + near1]),
                third < second - far1,
                all([third < second, second < first, shadows]),
                all([third < second, at.upper(0) > third]),
            ]);
            signal(
                all([rise, begins, weaker, opens_near(at, 1, near2), opens_near(at, 0, near1)]),
                -1.0,
            )
        },
    )
}

/// A long candle, a small one with a gap in its direction, and one back deep into the first.
fn star(small: Size, evening: bool, penetration: f64) -> Box<dyn Walker> {
    pattern(
        2,
        [(LongBody, 2), (small, 1), (ShortBody, 0)],
        move |at, [long, small, short]| {
            let bodies = all([at.body(2) > long, at.body(1) <= small, at.body(0) > short]);
            let reach = at.body(2) * penetration;
            let down = all([at.white(2), at.gap_up(1, 2), at.black(0), at.c(0) < at.c(2) - reach]);
            let up = all([at.black(2), at.gap_down(1, 2), at.white(0), at.c(0) > at.c(2) + reach]);
            signal(
                all([bodies, if evening { down } else { up }]),
                if evening { -1.0 } else { 1.0 },
            )
        },
    )
}

fn mat_hold(penetration: f64) -> Box<dyn Walker> {
    pattern(
        4,
        [(LongBody, 4), (ShortBody, 3), (ShortBody, 2), (ShortBody, 1)],
        move |at, [long, short3, short2, short1]| {
            let bodies = all([
                at.body(4) > long,
                at.body(3) < short3,
                at.body(2) < short2,
                at.body(1) < short1,
            ]);
            let colors = all([at.white(4), at.black(3), at.white(0)]);
            let floor = at.c(4) - at.body(4) * penetration;
            let holds = |back: usize| all([at.bottom(back) < at.c(4), at.bottom(back) > floor]);
            let falls = all([at.gap_up(3, 4), at.top(2) < at.o(3), at.top(1) < at.top(2)]);
            let breaks = all([at.o(0) > at.c(1), at.c(0) > at.h(3), at.c(0) > at.h(2), at.c(0) > at.h(1)]);
            signal(all([bodies, colors, holds(2), holds(1), falls, breaks]), 1.0)
        },
    )
}

fn three_methods() -> Box<dyn Walker> {
    pattern(
        4,
        [(LongBody, 4), (ShortBody, 3), (ShortBody, 2), (ShortBody, 1), (LongBody, 0)],
        |at, [long4, short3, short2, short1, long0]| {
            let small = all([at.body(3) < short3, at.body(2) < short2, at.body(1) < short1]);
            let long = all([at.body(4) > long4, at.body(0) > long0]);
            let against = |back: usize| at.white(back) != at.white(4);
            let colors = all([against(3), against(2), against(1), !against(0)]);
            let inside = |back: usize| all([at.bottom(back) < at.h(4), at.top(back) > at.l(4)]);
            let sign = at.color(4);
            let retreat = all([at.c(2) * sign < at.c(3) * sign, at.c(1) * sign < at.c(2) * sign]);
            let on = all([at.o(0) * sign > at.c(1) * sign, at.c(0) * sign > at.c(4) * sign]);
            signal(all([small, long, colors, inside(3), inside(2), inside(1), retreat, on]), sign)
        },
    )
}
