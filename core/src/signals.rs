//! Entries and exits that a program computed, where others are rules of the language: a bit for each bar and trial.

use std::fmt;

/// The rules of a table, in its order.
pub const RULES: [&str; 4] = ["enter_long", "exit_long", "enter_short", "exit_short"];

/// Bits of a table, kept with it: what it is, and its version.
const MAGIC: &[u8; 8] = b"assay\0s1";
/// Bytes before the bits.
const HEADER: usize = 8 + 8 + 8 + 4;

/// Signals of some trials over the same bars. Bit `j` of word `w` of a column is bar `64 w + j`, known at that bar's end.
#[derive(Clone, PartialEq, Eq)]
pub struct SignalTable {
    bars: usize,
    trials: usize,
    /// One column a trial; none of a rule that never fires.
    rules: [Vec<Vec<u64>>; 4],
    hash: String,
}

/// A table that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// No rule opens a position.
    #[error("signals without an entry: neither enter_long nor enter_short is given")]
    NoEntry,
    /// Rules of different numbers of trials.
    #[error("{rule} has {found} columns, {other} has {expected}")]
    Trials {
        /// The rule.
        rule: &'static str,
        /// Its columns.
        found: usize,
        /// A rule before it.
        other: &'static str,
        /// Its columns.
        expected: usize,
    },
    /// A column of another length.
    #[error("a column of {rule} has {found} words of 64 bars; {bars} bars were announced")]
    Bars {
        /// The rule.
        rule: &'static str,
        /// Its words.
        found: usize,
        /// Bars of the table.
        bars: usize,
    },
    /// Bytes that are not a table, or another one.
    #[error("not the table of signals {0}")]
    Bytes(String),
}

impl fmt::Debug for SignalTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignalTable({}, {} bars, {} trials)", self.hash, self.bars, self.trials)
    }
}

impl SignalTable {
    /// `rules` in the order of [`RULES`].
    ///
    /// # Errors
    /// No entries, or columns that do not fit together.
    pub fn new(bars: usize, mut rules: [Vec<Vec<u64>>; 4]) -> Result<Self, SignalError> {
        if rules[0].is_empty() && rules[2].is_empty() {
            return Err(SignalError::NoEntry);
        }
        let mut first: Option<(&'static str, usize)> = None;
        for (rule, columns) in RULES.into_iter().zip(&mut rules) {
            if columns.is_empty() {
                continue;
            }
            let found = columns.len();
            let (other, expected) = *first.get_or_insert((rule, found));
            if found != expected {
                return Err(SignalError::Trials {
                    rule,
                    found,
                    other,
                    expected,
                });
            }
            for column in columns {
                let found = column.len();
                if found != bars.div_ceil(64) {
                    return Err(SignalError::Bars { rule, found, bars });
                }
                // Bits past the end mean nothing, and must not make a difference.
                if let (Some(last), true) = (column.last_mut(), !bars.is_multiple_of(64)) {
                    *last &= (1 << (bars % 64)) - 1;
                }
            }
        }
        let table = Self {
            bars,
            trials: first.map_or(0, |(_, trials)| trials),
            rules,
            hash: String::new(),
        };
        let hash = blake3::hash(&table.to_bytes()).to_hex()[..32].to_owned();
        Ok(Self { hash, ..table })
    }

    /// Bars of each column.
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// Columns of each rule.
    pub fn trials(&self) -> usize {
        self.trials
    }

    /// What identifies the table: 32 hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Whether a rule, by its position in [`RULES`], ever fires.
    pub fn has(&self, rule: usize) -> bool {
        !self.rules[rule].is_empty()
    }

    /// The words of a rule of a trial from a bar on, which is a multiple of 64; none of a rule without columns.
    pub fn words(&self, rule: usize, trial: usize, bars: std::ops::Range<usize>) -> &[u64] {
        self.rules[rule]
            .get(trial)
            .map_or(&[], |column| &column[bars.start / 64..bars.end.div_ceil(64)])
    }

    /// As a file holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = self.rules.iter().flatten().map(Vec::len).sum::<usize>();
        let mut bytes = Vec::with_capacity(HEADER + 8 * words);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(self.bars as u64).to_le_bytes());
        bytes.extend_from_slice(&(self.trials as u64).to_le_bytes());
        bytes.extend(self.rules.iter().map(|columns| u8::from(!columns.is_empty())));
        for word in self.rules.iter().flatten().flatten() {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// From a file that should hold the table of this hash.
    ///
    /// # Errors
    /// It does not.
    pub fn from_bytes(hash: &str, bytes: &[u8]) -> Result<Self, SignalError> {
        let broken = || SignalError::Bytes(hash.to_owned());
        let number = |at: usize| -> Result<usize, SignalError> {
            let bytes = bytes.get(at..at + 8).ok_or_else(broken)?;
            Ok(u64::from_le_bytes(bytes.try_into().expect("eight of them")) as usize)
        };
        if bytes.len() < HEADER || &bytes[..8] != MAGIC || blake3::hash(bytes).to_hex()[..32] != *hash {
            return Err(broken());
        }
        let (bars, trials) = (number(8)?, number(16)?);
        let mut words = bytes[HEADER..]
            .chunks_exact(8)
            .map(|word| u64::from_le_bytes(word.try_into().expect("eight of them")));
        let mut rules: [Vec<Vec<u64>>; 4] = Default::default();
        for (columns, present) in rules.iter_mut().zip(&bytes[HEADER - 4..HEADER]) {
            if *present == 1 {
                *columns = (0..trials)
                    .map(|_| words.by_ref().take(bars.div_ceil(64)).collect())
                    .collect();
            }
        }
        Self::new(bars, rules).map_err(|_| broken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> SignalTable {
        let column = |word: u64| vec![word, u64::MAX];
        SignalTable::new(
            100,
            [vec![column(1), column(2)], vec![column(3), column(4)], Vec::new(), Vec::new()],
        )
        .unwrap()
    }

    #[test]
    fn bytes_give_the_same_table_and_nothing_else() {
        let table = table();
        let bytes = table.to_bytes();
        assert_eq!(SignalTable::from_bytes(table.hash(), &bytes), Ok(table.clone()));
        let mut other = bytes.clone();
        other[HEADER] ^= 2;
        assert_eq!(
            SignalTable::from_bytes(table.hash(), &other),
            Err(SignalError::Bytes(table.hash().to_owned()))
        );
        assert!(SignalTable::from_bytes(table.hash(), &bytes[..10]).is_err());
    }

    #[test]
    fn bits_past_the_last_bar_do_not_count() {
        let table = table();
        assert_eq!(table.words(0, 1, 64..100), [(1 << 36) - 1]);
        assert_eq!(table.words(2, 1, 0..100), [0u64; 0]);
        let bare = SignalTable::new(100, [vec![vec![1, (1 << 36) - 1]], Vec::new(), Vec::new(), Vec::new()]).unwrap();
        let dirty = SignalTable::new(100, [vec![vec![1, u64::MAX]], Vec::new(), Vec::new(), Vec::new()]).unwrap();
        assert_eq!(bare.hash(), dirty.hash());
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let none = Vec::new;
        assert_eq!(
            SignalTable::new(64, [none(), vec![vec![1]], none(), none()]),
            Err(SignalError::NoEntry)
        );
        let two = SignalTable::new(64, [vec![vec![1]], vec![vec![1], vec![2]], none(), none()]);
        assert!(matches!(
            two,
            Err(SignalError::Trials {
                rule: "exit_long",
                found: 2,
                expected: 1,
                ..
            })
        ));
        let long = SignalTable::new(64, [vec![vec![1, 2]], none(), none(), none()]);
        assert!(matches!(long, Err(SignalError::Bars { found: 2, .. })));
    }
}
