//! Files, gzip streams and zips as streams of bytes, each with a limit on how far it may expand.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;
use zip::result::ZipError;

use super::error::{ImportError, Place, Problem};

/// Something that can be read as one stream: a file, or a member of a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// The file.
    pub(crate) path: PathBuf,
    /// How it is packed.
    pub(crate) packing: Packing,
    /// Bytes it takes in its file.
    pub(crate) stored: u64,
}

/// How an input is packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Not at all.
    Plain,
    /// gzip, one or more members.
    Gzip,
    /// A member of a zip.
    Zip {
        /// Its position.
        index: usize,
        /// Its name.
        name: String,
    },
    /// A Parquet file, which packs itself.
    Parquet,
}

/// Streams that expand more than this many times are refused once they exceed [`FREE_MIB`]: market data expands 3 to 30 times, what is
/// made to harm 1,000 times.
const RATIO: u64 = 300;
/// Size up to which the ratio does not matter.
const FREE_MIB: u64 = 64;
/// Members of a zip: a century of days.
const MEMBERS: usize = 100_000;

impl Input {
    /// Where it is, for errors.
    pub(crate) fn place(&self) -> Place {
        let mut place = Place::file(&self.path);
        if let Packing::Zip { name, .. } = &self.packing {
            place.member = Some(name.clone());
        }
        place
    }

    /// An error about all of it.
    pub(crate) fn error(&self, problem: Problem) -> ImportError {
        ImportError::new(self.place(), problem)
    }

    /// Turns an error met while reading the stream into one that says what is damaged.
    pub(crate) fn read_error(&self, error: io::Error) -> ImportError {
        let problem = if error
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Expanded>)
        {
            Problem::Bomb {
                limit_mib: FREE_MIB,
                ratio: RATIO,
            }
        } else {
            match self.packing {
                Packing::Zip { .. } => Problem::Zip(error.to_string()),
                Packing::Gzip => Problem::Gzip(error.to_string()),
                Packing::Plain | Packing::Parquet => Problem::Io(error),
            }
        };
        self.error(problem)
    }

    /// Opens the stream and hands it to `action`.
    pub(crate) fn read<T>(&self, action: impl FnOnce(&mut dyn Read) -> Result<T, ImportError>) -> Result<T, ImportError> {
        let file = File::open(&self.path).map_err(|e| self.error(Problem::Io(e)))?;
        match &self.packing {
            Packing::Plain | Packing::Parquet => action(&mut { file }),
            Packing::Gzip => action(&mut self.limited(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)))),
            Packing::Zip { index, .. } => {
                let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| self.error(zip_problem(e)))?;
                let member = archive.by_index(*index).map_err(|e| self.error(zip_problem(e)))?;
                action(&mut self.limited(member))
            }
        }
    }

    fn limited<R: Read>(&self, inner: R) -> Limited<R> {
        Limited {
            inner,
            left: (FREE_MIB << 20).max(self.stored.saturating_mul(RATIO)),
        }
    }
}

/// The inputs in a file, told by its first bytes. Folders in a zip are left out.
pub(crate) fn inputs_of(path: &Path) -> Result<Vec<Input>, ImportError> {
    let fail = |problem| ImportError::new(Place::file(path), problem);
    let mut file = File::open(path).map_err(|e| fail(Problem::Io(e)))?;
    let stored = file.metadata().map_err(|e| fail(Problem::Io(e)))?.len();
    let hour = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("bi5"));
    if stored == 0 && hour {
        // An hour without ticks.
        return Ok(Vec::new());
    }
    if stored == 0 {
        return Err(fail(Problem::Empty));
    }
    let mut magic = [0; 4];
    let length = read_fully(&mut file, &mut magic).map_err(|e| fail(Problem::Io(e)))?;
    let input = |packing| Input {
        path: path.to_owned(),
        packing,
        stored,
    };
    match &magic[..length] {
        b"PK\x03\x04" | b"PK\x05\x06" => zip_members(path).map_err(fail),
        [0x1f, 0x8b, ..] => Ok(vec![input(Packing::Gzip)]),
        b"PAR1" => Ok(vec![input(Packing::Parquet)]),
        _ => match path
            .extension()
            .and_then(|e| e.to_str())
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            Some("zip") => Err(fail(Problem::Zip("it does not begin like a zip".to_owned()))),
            Some("gz") => Err(fail(Problem::Gzip("it does not begin like a gzip stream".to_owned()))),
            Some("parquet" | "pq") => Err(fail(Problem::Parquet("it does not begin like a Parquet file".to_owned()))),
            _ => Ok(vec![input(Packing::Plain)]),
        },
    }
}

fn zip_members(path: &Path) -> Result<Vec<Input>, Problem> {
    let file = File::open(path).map_err(Problem::Io)?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip_problem)?;
    if archive.len() > MEMBERS {
        return Err(Problem::Zip(format!("it has more than {MEMBERS} members")));
    }
    let mut members = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(zip_problem)?;
        let name = member.name().map_err(zip_problem)?.into_owned();
        if member.encrypted() {
            return Err(Problem::Encrypted);
        }
        if !member.is_dir() {
            members.push(Input {
                path: path.to_owned(),
                stored: member.compressed_size(),
                packing: Packing::Zip { index, name },
            });
        }
    }
    if members.is_empty() {
        return Err(Problem::Empty);
    }
    Ok(members)
}

fn zip_problem(error: ZipError) -> Problem {
    match error {
        ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => Problem::Io(error),
        other => Problem::Zip(other.to_string()),
    }
}

/// Reads until the buffer is full or the stream ends; the number of bytes read.
pub(super) fn read_fully(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A stream that fails when it has given more than it may.
struct Limited<R> {
    inner: R,
    left: u64,
}

/// Marks the error of a stream that expanded too far.
#[derive(Debug, thiserror::Error)]
#[error("expands too far")]
struct Expanded;

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other(Expanded))?;
        Ok(count)
    }
}
