//! Events, the clock, and sessions.

use super::{Row, formula, kernel, native, output};
use crate::functions::{Clock, Kernel as K, Native as N};

pub(super) const EVENT: &[Row] = &[
    (
        "crossover(a, b)",
        native(N::Crossover),
        "a is above b and was not at the bar before",
        "",
    ),
    (
        "crossunder(a, b)",
        native(N::Crossunder),
        "a is below b and was not at the bar before",
        "",
    ),
    (
        "cross(a, b)",
        formula("crossover(a, b) or crossunder(a, b)"),
        "a crosses b either way",
        "",
    ),
    (
        "barssince(condition)",
        native(N::BarsSince),
        "bars since the condition held, 0 where it does; null before",
        "",
    ),
    (
        "valuewhen(condition, x, occurrence:0 = 0)",
        kernel(K::ValueWhen),
        "x at the bar at which the condition held last, or so many times before that",
        "",
    ),
    (
        "rising(x, n = 1)",
        formula("x > highest(x, n)[1]"),
        "x is above all of the n bars before",
        "",
    ),
    (
        "falling(x, n = 1)",
        formula("x < lowest(x, n)[1]"),
        "x is below all of the n bars before",
        "",
    ),
    (
        "count(condition, n)",
        formula("sum(if(condition, 1, 0), n)"),
        "how many of the last n bars the condition held at",
        "",
    ),
    (
        "all_of(condition, n)",
        formula("sum(if(condition, 1, 0), n) == n"),
        "the condition held at each of the last n bars",
        "",
    ),
    (
        "any_of(condition, n)",
        formula("sum(if(condition, 1, 0), n) > 0"),
        "the condition held at one of the last n bars",
        "",
    ),
];

const fn clock(clock: Clock) -> crate::functions::Body {
    native(N::Clock(clock))
}

pub(super) const TIME: &[Row] = &[
    ("minute()", clock(Clock::Minute), "minute of the hour, 0 to 59", ""),
    ("hour()", clock(Clock::Hour), "hour of the day, 0 to 23", ""),
    ("minuteofday()", clock(Clock::MinuteOfDay), "minute of the day, 0 to 1439", ""),
    (
        "dayofweek()",
        clock(Clock::DayOfWeek),
        "day of the week, Monday 1 to Sunday 7",
        "",
    ),
    ("dayofmonth()", clock(Clock::DayOfMonth), "day of the month, 1 to 31", ""),
    ("dayofyear()", clock(Clock::DayOfYear), "day of the year, 1 to 366", ""),
    (
        "weekofyear()",
        clock(Clock::WeekOfYear),
        "week of the year as ISO 8601 counts, 1 to 53",
        "",
    ),
    ("month()", clock(Clock::Month), "month of the year, 1 to 12", ""),
    ("quarter()", clock(Clock::Quarter), "quarter of the year, 1 to 4", ""),
    ("year()", clock(Clock::Year), "year", ""),
];

pub(super) const SESSION: &[Row] = &[
    (
        "trading_day()",
        clock(Clock::TradingDay),
        "the trading day as days since 1970-01-01; where the market closes at weekends, Saturday and Sunday belong to Monday",
        "",
    ),
    (
        "session_minute()",
        clock(Clock::SessionMinute),
        "minutes since the session opened, or the trading day began where both are one; negative before",
        "",
    ),
    (
        "session_bar()",
        formula("_session_bar(trading_day(), session_minute(), 0)"),
        "bars of this trading day before this one",
        "",
    ),
    (
        "is_session_start()",
        formula("session_bar() == 0"),
        "this is the first bar of its trading day",
        "",
    ),
    (
        "session_open()",
        formula("_session_open(trading_day(), session_minute(), 0)"),
        "first price of the trading day",
        "",
    ),
    (
        "session_high()",
        formula("_session_high(trading_day(), session_minute(), 0)"),
        "highest price of the trading day so far",
        "",
    ),
    (
        "session_low()",
        formula("_session_low(trading_day(), session_minute(), 0)"),
        "lowest price of the trading day so far",
        "",
    ),
    (
        "prev_session_open()",
        formula("_session_before_open(trading_day(), session_minute(), 0)"),
        "first price of the trading day before",
        "",
    ),
    (
        "prev_session_high()",
        formula("_session_before_high(trading_day(), session_minute(), 0)"),
        "highest price of the trading day before",
        "",
    ),
    (
        "prev_session_low()",
        formula("_session_before_low(trading_day(), session_minute(), 0)"),
        "lowest price of the trading day before",
        "",
    ),
    (
        "prev_session_close()",
        formula("_session_before_close(trading_day(), session_minute(), 0)"),
        "last price of the trading day before",
        "",
    ),
    (
        "opening_range.high(minutes)",
        formula("_session_range_high(trading_day(), session_minute(), minutes)"),
        "highest price of the first minutes of the session; null until they are over",
        "T. Crabel, Day Trading with Short Term Price Patterns, 1990",
    ),
    (
        "opening_range.low(minutes)",
        formula("_session_range_low(trading_day(), session_minute(), minutes)"),
        "lowest price of the first minutes of the session; null until they are over",
        "T. Crabel, Day Trading with Short Term Price Patterns, 1990",
    ),
    (
        "pivot.p()",
        formula("(prev_session_high() + prev_session_low() + prev_session_close()) / 3"),
        "pivot of the trading day before",
        "floor traders",
    ),
    (
        "pivot.r1()",
        formula("2 * pivot_p() - prev_session_low()"),
        "first resistance over the pivot",
        "floor traders",
    ),
    (
        "pivot.s1()",
        formula("2 * pivot_p() - prev_session_high()"),
        "first support under the pivot",
        "floor traders",
    ),
    (
        "pivot.r2()",
        formula("pivot_p() + prev_session_high() - prev_session_low()"),
        "second resistance over the pivot",
        "floor traders",
    ),
    (
        "pivot.s2()",
        formula("pivot_p() - prev_session_high() + prev_session_low()"),
        "second support under the pivot",
        "floor traders",
    ),
    (
        "_session_bar(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 0),
        "bars before in the day x",
        "",
    ),
    (
        "_session_open(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 1),
        "first price",
        "",
    ),
    (
        "_session_high(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 2),
        "highest price so far",
        "",
    ),
    (
        "_session_low(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 3),
        "lowest price so far",
        "",
    ),
    (
        "_session_before_open(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 4),
        "of the day before",
        "",
    ),
    (
        "_session_before_high(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 5),
        "of the day before",
        "",
    ),
    (
        "_session_before_low(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 6),
        "of the day before",
        "",
    ),
    (
        "_session_before_close(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 7),
        "of the day before",
        "",
    ),
    (
        "_session_range_high(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 8),
        "of the first minutes",
        "",
    ),
    (
        "_session_range_low(x, y, minutes:0) of open, high, low, close",
        output(K::Session, 9),
        "of the first minutes",
        "",
    ),
];
