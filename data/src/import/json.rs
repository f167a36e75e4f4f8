//! JSON: arrays of trades or candles as ccxt and exchanges' REST interfaces give them, and captured streams of Binance.
//!
//! A captured stream is a line a message: the time at which it came in, in UTC nanoseconds, a space, and what the exchange sent. Trades and best
//! quotes are read, at the time at which they came in: that is the one clock that all messages share.

use std::fmt;
use std::io::BufReader;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::{self, Deserializer as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::Deserializer;

use super::columns::{Role, Shape};
use super::container::Input;
use super::error::{ImportError, Problem};
use super::number::decimal;
use super::plan::Part;
use super::records::RowError;
use super::rows::{Layout, Lines, Rows, Syntax, shortened, side};
use super::times::TimeRule;
use crate::error::DataError;

/// Rows handed on at a time.
const BATCH: usize = 131_072;
/// Unix times in milliseconds.
const MILLISECONDS: TimeRule = TimeRule::Unix { unit_ns: 1_000_000 };

/// A captured stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Messages {
    /// The exchange's name of the instrument.
    pub(super) instrument: String,
}

/// What the elements of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Array {
    /// Objects with `timestamp`, `price`, `amount` and `side`.
    Trades,
    /// Arrays of time, open, high, low, close and volume.
    Candles,
}

/// What the first bytes of a file show.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No JSON.
    Text,
    /// An array of a known kind.
    Array(Array),
    /// Messages of a captured stream, the time of the first of them, and what there is among the first of them.
    Stream {
        messages: Messages,
        first: i64,
        shapes: Vec<Shape>,
    },
    /// Known not to be read.
    OrderBook,
    /// Trades of a bot, in its report.
    Report,
    /// JSON of another kind.
    Other,
}

/// Looks at the first bytes of a file.
pub(super) fn look(bytes: &[u8]) -> Found {
    let start = bytes.trim_ascii_start();
    if let Some(rest) = start.strip_prefix(b"[") {
        let rest = rest.trim_ascii_start();
        return match rest.first() {
            Some(b'[') => Found::Array(Array::Candles),
            Some(b'{') if has(rest, b"\"price\"") && has(rest, b"\"amount\"") && has(rest, b"\"timestamp\"") => {
                Found::Array(Array::Trades)
            }
            _ if has(rest, b"\"positionId\"") => Found::Report,
            _ => Found::Other,
        };
    }
    if start.first() == Some(&b'{') {
        let line = first_line(start);
        return if has(start, b"\"strategy\"") && has(start, b"\"trades\"") {
            Found::Report
        } else if has(line, b"orderbook") {
            Found::OrderBook
        } else {
            Found::Other
        };
    }
    if !has(first_line(start), b" {\"") {
        return Found::Text;
    }
    let (mut begin, mut shapes) = (None, Vec::new());
    for line in start.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n")) {
        if let Ok(Some((time, tick))) = message(line) {
            let shape = match tick {
                Tick::Trade(_) => Shape::Trades,
                Tick::Quote(_) => Shape::Quotes,
            };
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
            begin.get_or_insert_with(|| (time, tick.instrument().to_owned()));
        }
    }
    match begin {
        Some((first, instrument)) => Found::Stream {
            messages: Messages { instrument },
            first,
            shapes,
        },
        None if has(start, b"\"depthUpdate\"") => Found::OrderBook,
        None => Found::Other,
    }
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == b'\n').next().unwrap_or_default()
}

/// How an array is laid out.
pub(super) fn array_layout(array: Array) -> Layout {
    let (shape, roles) = match array {
        Array::Trades => (Shape::Trades, vec![Role::Time, Role::Slot(0), Role::Slot(1), Role::Side]),
        Array::Candles => (Shape::Bars, [Role::Time].into_iter().chain((0..5).map(Role::Slot)).collect()),
    };
    Layout::new(Syntax::Array(array), roles, shape, MILLISECONDS)
}

/// How the trades or the quotes of a captured stream are laid out.
pub(super) fn stream_layout(messages: Messages, shape: Shape) -> Layout {
    let mut roles = vec![Role::Time];
    roles.extend((0..shape.slots().len()).map(Role::Slot));
    if shape == Shape::Trades {
        roles.push(Role::BuyerMaker);
    }
    Layout::new(Syntax::Messages(messages), roles, shape, TimeRule::Unix { unit_ns: 1 })
}

/// A number, written as one or as a text.
#[derive(Debug, Clone, Copy)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                let value = decimal(text, 0).filter(|value| value.is_finite());
                value
                    .map(Number)
                    .ok_or_else(|| E::custom(format!("`{}` is not a number", shortened(text))))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// A message, alone or as one of a combined stream.
#[derive(Deserialize)]
#[serde(untagged)]
enum Envelope<T> {
    Combined { data: T },
    Alone(T),
}

impl<T> Envelope<T> {
    fn open(self) -> T {
        match self {
            Self::Combined { data } | Self::Alone(data) => data,
        }
    }
}

#[derive(Deserialize)]
struct TradeMessage {
    #[serde(rename = "s")]
    instrument: String,
    #[serde(rename = "p")]
    price: Number,
    #[serde(rename = "q")]
    size: Number,
    #[serde(rename = "m")]
    buyer_maker: bool,
    /// Of futures: what made the trade.
    #[serde(rename = "X")]
    cause: Option<String>,
}

#[derive(Deserialize)]
struct QuoteMessage {
    #[serde(rename = "s")]
    instrument: String,
    #[serde(rename = "b")]
    bid: Number,
    #[serde(rename = "B")]
    bid_size: Number,
    #[serde(rename = "a")]
    ask: Number,
    #[serde(rename = "A")]
    ask_size: Number,
}

enum Tick {
    Trade(TradeMessage),
    Quote(QuoteMessage),
}

impl Tick {
    fn instrument(&self) -> &str {
        match self {
            Self::Trade(trade) => &trade.instrument,
            Self::Quote(quote) => &quote.instrument,
        }
    }
}

/// The time and the tick in a line; nothing where it is a message about something else.
fn message(line: &[u8]) -> Result<Option<(i64, Tick)>, Problem> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    let split = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    let (time, json) = line.split_at(split);
    let text = String::from_utf8_lossy(time);
    let time: i64 = text.parse().map_err(|_| Problem::BadTime {
        text: shortened(&text),
        expected: "unix nanoseconds, a space and a message".to_owned(),
    })?;
    // What a message is stands at its beginning; books, by far the longest of them, are not parsed.
    let head = &json[..json.len().min(96)];
    let fault = |error: serde_json::Error| Problem::Json(error.to_string());
    if has(head, b"\"e\":\"trade\"") || has(head, b"\"e\":\"aggTrade\"") {
        let trade: Envelope<TradeMessage> = serde_json::from_slice(json).map_err(fault)?;
        return Ok(Some((time, Tick::Trade(trade.open()))));
    }
    if has(head, b"bookTicker\"") || (has(head, b"\"B\":") && has(head, b"\"u\":")) {
        let quote: Envelope<QuoteMessage> = serde_json::from_slice(json).map_err(fault)?;
        return Ok(Some((time, Tick::Quote(quote.open()))));
    }
    // Cut-off and garbled lines are no messages of another kind.
    let parsed: Result<IgnoredAny, _> = serde_json::from_slice(json);
    parsed.map(|_| None).map_err(fault)
}

/// Reads at most `limit` trades or quotes of whole lines.
pub(super) fn read_messages(messages: &Messages, shape: Shape, text: &[u8], limit: usize) -> Result<Rows, RowError> {
    let mut rows = Rows::new(shape, &(0..shape.slots().len()).map(Role::Slot).collect::<Vec<_>>(), 0);
    rows.lines = Lines::Listed(Vec::new());
    for (index, line) in text.split_inclusive(|b| *b == b'\n').enumerate() {
        let at = index as u64 + 1;
        rows.line_count = at;
        let fail = |problem| RowError {
            line: at,
            column: None,
            problem,
        };
        if rows.len() == limit {
            break;
        }
        let Some((time, tick)) = message(line).map_err(fail)? else {
            continue;
        };
        if tick.instrument() != messages.instrument {
            return Err(fail(Problem::SeveralInstruments {
                earlier: messages.instrument.clone(),
                found: shortened(tick.instrument()),
            }));
        }
        match tick {
            Tick::Trade(trade) if shape == Shape::Trades => {
                // Transfers to an insurance fund and the like are no trades in the market.
                if trade.cause.as_deref().is_some_and(|cause| cause != "MARKET") {
                    rows.suspicious += 1;
                    continue;
                }
                rows.values[0].push(trade.price.0);
                rows.values[1].push(trade.size.0);
                rows.side.push(if trade.buyer_maker { -1 } else { 1 });
            }
            Tick::Quote(quote) if shape == Shape::Quotes => {
                let values = [quote.bid, quote.ask, quote.bid_size, quote.ask_size];
                for (column, Number(value)) in rows.values.iter_mut().zip(values) {
                    column.push(value);
                }
            }
            Tick::Trade(_) | Tick::Quote(_) => continue,
        }
        rows.lines.push(rows.times.len(), at);
        rows.times.push(time);
    }
    Ok(rows)
}

/// Reads the elements of an array; they count as lines.
pub(super) fn read_array(part: &Part, take: &mut dyn FnMut(Rows, bool) -> Result<(), DataError>) -> Result<(), DataError> {
    let Syntax::Array(array) = part.layout.syntax else {
        unreachable!("the planner gives arrays this syntax");
    };
    let mut failed = None;
    elements(&part.input, array, BATCH, &mut |rows, last| match take(rows, last) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)
}

/// The time of the first element, and the distance of the first two.
pub(super) fn begin(input: &Input, array: Array) -> Result<(i64, Option<i64>), ImportError> {
    let mut first = None;
    elements(input, array, 2, &mut |rows, _| {
        let gap = rows.times.get(1).map(|second| second - rows.times[0]);
        first = rows.times.first().map(|time| (*time, gap));
        ControlFlow::Break(())
    })?;
    first.ok_or_else(|| input.error(Problem::Empty))
}

/// Hands on the elements of an array, `batch` at a time, until told to stop; with the last of them comes `true`.
fn elements(
    input: &Input,
    array: Array,
    batch: usize,
    take: &mut dyn FnMut(Rows, bool) -> ControlFlow<()>,
) -> Result<(), ImportError> {
    input.read(|reader| {
        let mut json = Deserializer::from_reader(BufReader::with_capacity(1 << 16, reader));
        let mut collector = Collector {
            array,
            batch,
            rows: empty(array),
            read: 0,
            problem: None,
            stopped: false,
            take,
        };
        let outcome = json.deserialize_seq(&mut collector).and_then(|()| json.end());
        let at = |collector: &Collector<'_>, problem| {
            let mut error = input.error(problem);
            error.place.line = Some(collector.read + 1);
            error
        };
        match (collector.problem.take(), outcome) {
            (Some((column, problem)), _) => {
                let mut error = at(&collector, problem);
                error.place.column = Some(column.to_owned());
                Err(error)
            }
            (None, _) if collector.stopped => Ok(()),
            (None, Err(error)) if error.is_io() => Err(input.read_error(error.into())),
            (None, Err(error)) => Err(at(&collector, Problem::Json(error.to_string()))),
            (None, Ok(())) if collector.read == 0 => Err(input.error(Problem::Empty)),
            (None, Ok(())) => Ok(()),
        }
    })
}

fn empty(array: Array) -> Rows {
    let layout = array_layout(array);
    Rows::new(layout.shape, &layout.roles, 0)
}

#[derive(Deserialize)]
struct CcxtTrade {
    timestamp: i64,
    price: Number,
    amount: Number,
    side: Option<String>,
}

#[derive(Deserialize)]
struct Candle(i64, Number, Number, Number, Number, Number);

struct Collector<'a> {
    array: Array,
    batch: usize,
    rows: Rows,
    /// Elements so far.
    read: u64,
    problem: Option<(&'static str, Problem)>,
    stopped: bool,
    take: &'a mut dyn FnMut(Rows, bool) -> ControlFlow<()>,
}

impl Collector<'_> {
    fn hand_on(&mut self, last: bool) -> bool {
        let mut rows = std::mem::replace(&mut self.rows, empty(self.array));
        rows.lines = Lines::From(1);
        rows.line_count = rows.len() as u64;
        self.stopped = (self.take)(rows, last).is_break();
        self.stopped
    }

    /// `false` if the element is none.
    fn push(&mut self, time: i64, values: &[Number], side: Option<i8>) -> bool {
        let Some(time) = time.checked_mul(1_000_000) else {
            let text = time.to_string();
            self.problem = Some(("time", Problem::TimeOutOfRange { text }));
            return false;
        };
        self.rows.times.push(time);
        for (column, Number(value)) in self.rows.values.iter_mut().zip(values) {
            column.push(*value);
        }
        self.rows.side.extend(side);
        self.read += 1;
        true
    }
}

impl<'de> Visitor<'de> for &mut Collector<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of trades or candles")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        // Anything ends the reading; what it was is kept aside.
        let stop = || de::Error::custom("stopped");
        loop {
            let pushed = match self.array {
                Array::Trades => {
                    let Some(trade) = elements.next_element::<CcxtTrade>()? else {
                        break;
                    };
                    match side(trade.side.as_deref().unwrap_or_default()) {
                        Ok(side) => self.push(trade.timestamp, &[trade.price, trade.amount], Some(side)),
                        Err(problem) => {
                            self.problem = Some(("side", problem));
                            false
                        }
                    }
                }
                Array::Candles => {
                    let Some(Candle(time, open, high, low, close, volume)) = elements.next_element()? else {
                        break;
                    };
                    self.push(time, &[open, high, low, close, volume], None)
                }
            };
            if !pushed || (self.rows.len() >= self.batch && self.hand_on(false)) {
                return Err(stop());
            }
        }
        self.hand_on(true);
        Ok(())
    }
}
