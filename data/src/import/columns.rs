//! What the columns of a file mean: names to roles to the shape of a dataset.

use assay_core::job::DataKind;
use assay_core::nearest;

use super::error::Problem;

/// The columns of one kind of dataset. A slot is the position of a value column in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Bid, ask and their sizes.
    Quotes,
    /// Price and size.
    Trades,
    /// Open, high, low, close, volume.
    Bars,
    /// Open, high, low, close of bid and ask, volume.
    QuoteBars,
    /// Funding rates.
    Funding,
}

impl Shape {
    /// Names of the value columns. The first [`Shape::prices`] are what a row is about, the others sizes.
    pub(super) const fn slots(self) -> &'static [&'static str] {
        match self {
            Self::Quotes => &["bid", "ask", "bid_size", "ask_size"],
            Self::Trades => &["price", "size"],
            Self::Bars => &["open", "high", "low", "close", "volume"],
            Self::QuoteBars => &[
                "bid_open",
                "bid_high",
                "bid_low",
                "bid_close",
                "ask_open",
                "ask_high",
                "ask_low",
                "ask_close",
                "volume",
            ],
            Self::Funding => &["rate"],
        }
    }

    /// How many of the slots are prices (of funding the rate); these a file must have.
    pub(super) const fn prices(self) -> usize {
        match self {
            Self::Quotes => 2,
            Self::Trades | Self::Funding => 1,
            Self::Bars => 4,
            Self::QuoteBars => 8,
        }
    }

    /// Whether several rows may have one time.
    pub(super) const fn times_repeat(self) -> bool {
        matches!(self, Self::Quotes | Self::Trades)
    }

    /// Whether rows are bars.
    pub(super) const fn is_bars(self) -> bool {
        matches!(self, Self::Bars | Self::QuoteBars)
    }
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Skip,
    /// The whole time.
    Time,
    /// The date; the time of day is in another column.
    Date,
    /// The time of day.
    Clock,
    /// A value of the shape.
    Slot(usize),
    /// The aggressor: buy or sell.
    Side,
    /// True where the buyer's order was in the book, so that the seller was the aggressor.
    BuyerMaker,
    /// 1 where the source doubts the row.
    Suspicious,
    /// The close after splits and dividends: its ratio to the close goes for all prices of the row.
    Adjusted,
}

impl Role {
    /// Its name in errors.
    pub(super) fn name(self, shape: Shape) -> &'static str {
        match self {
            Self::Skip => "_",
            Self::Time => "time",
            Self::Date => "date",
            Self::Clock => "time of day",
            Self::Slot(slot) => shape.slots()[slot],
            Self::Side => "side",
            Self::BuyerMaker => "is_buyer_maker",
            Self::Suspicious => "suspicious",
            Self::Adjusted => "adj_close",
        }
    }
}

/// What names mean, the preferred name first: of several columns with one meaning the earliest name in its list wins.
const MEANINGS: [(&str, &[&str]); 24] = [
    (
        "time",
        &[
            "timestamp",
            "datetime",
            "date_time",
            "time",
            "open_time",
            "opentime",
            "ts",
            "epoch",
            "unix",
            "gmt_time",
            "t",
            "funding_time",
            "fundingtime",
            "fundingratetimestamp",
            "calc_time",
            "transact_time",
            "transaction_time",
            "local_time",
            "month",
        ],
    ),
    ("date", &["date", "day"]),
    ("open", &["open", "o"]),
    ("high", &["high", "h"]),
    ("low", &["low", "l"]),
    ("close", &["close", "c"]),
    ("volume", &["volume", "vol", "v", "tickvol", "tick_volume"]),
    ("bid", &["bid", "bid_price", "bidprice", "best_bid", "best_bid_price", "b"]),
    (
        "ask",
        &["ask", "ask_price", "askprice", "offer", "best_ask", "best_ask_price", "a"],
    ),
    (
        "bid_size",
        &[
            "bid_size",
            "bidsize",
            "bid_qty",
            "best_bid_qty",
            "bid_volume",
            "bidvolume",
            "bid_vol",
            "bid_amount",
        ],
    ),
    (
        "ask_size",
        &[
            "ask_size",
            "asksize",
            "ask_qty",
            "best_ask_qty",
            "ask_volume",
            "askvolume",
            "ask_vol",
            "ask_amount",
        ],
    ),
    ("price", &["price", "trade_price", "last", "last_price", "p", "px"]),
    ("size", &["size", "qty", "amount", "quantity", "last_size", "q"]),
    ("side", &["side", "taker_side", "aggressor"]),
    ("rate", &["rate", "funding_rate", "fundingrate", "last_funding_rate"]),
    ("is_buyer_maker", &["is_buyer_maker", "isbuyermaker"]),
    ("bid_open", &["bid_open", "bidopen"]),
    ("bid_high", &["bid_high", "bidhigh"]),
    ("bid_low", &["bid_low", "bidlow"]),
    ("bid_close", &["bid_close", "bidclose"]),
    ("ask_open", &["ask_open", "askopen"]),
    ("ask_high", &["ask_high", "askhigh"]),
    ("ask_low", &["ask_low", "asklow"]),
    ("ask_close", &["ask_close", "askclose"]),
];

/// Endings of a time column's name that state its unit.
const UNIT_ENDINGS: [(&str, i64); 4] = [("_ns", 1), ("_us", 1_000), ("_ms", 1_000_000), ("_s", 1_000_000_000)];

/// The slot of a bar that a name stands for.
pub(super) fn bar_slot(name: &str) -> Option<usize> {
    let (meaning, ..) = meaning(name)?;
    Shape::Bars.slots().iter().position(|slot| *slot == meaning)
}

/// Whether a name stands for the time.
pub(super) fn is_time(name: &str) -> bool {
    matches!(meaning(name), Some(("time" | "date", ..)))
}

/// Whether a name has a meaning.
pub(super) fn is_known(name: &str) -> bool {
    meaning(name).is_some()
}

/// The meaning of a column's name, the rank of the name among its synonyms, and the unit it states for a time.
fn meaning(name: &str) -> Option<(&'static str, usize, Option<i64>)> {
    let plain = normal(name);
    let find = |text: &str| {
        MEANINGS
            .iter()
            .find_map(|(meaning, names)| names.iter().position(|known| *known == text).map(|rank| (*meaning, rank)))
    };
    if let Some((meaning, rank)) = find(&plain) {
        return Some((meaning, rank, None));
    }
    let stem = plain.strip_suffix("_utc").unwrap_or(&plain);
    let (stem, unit) = UNIT_ENDINGS
        .iter()
        .find_map(|(ending, unit)| stem.strip_suffix(ending).map(|stem| (stem, Some(*unit))))
        .unwrap_or((stem, None));
    find(stem)
        .filter(|(meaning, _)| *meaning == "time")
        .map(|(meaning, rank)| (meaning, rank, unit))
}

/// Lower case, words joined by `_`, without quotes and angle brackets.
pub(super) fn normal(name: &str) -> String {
    name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'))
        .to_lowercase()
        .replace([' ', '-', '.'], "_")
}

/// The roles of a file's columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    /// One role per column.
    pub(super) roles: Vec<Role>,
    /// What they make up.
    pub(super) shape: Shape,
    /// Nanoseconds in a unit of the time column, if its name says so.
    pub(super) unit_ns: Option<i64>,
    /// Names that have no use.
    pub(super) ignored: Vec<String>,
}

impl Columns {
    /// Whether of each bar only the close is known.
    pub(super) fn closes_only(&self) -> bool {
        self.shape == Shape::Bars && self.roles.contains(&Role::Slot(3)) && !self.roles.contains(&Role::Slot(0))
    }
}

/// Roles from the names in a header or a Parquet schema; unknown names are ignored.
pub(super) fn from_names(names: &[&str], kind: Option<DataKind>) -> Result<Columns, Problem> {
    let found: Vec<_> = names.iter().map(|name| meaning(name)).collect();
    for (index, name) in names.iter().enumerate() {
        if found[index].is_some() && names[..index].iter().any(|earlier| normal(earlier) == normal(name)) {
            return Err(Problem::ColumnTwice {
                name: (*name).to_owned(),
            });
        }
    }
    assign(names, &found, kind, true)
}

/// Roles from `--columns`; unknown names are refused.
pub(super) fn from_request(names: &[String], kind: Option<DataKind>) -> Result<Columns, Problem> {
    let mut found: Vec<Found> = Vec::with_capacity(names.len());
    for name in names {
        let this = match name.trim() {
            "_" | "" => None,
            known => Some(meaning(known).ok_or_else(|| {
                let all: Vec<&str> = MEANINGS.iter().map(|(meaning, _)| *meaning).chain(["_"]).collect();
                Problem::UnknownColumn {
                    name: known.to_owned(),
                    hint: nearest::hint(known, &all),
                }
            })?),
        };
        if this.is_some_and(|(meaning, ..)| found.iter().flatten().any(|(earlier, ..)| *earlier == meaning)) {
            return Err(Problem::ColumnTwice { name: name.clone() });
        }
        found.push(this);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut columns = assign(&names, &found, kind, false)?;
    columns.ignored.clear();
    Ok(columns)
}

type Found = Option<(&'static str, usize, Option<i64>)>;

/// The roles of columns. In a file with two columns the one beside the time may have any name, `any_name`, and be a price.
fn assign(names: &[&str], found: &[Found], kind: Option<DataKind>, any_name: bool) -> Result<Columns, Problem> {
    let best = |wanted: &str| -> Option<usize> {
        let candidates = found.iter().enumerate();
        candidates
            .filter_map(|(index, found)| {
                found
                    .filter(|(meaning, ..)| *meaning == wanted)
                    .map(|(_, rank, _)| (rank, index))
            })
            .min()
            .map(|(_, index)| index)
    };
    let shape = shape_of(kind, |name| best(name).is_some())?;
    let closes = match kind {
        Some(DataKind::Bars) if shape == Shape::Bars => only_price(found, any_name),
        _ => None,
    };
    let mut roles = vec![Role::Skip; names.len()];
    let mut missing = Vec::new();
    for (slot, name) in shape.slots().iter().enumerate() {
        if let (Some(close), 0..4) = (closes, slot) {
            roles[close] = Role::Slot(3);
            continue;
        }
        let index = best(name).or_else(|| {
            if shape == Shape::Trades && *name == "size" {
                best("volume")
            } else {
                None
            }
        });
        match index {
            Some(index) => roles[index] = Role::Slot(slot),
            None if slot < shape.prices() => missing.push(*name),
            None => {}
        }
    }
    let (time, date) = (best("time"), best("date"));
    let mut unit_ns = None;
    match (time, date) {
        // `date` beside `time` is the other half of it; beside `timestamp` or `datetime` it repeats it.
        (Some(time), Some(date)) if normal(names[time]) == "time" => {
            roles[time] = Role::Clock;
            roles[date] = Role::Date;
        }
        (Some(time), _) => {
            roles[time] = Role::Time;
            unit_ns = found[time].and_then(|(_, _, unit)| unit);
        }
        (None, Some(date)) => roles[date] = Role::Time,
        (None, None) => missing.insert(0, "time"),
    }
    if !missing.is_empty() {
        return Err(missing_columns(&missing, names));
    }
    if shape == Shape::Trades {
        if let Some(side) = best("side") {
            roles[side] = Role::Side;
        } else if let Some(maker) = best("is_buyer_maker") {
            roles[maker] = Role::BuyerMaker;
        }
    }
    let unused = names.iter().zip(&roles).filter(|(_, role)| **role == Role::Skip);
    Ok(Columns {
        ignored: unused.map(|(name, _)| (*name).to_owned()).collect(),
        roles,
        shape,
        unit_ns,
    })
}

/// The one column of prices where there is only one: closes without the rest of a bar.
fn only_price(found: &[Found], any_name: bool) -> Option<usize> {
    let columns = |wanted: &[&str]| -> Vec<usize> {
        let is = |found: &Found| found.is_some_and(|(meaning, ..)| wanted.contains(&meaning));
        (0..found.len()).filter(|index| is(&found[*index])).collect()
    };
    if ["open", "high", "low", "close"]
        .iter()
        .all(|name| !columns(&[*name]).is_empty())
    {
        return None;
    }
    match (columns(&["close", "price"]).as_slice(), columns(&["time", "date"]).as_slice()) {
        ([price], _) => Some(*price),
        (_, [time]) if any_name && found.len() == 2 => Some(1 - time),
        _ => None,
    }
}

fn missing_columns(missing: &[&str], names: &[&str]) -> Problem {
    const SHOWN: usize = 12;
    let mut listed = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        listed.push_str(", …");
    }
    Problem::MissingColumns {
        missing: missing.join(", "),
        names: listed,
    }
}

fn shape_of(kind: Option<DataKind>, has: impl Fn(&str) -> bool) -> Result<Shape, Problem> {
    let all = |names: &[&str]| names.iter().all(|name| has(name));
    let sides = all(&Shape::QuoteBars.slots()[..8]);
    let bars = sides || all(&["open", "high", "low", "close"]);
    let quotes = all(&["bid", "ask"]);
    let trades = has("price");
    let bar_shape = if sides { Shape::QuoteBars } else { Shape::Bars };
    match kind {
        Some(DataKind::Quotes) => return Ok(Shape::Quotes),
        Some(DataKind::Trades) => return Ok(Shape::Trades),
        Some(DataKind::Bars) => return Ok(bar_shape),
        // Only when asked for: a rate may be many things, an exchange rate for one.
        Some(DataKind::Funding) => return Ok(Shape::Funding),
        None => {}
    }
    let ambiguous = |first, second| Err(Problem::AmbiguousKind { first, second });
    match (quotes, trades, bars) {
        (true, true, _) => ambiguous("quotes", "trades"),
        (true, _, true) => ambiguous("quotes", "bars"),
        (_, true, true) => ambiguous("trades", "bars"),
        (true, ..) => Ok(Shape::Quotes),
        (_, true, _) => Ok(Shape::Trades),
        // With neither, the most likely kind names what is missing.
        _ if !bars && (has("bid") || has("ask")) => Ok(Shape::Quotes),
        _ => Ok(bar_shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_well_known_sources() {
        use Role::{Clock, Date, Side, Skip, Slot, Time};
        let roles = |header: &str| {
            let names: Vec<&str> = header.split(',').collect();
            from_names(&names, None).map(|c| (c.shape, c.roles)).unwrap()
        };
        assert_eq!(roles("time_ms,bid,ask"), (Shape::Quotes, vec![Time, Slot(0), Slot(1)]));
        assert_eq!(
            roles("Date,Open,High,Low,Close,Adj Close,Volume"),
            (Shape::Bars, vec![Time, Slot(0), Slot(1), Slot(2), Slot(3), Skip, Slot(4)])
        );
        assert_eq!(
            roles("<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>,<VOL>,<SPREAD>"),
            (
                Shape::Bars,
                vec![Date, Clock, Slot(0), Slot(1), Slot(2), Slot(3), Skip, Slot(4), Skip]
            )
        );
        assert_eq!(
            roles("timestamp,id,type,side,price,amount,cost"),
            (Shape::Trades, vec![Time, Skip, Skip, Side, Slot(0), Slot(1), Skip])
        );
        assert_eq!(roles("Timestamp,Last,Volume"), (Shape::Trades, vec![Time, Slot(0), Slot(1)]));
    }

    #[test]
    fn names_that_do_not_fit_are_explained() {
        let problem = |header: &str, kind| from_names(&header.split(',').collect::<Vec<_>>(), kind).unwrap_err();
        assert!(matches!(problem("time,bid,ask,last", None), Problem::AmbiguousKind { .. }));
        assert!(from_names(&["time", "bid", "ask", "last"], Some(DataKind::Quotes)).is_ok());
        let Problem::MissingColumns { missing, .. } = problem("Date,AAPL,MSFT", None) else {
            panic!("wide files have no known column");
        };
        assert_eq!(missing, "open, high, low, close");
        assert!(matches!(problem("open,high,low,close", None), Problem::MissingColumns { missing, .. } if missing == "time"));
        assert!(matches!(problem("Date,Close,Close", None), Problem::ColumnTwice { .. }));
        let request =
            |names: &[&str]| from_request(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>(), None).unwrap_err();
        assert!(matches!(request(&["time", "bdi", "ask"]), Problem::UnknownColumn { hint, .. } if hint.contains("`bid`")));
        assert!(matches!(request(&["time", "bid", "ask", "bid"]), Problem::ColumnTwice { .. }));
    }
}
