//! Reading in chunks: one thread reads and stores, the others parse, and the order is kept.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use super::checks::{Carry, Counts, Treatment, ValueError, check};
use super::container::Input;
use super::error::{ImportError, Problem};
use super::plan::Part;
use super::records::RowError;
use super::request::ImportProgress;
use super::rows::{Layout, Lines, Rows, Syntax, read_rows};
use super::sink::{Ready, Sink};
use super::{dukascopy, json, parquet};
use crate::error::DataError;

/// Bytes parsed at a time.
const CHUNK: usize = 4 << 20;

/// Reads the parts of one dataset into its sink.
pub(super) fn stream<'a>(
    parts: &'a [Part],
    treatment: Treatment,
    sink: &mut Sink<'a>,
    progress: &mut dyn FnMut(&Part, u64, bool),
) -> Result<(), DataError> {
    // Waiting for the pool from one of its own threads could wait for ever.
    let inline = rayon::current_thread_index().is_some();
    let window = rayon::current_num_threads() + 2;
    rayon::in_place_scope(|scope| {
        let mut collector = Collector {
            parts,
            treatment,
            sink,
            progress,
            pending: VecDeque::new(),
            base: 0,
            carry: Carry::default(),
        };
        for (index, part) in parts.iter().enumerate() {
            let whole = match part.layout.syntax {
                Syntax::Fields(_) | Syntax::Messages(_) => None,
                Syntax::Columns => Some(parquet::read as ReadWhole),
                Syntax::Array(_) => Some(json::read_array as ReadWhole),
                Syntax::Hour(_) => Some(dukascopy::read as ReadWhole),
            };
            if let Some(read) = whole {
                collector.drain(0)?;
                read(part, &mut |rows, last| {
                    collector.take(index, checked(&part.layout, treatment, rows), last)
                })?;
                continue;
            }
            part.input.read(|reader| {
                let mut submit = |bytes: Vec<u8>, header: usize, last: bool| -> Result<(), DataError> {
                    let (sender, receiver) = sync_channel(1);
                    let layout = Arc::clone(&part.layout);
                    let parse = move || {
                        let parsed =
                            read_rows(&layout, &bytes, header, usize::MAX).and_then(|rows| checked(&layout, treatment, rows));
                        // The collector is gone after an error elsewhere.
                        drop(sender.send(parsed));
                    };
                    if inline {
                        parse();
                    } else {
                        scope.spawn(move |_| parse());
                    }
                    collector.pending.push_back(Pending {
                        part: index,
                        receiver,
                        last,
                    });
                    collector.drain(window)
                };
                Ok(chunks(&part.input, part.layout.header, reader, &mut submit))
            })??;
        }
        collector.drain(0)?;
        collector.sink.end()
    })
}

/// Cuts a stream into chunks of whole lines.
fn chunks(
    input: &Input,
    mut header: usize,
    mut reader: &mut dyn Read,
    submit: &mut dyn FnMut(Vec<u8>, usize, bool) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut rest = Vec::new();
    loop {
        let mut bytes = Vec::with_capacity(rest.len() + CHUNK + 1);
        bytes.append(&mut rest);
        let count = Read::by_ref(&mut reader).take(CHUNK as u64).read_to_end(&mut bytes);
        let last = count.map_err(|e| input.read_error(e))? < CHUNK;
        if !last {
            let Some(end) = bytes.iter().rposition(|b| *b == b'\n') else {
                return Err(input.error(Problem::LongLine { limit: CHUNK }).into());
            };
            rest.extend_from_slice(&bytes[end + 1..]);
            bytes.truncate(end + 1);
        }
        submit(bytes, header, last)?;
        header = 0;
        if last {
            return Ok(());
        }
    }
}

/// Reads a part in the order of its rows; with the last of them comes `true`.
type ReadWhole = fn(&Part, &mut dyn FnMut(Rows, bool) -> Result<(), DataError>) -> Result<(), DataError>;

type Parsed = Result<(Rows, Counts), RowError>;

/// Checks rows that need nothing from the rows before them; one-sided quotes wait for [`Collector::take`].
fn checked(layout: &Layout, treatment: Treatment, mut rows: Rows) -> Parsed {
    let mut counts = Counts {
        read: rows.len() as u64 + rows.suspicious,
        suspicious: rows.suspicious,
        absent: rows.absent,
        dropped: rows.suspicious,
        ..Counts::default()
    };
    if let Some(factors) = &layout.adjust {
        factors.apply(layout.shape, &mut rows);
    }
    if !layout.one_sided {
        counts.add(check(layout.shape, treatment, &mut rows).map_err(|error| row_error(&rows, error))?);
    }
    Ok((rows, counts))
}

fn row_error(rows: &Rows, error: ValueError) -> RowError {
    RowError {
        line: rows.lines.of(error.row),
        column: error.column,
        problem: error.problem,
    }
}

/// A chunk that is being parsed.
struct Pending {
    part: usize,
    receiver: Receiver<Parsed>,
    last: bool,
}

/// Takes parsed chunks in order.
struct Collector<'a, 'b> {
    parts: &'b [Part],
    treatment: Treatment,
    sink: &'a mut Sink<'b>,
    progress: &'a mut dyn FnMut(&Part, u64, bool),
    pending: VecDeque<Pending>,
    /// Lines of the input before the next chunk.
    base: u64,
    carry: Carry,
}

impl Collector<'_, '_> {
    /// Waits until no more than `left` chunks are being parsed.
    fn drain(&mut self, left: usize) -> Result<(), DataError> {
        while self.pending.len() > left {
            let Some(next) = self.pending.pop_front() else { break };
            let parsed = next.receiver.recv().expect("a parser sends its result unless it panics");
            self.take(next.part, parsed, next.last)?;
        }
        Ok(())
    }

    fn take(&mut self, index: usize, parsed: Parsed, last: bool) -> Result<(), DataError> {
        let part = &self.parts[index];
        let base = self.base;
        let fail = |error: RowError| {
            let mut place = part.input.place();
            place.line = Some(base + error.line);
            place.column = error.column.map(str::to_owned);
            ImportError::new(place, error.problem)
        };
        let (mut rows, mut counts) = parsed.map_err(fail)?;
        if part.layout.one_sided {
            counts.one_sided = self.carry.complete(&mut rows);
            counts.dropped += counts.one_sided;
            let found = check(part.layout.shape, self.treatment, &mut rows).map_err(|error| fail(row_error(&rows, error)))?;
            counts.add(found);
        }
        let lines = rows.line_count;
        match &mut rows.lines {
            Lines::From(first) => *first += base,
            Lines::Listed(listed) => listed.iter_mut().for_each(|line| *line += base),
        }
        let read = counts.read;
        self.sink.push(Ready {
            part: index,
            rows,
            counts,
        })?;
        self.base = base + lines;
        if last {
            self.base = 0;
            self.carry = Carry::default();
        }
        (self.progress)(part, read, last);
        Ok(())
    }
}

/// Progress over all datasets.
pub(super) struct Meter<'a> {
    report: &'a (dyn Fn(ImportProgress) + Sync),
    now: ImportProgress,
}

impl<'a> Meter<'a> {
    /// Nothing done yet.
    pub(super) fn new(parts: &[Part], report: &'a (dyn Fn(ImportProgress) + Sync)) -> Self {
        let now = ImportProgress {
            files_done: 0,
            files: parts.len(),
            bytes_done: 0,
            bytes: parts.iter().map(|part| part.input.stored).sum(),
            rows: 0,
        };
        Self { report, now }
    }

    /// Some more rows of a part, perhaps its last.
    pub(super) fn advance(&mut self, part: &Part, rows: u64, last: bool) {
        self.now.rows += rows;
        if last {
            self.now.files_done += 1;
            self.now.bytes_done += part.input.stored;
        }
        (self.report)(self.now);
    }
}
