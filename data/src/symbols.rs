//! The symbol table: what is known of instruments, built in and from the user's `<home>/instruments.toml`.
//!
//! A symbol such as `GC_201312` that is not listed takes the facts of its root `GC`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use assay_core::calendar::{Calendar, Week};
use assay_core::ids::Symbol;
use assay_core::instrument::{Facts, Instrument};
use assay_core::nearest;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;

use crate::error::DataError;

/// Name of the user's table in a home.
pub const USER_TABLE: &str = "instruments.toml";

const BUILT_IN: &str = include_str!("instruments.toml");
const KEYS: [&str; 6] = ["about", "currency", "tick", "lot", "multiplier", "calendar"];
const CALENDAR_KEYS: [&str; 5] = ["week", "zone", "day_start", "session_hours", "open"];
const CALENDARS: [&str; 4] = ["crypto", "fx", "us_futures", "us_stocks"];

/// Facts by symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct SymbolTable {
    facts: BTreeMap<Symbol, Facts>,
}

impl SymbolTable {
    /// The built-in table.
    pub fn built_in() -> Self {
        let mut table = Self { facts: BTreeMap::new() };
        table
            .extend(BUILT_IN, Path::new("instruments.toml"))
            .expect("a test reads the built-in table");
        table
    }

    /// The built-in table with the user's entries over it.
    pub(crate) fn load(home: &Path) -> Result<Self, DataError> {
        let mut table = Self::built_in();
        let path = home.join(USER_TABLE);
        match fs::read_to_string(&path) {
            Ok(text) => table.extend(&text, &path)?,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {}
            Err(e) => return Err(DataError::io("read", &path, e)),
        }
        Ok(table)
    }

    /// Adds an entry, over what there is.
    pub(crate) fn insert(&mut self, symbol: Symbol, facts: Facts) {
        self.facts.insert(symbol, facts);
    }

    /// The facts about a symbol, of its root, of the same in capitals, or the defaults of an unknown one.
    pub fn instrument(&self, symbol: &Symbol) -> Instrument {
        let listed = |symbol: &Symbol| self.facts.get(symbol).or_else(|| self.facts.get(&contract_root(symbol)?));
        let found = listed(symbol).or_else(|| listed(&symbol.as_str().to_ascii_uppercase().parse().ok()?));
        match found {
            Some(facts) => Instrument {
                symbol: symbol.clone(),
                facts: facts.clone(),
                known: true,
            },
            None => Instrument::unknown(symbol.clone()),
        }
    }

    /// All symbols listed.
    pub fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.facts.keys()
    }

    /// Adds entries; of a symbol that is listed already, only the keys given change.
    fn extend(&mut self, text: &str, path: &Path) -> Result<(), DataError> {
        let entries: BTreeMap<toml::Spanned<String>, Entry> = toml::from_str(text).map_err(|e| explain(&e, text, path))?;
        for (name, entry) in entries {
            let line = line_of(text, name.span().start);
            let fail = |reason: String| DataError::SymbolTable {
                path: path.to_owned(),
                line,
                reason,
                hint: None,
            };
            let symbol: Symbol = name
                .get_ref()
                .parse()
                .map_err(|e: assay_core::ids::IdError| fail(e.to_string()))?;
            let mut facts = self.instrument(&symbol).facts;
            entry.apply(&mut facts);
            for (key, value, positive) in [
                ("tick", facts.tick, false),
                ("lot", facts.lot, false),
                ("multiplier", facts.multiplier, true),
                ("session_hours", facts.calendar.session_hours, true),
            ] {
                if !value.is_finite() || value < 0.0 || (positive && value == 0.0) {
                    return Err(fail(format!("`{key}` of {symbol} cannot be {value}")));
                }
            }
            if facts.calendar.session_hours > 24.0 {
                return Err(fail(format!(
                    "a day of {symbol} cannot have {} hours",
                    facts.calendar.session_hours
                )));
            }
            self.facts.insert(symbol, facts);
        }
        Ok(())
    }
}

/// `GC` for `GC_201312`: a symbol, an underscore, a year and a month.
fn contract_root(symbol: &Symbol) -> Option<Symbol> {
    let (root, month) = symbol.as_str().rsplit_once('_')?;
    let is_month = month.len() == 6 && month.bytes().all(|b| b.is_ascii_digit());
    if is_month { root.parse().ok() } else { None }
}

/// One entry of a table; what is left out keeps its value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    about: Option<String>,
    currency: Option<String>,
    tick: Option<f64>,
    lot: Option<f64>,
    multiplier: Option<f64>,
    calendar: Option<CalendarEntry>,
}

impl Entry {
    fn apply(self, facts: &mut Facts) {
        fn put<T>(value: Option<T>, place: &mut T) {
            if let Some(value) = value {
                *place = value;
            }
        }
        put(self.about, &mut facts.about);
        put(self.currency, &mut facts.currency);
        put(self.tick, &mut facts.tick);
        put(self.lot, &mut facts.lot);
        put(self.multiplier, &mut facts.multiplier);
        put(self.calendar.map(|entry| entry.0), &mut facts.calendar);
    }
}

/// A calendar by name or by its parts.
#[derive(Debug)]
struct CalendarEntry(Calendar);

impl<'de> Deserialize<'de> for CalendarEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = CalendarEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    "one of {} or a table with {}",
                    CALENDARS.join(", "),
                    CALENDAR_KEYS.join(", ")
                )
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<CalendarEntry, E> {
                let found = named_calendar(name).ok_or_else(|| E::unknown_variant(name, &CALENDARS))?;
                Ok(CalendarEntry(found))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<CalendarEntry, A::Error> {
                Calendar::deserialize(MapAccessDeserializer::new(map)).map(CalendarEntry)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn named_calendar(name: &str) -> Option<Calendar> {
    let new_york = |week, day_start_hour: i8, session_hours| Calendar {
        week,
        zone: "America/New_York".parse().expect("the bundled database knows New York"),
        day_start: jiff::civil::time(day_start_hour, 0, 0, 0),
        session_hours,
        open: None,
    };
    match name {
        "crypto" => Some(Calendar::always_open()),
        "fx" => Some(new_york(Week::Weekdays, 17, 24.0)),
        "us_futures" => Some(new_york(Week::Session, 18, 23.0)),
        "us_stocks" => Some(Calendar {
            open: Some(jiff::civil::time(9, 30, 0, 0)),
            ..new_york(Week::Session, 0, 6.5)
        }),
        _ => None,
    }
}

fn explain(error: &toml::de::Error, text: &str, path: &Path) -> DataError {
    let message = error.message();
    // serde writes the unknown name between the first pair of backticks.
    let unknown = message
        .strip_prefix("unknown field `")
        .or_else(|| message.strip_prefix("unknown variant `"))
        .and_then(|rest| rest.split_once('`'));
    let (reason, hint) = match unknown {
        Some((name, expected)) => {
            let known: &[&str] = if expected.contains("`week`") {
                &CALENDAR_KEYS
            } else if expected.contains("`fx`") {
                &CALENDARS
            } else if expected.contains("`24x7`") {
                &["24x7", "24x5", "session"]
            } else {
                &KEYS
            };
            (format!("unknown name `{name}`"), Some(nearest::hint(name, known)))
        }
        None => (message.trim().replace('\n', ", "), None),
    };
    DataError::SymbolTable {
        path: PathBuf::from(path),
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        reason,
        hint,
    }
}

fn line_of(text: &str, position: usize) -> usize {
    1 + text.get(..position).map_or(0, |before| before.matches('\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_core::Explain;

    fn symbol(text: &str) -> Symbol {
        text.parse().unwrap()
    }

    fn with_user_table(text: &str) -> Result<SymbolTable, DataError> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(USER_TABLE), text).unwrap();
        SymbolTable::load(home.path())
    }

    #[test]
    fn the_built_in_table_knows_each_kind_of_instrument() {
        let table = SymbolTable::built_in();
        let euro = table.instrument(&symbol("EURUSD"));
        assert!(euro.known);
        assert_eq!((euro.facts.tick, euro.facts.calendar.week), (0.000_01, Week::Weekdays));
        assert_eq!(table.instrument(&symbol("USDJPY")).facts.currency, "JPY");
        assert_eq!(table.instrument(&symbol("IBM")).facts.lot, 1.0);
        assert_eq!(table.instrument(&symbol("IBM")).facts.calendar.session_hours, 6.5);
        let gold = table.instrument(&symbol("GC_201312"));
        assert_eq!((gold.facts.multiplier, gold.facts.tick), (100.0, 0.1));
        assert_eq!(table.instrument(&symbol("BTCUSDT")).facts.calendar.week, Week::AlwaysOpen);
        assert!(table.instrument(&symbol("DEMO")).known);
        assert!(!table.instrument(&symbol("GC_2013")).known);
        assert_eq!(table.instrument(&symbol("NOPE")), Instrument::unknown(symbol("NOPE")));
    }

    #[test]
    fn a_user_table_adds_symbols_and_changes_only_the_keys_it_gives() {
        let table = with_user_table(
            "[EURUSD]\nlot = 1000\n\n[\"BRK.B\"]\ntick = 0.01\ncalendar = \"us_stocks\"\n\n[MINE]\ncalendar = { week = \"24x5\", zone = \"-05:00\" }\n",
        )
        .unwrap();
        let euro = table.instrument(&symbol("EURUSD")).facts;
        assert_eq!((euro.lot, euro.tick), (1_000.0, 0.000_01));
        assert_eq!(table.instrument(&symbol("BRK.B")).facts.calendar.session_hours, 6.5);
        assert_eq!(table.instrument(&symbol("MINE")).facts.calendar.zone.to_string(), "-05");
    }

    #[test]
    fn errors_name_the_line_and_the_nearest_key() {
        for (text, line, hint) in [
            ("[EURUSD]\n\ntik = 0.1\n", 3, Some("did you mean `tick`?")),
            ("[EURUSD]\ncalendar = \"fz\"\n", 2, Some("did you mean `fx`?")),
            ("[X]\ncalendar = { weak = \"24x5\" }\n", 2, Some("did you mean `week`?")),
            (
                "[X]\ncalendar = { week = \"24x6\", zone = \"UTC\" }\n",
                2,
                Some("did you mean `24x5`?"),
            ),
            ("[X]\ntick = \"a\"\n", 2, None),
            ("\n[X]\nmultiplier = 0\n", 2, None),
            ("\n\n[\"a b\"]\n", 3, None),
            ("[X]\ncalendar = { week = \"24x5\", zone = \"Mars\" }\n", 2, None),
            ("[X\n", 1, None),
        ] {
            let error = with_user_table(text).unwrap_err();
            assert!(
                matches!(error, DataError::SymbolTable { line: found, .. } if found == line),
                "{error} in {text:?}"
            );
            assert_eq!(error.hint().as_deref(), hint, "{error}");
        }
    }
}
