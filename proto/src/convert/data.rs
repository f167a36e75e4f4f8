//! Datasets.

use assay_core::time::UtcNs;
use assay_store::{DatasetFile, DatasetId};

use super::{WireError, parse};
use crate::protocol::DatasetInfo;
use crate::wire;

/// Digits of a hash.
const HASH: usize = 64;

/// A hash in hexadecimal, which becomes part of names.
fn hash(text: String) -> Result<String, WireError> {
    let digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if text.len() == HASH && text.bytes().all(digit) {
        return Ok(text);
    }
    Err(WireError::new("hash", format!("`{text}` is not a hash")))
}

impl From<DatasetId> for wire::DatasetId {
    fn from(id: DatasetId) -> Self {
        Self {
            symbol: id.symbol.to_string(),
            kind: id.kind,
            hash: id.hash,
        }
    }
}

impl TryFrom<wire::DatasetId> for DatasetId {
    type Error = WireError;

    fn try_from(id: wire::DatasetId) -> Result<Self, WireError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if id.kind.is_empty() || id.kind.len() > 32 || !id.kind.chars().all(plain) {
            return Err(WireError::new("kind", format!("`{}` is no kind of data", id.kind)));
        }
        Ok(Self {
            symbol: parse("symbol", &id.symbol)?,
            kind: id.kind,
            hash: hash(id.hash)?,
        })
    }
}

impl From<DatasetFile> for wire::DatasetFile {
    fn from(file: DatasetFile) -> Self {
        Self {
            name: file.name,
            bytes: file.bytes,
            hash: file.hash,
        }
    }
}

impl TryFrom<wire::DatasetFile> for DatasetFile {
    type Error = WireError;

    fn try_from(file: wire::DatasetFile) -> Result<Self, WireError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if file.name.is_empty() || file.name.starts_with('.') || !file.name.chars().all(plain) {
            return Err(WireError::new("name", format!("`{}` is not a file name", file.name)));
        }
        Ok(Self {
            name: file.name,
            bytes: file.bytes,
            hash: hash(file.hash)?,
        })
    }
}

impl From<DatasetInfo> for wire::DatasetInfo {
    fn from(info: DatasetInfo) -> Self {
        Self {
            id: Some(info.id.into()),
            rows: info.rows,
            first_ns: info.first.0,
            last_ns: info.last.0,
            bytes: info.bytes,
            owner: info.owner,
            pushed_ns: info.pushed.0,
        }
    }
}

impl TryFrom<wire::DatasetInfo> for DatasetInfo {
    type Error = WireError;

    fn try_from(info: wire::DatasetInfo) -> Result<Self, WireError> {
        Ok(Self {
            id: info.id.ok_or(WireError::missing("id"))?.try_into()?,
            rows: info.rows,
            first: UtcNs(info.first_ns),
            last: UtcNs(info.last_ns),
            bytes: info.bytes,
            owner: info.owner,
            pushed: UtcNs(info.pushed_ns),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_part_of_a_path_is_looked_at() {
        let good = wire::DatasetId {
            symbol: "EURUSD".to_owned(),
            kind: "bars-1m".to_owned(),
            hash: "0".repeat(HASH),
        };
        let id: DatasetId = good.clone().try_into().unwrap();
        assert_eq!(wire::DatasetId::from(id), good);
        for (symbol, kind, hash) in [
            ("../x", "quotes", "0".repeat(64)),
            ("EURUSD", "../..", "0".repeat(64)),
            ("EURUSD", "", "0".repeat(64)),
            ("EURUSD", "quotes", "../".repeat(22)),
            ("EURUSD", "quotes", "0".repeat(63)),
            ("EURUSD", "quotes", "A".repeat(64)),
        ] {
            let (symbol, kind) = (symbol.to_owned(), kind.to_owned());
            DatasetId::try_from(wire::DatasetId { symbol, kind, hash }).unwrap_err();
        }
        for name in ["", "..", ".hidden", "a/b", "a\\b"] {
            let file = wire::DatasetFile {
                name: name.to_owned(),
                bytes: 1,
                hash: "0".repeat(64),
            };
            DatasetFile::try_from(file).unwrap_err();
        }
    }
}
