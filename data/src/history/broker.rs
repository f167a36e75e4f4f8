//! Delimited text with a trade a line, by the names that brokers and platforms give their columns.

use assay_core::calendar::Zone;
use assay_core::time::UtcNs;
use csv::{ReaderBuilder, StringRecord};

use super::{History, HistoryOptions, PastTrade, at};
use crate::import::{ImportError, Input, Problem, TimeReader, TimeRule, delimiter, year_last};

/// What a column may be called; names are compared in lower case, without anything but letters and digits.
const NAMES: [(&str, &[&str]); 13] = [
    ("instrument", &["symbol", "instrument", "pair", "market", "ticker", "item"]),
    ("side", &["side", "direction", "type", "action", "position", "buysell"]),
    (
        "entry",
        &[
            "entrytime",
            "opentime",
            "opendate",
            "openingtime",
            "entrydate",
            "timeopen",
            "dateopened",
        ],
    ),
    (
        "exit",
        &[
            "exittime",
            "closetime",
            "closedate",
            "closingtime",
            "exitdate",
            "timeclose",
            "dateclosed",
        ],
    ),
    (
        "entry_price",
        &["entryprice", "openprice", "openingprice", "openrate", "priceopen", "avgentry"],
    ),
    (
        "exit_price",
        &[
            "exitprice",
            "closeprice",
            "closingprice",
            "closerate",
            "priceclose",
            "avgexit",
        ],
    ),
    ("units", &["units", "quantity", "qty", "amount", "shares"]),
    ("lots", &["lots", "lot", "volumeinlots", "volumelots", "lotsize", "sizelots"]),
    // Of lots in the terminals of brokers, of units on exchanges.
    ("count", &["volume", "size", "contracts"]),
    (
        "pnl",
        &["pnl", "netprofit", "netpnl", "profit", "profitabs", "realizedpnl", "pl"],
    ),
    ("commission", &["commission", "commissions", "fee", "fees"]),
    ("swap", &["swap", "rollover", "financing"]),
    ("reason", &["exitreason", "reason", "comment"]),
];
/// Units in a lot of currencies.
const CURRENCY_LOT: f64 = 100_000.0;
/// What currencies are called where they are traded in pairs.
const CURRENCIES: [&str; 23] = [
    "AUD", "CAD", "CHF", "CNH", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "NOK", "NZD", "PLN", "RON",
    "RUB", "SEK", "SGD", "TRY", "USD", "ZAR",
];
/// Without these there are no trades.
const NEEDED: [&str; 6] = ["side", "entry", "exit", "entry_price", "exit_price", "pnl"];

struct Columns {
    found: Vec<Option<usize>>,
    /// The profit is before commissions and swaps.
    gross: bool,
}

impl Columns {
    fn new(input: &Input, header: &StringRecord) -> Result<Self, ImportError> {
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|letter| letter.to_ascii_lowercase()).collect()
        };
        let header: Vec<String> = header.iter().map(plain).collect();
        let position = |names: &&[&str]| names.iter().find_map(|name| header.iter().position(|found| found == name));
        let found: Vec<Option<usize>> = NAMES.iter().map(|(_, names)| position(names)).collect();
        let missing: Vec<&str> = NAMES
            .iter()
            .zip(&found)
            .filter(|((name, _), found)| found.is_none() && NEEDED.contains(name))
            .map(|((name, _), _)| *name)
            .collect();
        if !missing.is_empty() {
            return Err(input.error(Problem::WrongContent {
                found: "the header does not name everything that a trade has",
                hint: "a list needs columns for side, entry time, exit time, entry price, exit price and profit (also symbol, units, \
                       commission, swap, reason)",
            }));
        }
        // MetaTrader and its kin give the profit, and beside it what was deducted.
        let named = NAMES.iter().position(|(name, _)| *name == "pnl");
        let pnl = named.and_then(|at| found[at]).map(|index| header[index].as_str());
        Ok(Self {
            gross: matches!(pnl, Some("profit" | "pl")),
            found,
        })
    }

    fn has(&self, name: &str) -> bool {
        NAMES
            .iter()
            .zip(&self.found)
            .any(|((known, _), found)| *known == name && found.is_some())
    }

    /// The column that says how much was traded, and how many units one of it is, where that is known.
    fn amount(&self, instrument: &str, lot_size: Option<f64>) -> (&'static str, Option<f64>) {
        if self.has("units") {
            return ("units", lot_size.or(Some(1.0)));
        }
        if self.has("lots") {
            return (
                "lots",
                lot_size.or_else(|| is_currency_pair(instrument).then_some(CURRENCY_LOT)),
            );
        }
        ("count", lot_size)
    }

    fn text<'a>(&self, record: &'a StringRecord, name: &str) -> &'a str {
        let index = NAMES.iter().position(|(known, _)| *known == name);
        let field = index.and_then(|index| record.get(self.found[index]?));
        field.unwrap_or_default().trim()
    }
}

/// `EURUSD`, `EUR/USD`, `eurusd.pro`; metals are traded beside currencies, but in lots of their own.
fn is_currency_pair(instrument: &str) -> bool {
    let letters: String = instrument.chars().filter(char::is_ascii_alphabetic).take(6).collect();
    let letters = letters.to_ascii_uppercase();
    let is = |code: &str| CURRENCIES.contains(&code);
    letters.len() == 6 && is(&letters[..3]) && is(&letters[3..]) && letters[..3] != letters[3..]
}

pub(super) fn read(input: &Input, bytes: &[u8], options: &HistoryOptions) -> Result<History, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|_| input.error(Problem::NotText))?;
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(first))
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader
        .headers()
        .map_err(|e| input.error(Problem::WrongCsv(e.to_string())))?
        .clone();
    let columns = Columns::new(input, &header)?;
    let records: Result<Vec<StringRecord>, _> = reader.records().collect();
    let records = records.map_err(|e| input.error(Problem::WrongCsv(e.to_string())))?;
    let rule = rule(input, &columns, &records, options.zone.as_ref())?;
    let mut times = TimeReader::new(&rule);
    let mut history = History::default();
    for record in &records {
        let line = record.position().map_or(0, csv::Position::line);
        let fail = |column: &'static str, problem| {
            let mut error = at(input, line, problem);
            error.place.column = Some(column.to_owned());
            error
        };
        let side = columns.text(record, "side").to_ascii_lowercase();
        let is = |letter: &str, words: [&str; 2]| side == letter || words.iter().any(|word| side.starts_with(word));
        let long = if is("b", ["buy", "long"]) {
            true
        } else if is("s", ["sell", "short"]) {
            false
        } else {
            // Deposits, balances and sums stand between the trades of many statements.
            continue;
        };
        if columns.text(record, "exit").is_empty() {
            history.open += 1;
            continue;
        }
        let number = |column: &'static str, default: Option<f64>| {
            let text = columns.text(record, column).replace(['$', '€', ' ', '\u{a0}'], "");
            match (text.parse::<f64>(), default) {
                (Ok(value), _) if value.is_finite() => Ok(value),
                (_, Some(default)) if text.is_empty() => Ok(default),
                _ => Err(fail(column, Problem::NotANumber { text })),
            }
        };
        let mut time = |column: &'static str| -> Result<UtcNs, ImportError> {
            let read = times.read(columns.text(record, column));
            Ok(UtcNs(read.map_err(|problem| fail(column, problem))?))
        };
        let (entry, exit) = (time("entry")?, time("exit")?);
        // Commissions and swaps are negative where they were paid, in some statements; and positive in others.
        let commission = number("commission", Some(0.0))?.abs();
        let swap = number("swap", Some(0.0))?;
        let profit = number("pnl", None)?;
        let instrument = columns.text(record, "instrument");
        let (counted, size) = columns.amount(instrument, options.lot_size);
        let size = size.filter(|_| columns.has(counted));
        history.trades.push(PastTrade {
            instrument: instrument.to_owned(),
            long,
            entry,
            exit,
            entry_price: number("entry_price", None)?,
            exit_price: number("exit_price", None)?,
            units: number(counted, Some(1.0))?.abs() * size.unwrap_or(1.0),
            units_known: size.is_some(),
            pnl: if columns.gross { profit - commission + swap } else { profit },
            fees: commission - swap,
            reason: columns.text(record, "reason").to_owned(),
        });
    }
    Ok(history)
}

fn rule(input: &Input, columns: &Columns, records: &[StringRecord], zone: Option<&Zone>) -> Result<TimeRule, ImportError> {
    let zone = zone.cloned();
    let times = records
        .iter()
        .flat_map(|record| [columns.text(record, "entry"), columns.text(record, "exit")]);
    match year_last(times.filter(|text| !text.is_empty())) {
        Some(Ok(pattern)) => Ok(TimeRule::Pattern { pattern, zone }),
        Some(Err(problem)) => Err(input.error(problem)),
        None => Ok(TimeRule::YearFirst { zone }),
    }
}
