//! The records of a delimited text, with their lines. What the CSV reader lets pass although it garbles rows is refused.

use std::io::{Chain, Read};

use csv::{Reader, ReaderBuilder, StringRecord, Terminator};

use super::error::Problem;

/// Records one after the other; empty lines and comments (`#`) are none.
pub(super) struct Records<'a> {
    text: &'a [u8],
    reader: Reader<Chain<&'a [u8], &'static [u8]>>,
    record: StringRecord,
    /// Whether there are quotation marks or NUL bytes, without which no record is garbled.
    suspect: bool,
}

/// A problem in a line of a text.
#[derive(Debug)]
pub(super) struct RowError {
    /// Counted from 1 within the text.
    pub(super) line: u64,
    /// Role of the field.
    pub(super) column: Option<&'static str>,
    /// What is wrong.
    pub(super) problem: Problem,
}

impl<'a> Records<'a> {
    /// Of whole lines; a byte order mark before them is no part of the text.
    pub(super) fn new(text: &'a [u8], delimiter: u8) -> Self {
        // With its end a last line shows, as any other does, whether a quotation mark was left open.
        let end: &[u8] = if text.is_empty() || text.ends_with(b"\n") {
            b""
        } else {
            b"\n"
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            // A carriage return before it is trimmed with the other spaces around the last field.
            .terminator(Terminator::Any(b'\n'))
            .comment(Some(b'#'))
            .buffer_capacity(64 << 10)
            .from_reader(text.chain(end));
        Self {
            text,
            reader,
            record: StringRecord::new(),
            suspect: text.contains(&b'"') || text.contains(&0),
        }
    }

    /// The next record and its line, counted from 1.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &StringRecord)>, RowError> {
        loop {
            let before = self.lines();
            let read = self.reader.read_record(&mut self.record);
            let line = self.lines();
            let fail = |line, problem| {
                Err(RowError {
                    line,
                    column: None,
                    problem,
                })
            };
            match read {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                // Memory is read without fail and records may differ in length: only their bytes can be wrong.
                Err(_) => return fail(line, Problem::NotText),
            }
            let text = self.record.as_slice();
            if self.suspect && text.contains('\n') {
                return fail(before + self.passed_over() + 1, Problem::OpenQuote);
            }
            if self.suspect && text.contains('\0') {
                return fail(line, Problem::NulByte);
            }
            if self.record.len() > 1 || !text.trim_ascii().is_empty() {
                return Ok(Some((line, &self.record)));
            }
        }
    }

    /// Empty lines and comments between the record before and this one.
    fn passed_over(&self) -> u64 {
        let start = self.record.position().map_or(0, |position| position.byte() as usize);
        let lines = self.text[start..].split(|byte| *byte == b'\n');
        lines.take_while(|line| matches!(line.first(), None | Some(b'#'))).count() as u64
    }

    /// Lines read so far.
    pub(super) fn lines(&self) -> u64 {
        self.reader.position().line() - 1
    }
}
