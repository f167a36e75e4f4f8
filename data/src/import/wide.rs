//! Tables with several instruments side by side: a column each, or a group of columns under a head of two rows.
//!
//! Each instrument is read by itself, as if the other columns were not there; rows in which it has no price do not exist for it.

use assay_core::ids::Symbol;

use super::columns::{Role, bar_slot, is_known, is_time, normal};
use super::container::Input;
use super::error::{ImportError, Problem};

/// The columns of one instrument.
#[derive(Debug, PartialEq)]
pub(super) struct Instrument {
    /// Its name in the head, made a symbol.
    pub(super) symbol: Symbol,
    /// Roles of all columns of the table.
    pub(super) roles: Vec<Role>,
}

/// The instruments of a table, and the records of its head.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    /// In the order of the head.
    pub(super) instruments: Vec<Instrument>,
    /// Records before the first row.
    pub(super) header: usize,
}

/// Whether the names of a head are those of instruments rather than of values.
pub(super) fn looks_wide(names: &[&str]) -> bool {
    let unknown = names.iter().filter(|name| !is_known(name)).count();
    names.first().is_some_and(|name| is_time(name)) && names.len() > 2 && unknown + 1 == names.len()
}

/// Reads the head of a table from its first records.
pub(super) fn table(input: &Input, records: &[Vec<String>]) -> Result<Table, ImportError> {
    let empty = Vec::new();
    let [first, second, third] = [0, 1, 2].map(|at| records.get(at).unwrap_or(&empty));
    let attributes: Vec<Option<usize>> = first.iter().skip(1).map(|name| bar_slot(name)).collect();
    let grouped = attributes.iter().flatten().count() > 1 && first.len() == second.len() && second.len() > 1;
    let twice = |name: &str| input.error(Problem::ColumnTwice { name: name.to_owned() });
    let mut instruments: Vec<Instrument> = Vec::new();
    let names = if grouped { second } else { first };
    for (index, name) in names.iter().enumerate().skip(1).filter(|(_, name)| !name.is_empty()) {
        let slot = if grouped { attributes[index - 1] } else { Some(3) };
        let symbol = symbol(name).ok_or_else(|| input.error(Problem::NoSymbol { name: name.clone() }))?;
        let position = instruments.iter().position(|known| known.symbol == symbol);
        let instrument = match position {
            Some(_) if !grouped => return Err(twice(name)),
            Some(position) => &mut instruments[position],
            None => {
                let mut roles = vec![Role::Skip; names.len()];
                roles[0] = Role::Time;
                instruments.push(Instrument { symbol, roles });
                instruments.last_mut().expect("one was just pushed")
            }
        };
        if let Some(slot) = slot {
            if instrument.roles.contains(&Role::Slot(slot)) {
                return Err(twice(name));
            }
            instrument.roles[index] = Role::Slot(slot);
        }
    }
    let has_prices = |roles: &[Role]| {
        let prices = (0..4).filter(|slot| roles.contains(&Role::Slot(*slot))).count();
        prices == 4 || (prices == 1 && roles.contains(&Role::Slot(3)))
    };
    let complete = |instrument: &Instrument| has_prices(&instrument.roles);
    if instruments.is_empty() || !instruments.iter().all(complete) {
        return Err(input.error(Problem::WrongContent {
            found: "this is no table with a column of prices for each instrument",
            hint: "a wide table has a time in its first column and names of instruments in its head, or attributes (Open, High, Low, \
                   Close) above names",
        }));
    }
    // Below names in groups the name of the first column may stand alone.
    let named = grouped && third.iter().skip(1).all(String::is_empty);
    Ok(Table {
        instruments,
        header: 1 + usize::from(grouped) + usize::from(named),
    })
}

/// A name as a symbol: `^SPX` is `SPX`, `Crude oil, Brent ($/bbl)` is `Crude_oil_Brent`.
fn symbol(name: &str) -> Option<Symbol> {
    let plain = name.split('(').next().unwrap_or(name);
    let mut text = String::new();
    for word in plain.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))) {
        if !word.is_empty() {
            if !text.is_empty() {
                text.push('_');
            }
            text.push_str(word);
        }
    }
    text.parse().ok()
}

/// Whether an instrument is the one asked for, by its symbol or its name in the head.
pub(super) fn is_wanted(instrument: &Symbol, wanted: Option<&Symbol>) -> bool {
    wanted.is_none_or(|wanted| normal(wanted.as_str()) == normal(instrument.as_str()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::container::Packing;
    use super::*;

    fn read(lines: &[&str]) -> Result<Table, ImportError> {
        let input = Input {
            path: PathBuf::from("wide.csv"),
            packing: Packing::Plain,
            stored: 0,
        };
        let records: Vec<Vec<String>> = lines
            .iter()
            .map(|line| line.split(',').map(str::to_owned).collect())
            .collect();
        table(&input, &records)
    }

    fn symbols(table: &Table) -> Vec<&str> {
        table
            .instruments
            .iter()
            .map(|instrument| instrument.symbol.as_str())
            .collect()
    }

    #[test]
    fn one_column_an_instrument() {
        let table = read(&["Date,AAPL,^SPX,Gold ($/oz)", "2020-01-02,1,2,3"]).unwrap();
        assert_eq!((symbols(&table), table.header), (vec!["AAPL", "SPX", "Gold"], 1));
        assert_eq!(
            table.instruments[1].roles,
            [Role::Time, Role::Skip, Role::Slot(3), Role::Skip]
        );
        assert!(read(&["Date,AAPL,AAPL", "2020-01-02,1,2"]).is_err());
        assert!(read(&["Date,???", "2020-01-02,1"]).is_err());
    }

    #[test]
    fn attributes_above_names() {
        let head = ["A,Close,Close,High,High,Low,Low,Open,Open,OI,OI", "S,X,Y,X,Y,X,Y,X,Y,X,Y"];
        let table = read(&[head[0], head[1], "Date,,,,,,,,,,", "2020-01-02,1,2,1,2,1,2,1,2,1,2"]).unwrap();
        assert_eq!((symbols(&table), table.header), (vec!["X", "Y"], 3));
        assert_eq!(read(&[head[0], head[1], "2020-01-02,1,2,1,2,1,2,1,2,1,2"]).unwrap().header, 2);
        assert_eq!(
            table.instruments[0].roles.iter().filter(|role| **role != Role::Skip).count(),
            5
        );
        assert!(read(&["A,High,Low", "S,X,X", "2020-01-02,1,2"]).is_err(), "no close");
    }

    #[test]
    fn names_of_values_are_no_instruments() {
        assert!(looks_wide(&["Date", "AAPL", "MSFT"]));
        assert!(!looks_wide(&["Date", "Open", "High", "Low", "Close"]));
        assert!(!looks_wide(&["Date", "Price"]));
        assert!(!looks_wide(&["id", "AAPL", "MSFT"]));
    }
}
