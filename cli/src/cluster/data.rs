//! Data and results on their way between this machine and a cluster.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anstream::eprintln;
use assay_core::ids::Symbol;
use assay_core::row::TrialRow;
use assay_data::{Catalog, DatasetKind};
use assay_proto::DatasetInfo;
use assay_store::{DatasetFile, DatasetId, DatasetIndex, JobRecord, JobState, fidelity_rows, results_folder};
use assay_strategies::Job;
use assay_worker::datasets;
use rayon::prelude::*;
use tempfile::TempDir;

use super::Session;
use crate::failure::Failure;
use crate::output::human;
use crate::progress::Progress;
use crate::settings::Settings;

/// Ends the writing of results: a folder without it is not whole.
const SUCCESS: &str = "_SUCCESS";
/// Bytes of results of clusters that a home keeps.
const CACHE_BYTES: u64 = 4 << 30;
/// The user's symbol table in a home.
const SYMBOLS: &str = "instruments.toml";

/// What became of a dataset that was to be sent.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) id: DatasetId,
    /// Size of its files.
    pub(crate) bytes: u64,
    /// Whether the cluster had it already.
    pub(crate) known: bool,
}

/// A catalog, and the folder that goes with it where it was fetched for a moment.
#[derive(Debug)]
pub(crate) struct Borrowed {
    pub(crate) catalog: Catalog,
    #[allow(dead_code, reason = "removed when it is dropped")]
    folder: Option<TempDir>,
}

impl Session {
    /// Sends a dataset of a catalog, unless the cluster has it.
    pub(crate) fn push(&self, symbol: &Symbol, kind: DatasetKind, catalog: &Catalog) -> Result<Pushed, Failure> {
        let manifest = catalog.manifest(symbol, kind)?;
        let id = DatasetId {
            symbol: symbol.clone(),
            kind: kind.to_string(),
            hash: manifest.hash.to_string(),
        };
        let mut pushed = Pushed {
            bytes: manifest.bytes(),
            known: true,
            id,
        };
        let (id, bytes) = (&pushed.id, pushed.bytes);
        if self
            .ask(|remote| async move { remote.absent(std::slice::from_ref(id)).await })?
            .is_empty()
        {
            return Ok(pushed);
        }
        let folder = catalog.location(symbol, kind);
        let path = folder.join("manifest.json");
        let text = fs::read_to_string(&path).map_err(|error| Failure::io("read", &path, &error))?;
        let files = manifest.files.par_iter();
        let files = files.map(|file| DatasetFile::measure(&file.name, &folder.join(&file.name)));
        let index = &DatasetIndex {
            manifest: text,
            files: files.collect::<Result<_, _>>()?,
        };
        let progress = Progress::new("bytes", bytes);
        let told = |sent, total| {
            progress.of(total);
            progress.at(sent);
        };
        let folder = &folder;
        let added = self.ask(|remote| async move { remote.push(id, index, folder, &told).await });
        progress.clear();
        pushed.known = !added?;
        Ok(pushed)
    }

    /// Sends the data of a job that the cluster does not have, and says so.
    pub(crate) fn push_data_of(&self, job: &Job, catalog: &Catalog) -> Result<(), Failure> {
        let named = datasets::named(job);
        let absent = self.ask(|remote| async move { remote.absent(&named).await })?;
        for id in absent {
            // Of data that changed meanwhile the cluster is told by the job, and asks for those it names.
            if !datasets::has(catalog, &id) {
                continue;
            }
            let kind = id
                .kind
                .parse()
                .map_err(|error| Failure::internal(format!("{}: {error}", id.kind)))?;
            let pushed = self.push(&id.symbol, kind, catalog)?;
            if !pushed.known {
                eprintln!(
                    "note: sent {} of {} to the cluster ({})",
                    id.kind,
                    id.symbol,
                    human::bytes(pushed.bytes)
                );
            }
        }
        Ok(())
    }

    /// The rows of a job's best points on ticks, if its `[fidelity]` asks for them and a worker has run them.
    pub(crate) fn rows_on_ticks(&self, job: &JobRecord) -> Result<Option<Vec<TrialRow>>, Failure> {
        if job.state != JobState::Done || job.fidelity()?.is_none() {
            return Ok(None);
        }
        let home = temporary()?;
        let folder = results_folder(home.path(), "fidelity", job.id);
        create(&folder)?;
        let (id, folder) = (job.id.to_string(), &folder);
        self.ask(|remote| async move { remote.results_on_ticks(&id, folder).await })?;
        let mut sent = fs::read_dir(folder).map_err(|error| Failure::io("list", folder, &error))?;
        match sent.next() {
            Some(_) => Ok(Some(fidelity_rows(home.path(), &job.layout)?)),
            None => Ok(None),
        }
    }

    /// A folder laid out like a home, in the cache of a home, in which all rows of a finished job are: brought there unless they are.
    pub(crate) fn results_of(&self, job: &JobRecord, home: &Path) -> Result<PathBuf, Failure> {
        let cache = home.join("cache").join("cluster");
        let folder = results_folder(&cache, "trials", job.id);
        let mark = folder.join(SUCCESS);
        if let Ok(mark) = File::options().append(true).open(&mark) {
            // When it was used last; a cache that forgets it is none the worse.
            let _ = mark.set_modified(SystemTime::now());
            return Ok(cache);
        }
        let beside = folder.parent().expect("a folder for each job");
        create(beside)?;
        let coming = tempfile::Builder::new().prefix(".coming-").tempdir_in(beside);
        let coming = coming.map_err(|error| Failure::io("create a folder in", beside, &error))?;
        let (id, place) = (job.id.to_string(), coming.path());
        self.ask(|remote| async move { remote.results(&id, place).await })?;
        let whole = place.join(SUCCESS);
        fs::write(&whole, "").map_err(|error| Failure::io("write", &whole, &error))?;
        match fs::rename(place, &folder) {
            Ok(()) => drop(coming.keep()),
            // Somebody else was faster; the rows are the same.
            Err(_) if mark.exists() => {}
            Err(error) => return Err(Failure::io("rename", place, &error)),
        }
        if let Err(error) = forget_oldest(beside, &folder, CACHE_BYTES) {
            tracing::warn!(%error, folder = %beside.display(), "the cache of results is not kept in its limit");
        }
        Ok(cache)
    }

    /// The data of a [whole](assay_proto::JobInfo::whole) job: those of this home, or of the cluster, for as long as they are needed.
    pub(crate) fn data_of(&self, job: &JobRecord, settings: &Settings) -> Result<Borrowed, Failure> {
        let catalog = Catalog::open(&settings.home)?;
        let here: BTreeSet<String> = catalog
            .datasets()?
            .into_iter()
            .map(|dataset| dataset.hash.to_string())
            .collect();
        let named = Job::from_body(&job.body)?.datasets();
        if named.iter().all(|dataset| here.contains(&dataset.hash)) {
            return Ok(Borrowed { catalog, folder: None });
        }
        let known = self.ask(|remote| async move { remote.datasets().await })?;
        let is_named = |info: &&DatasetInfo| named.iter().any(|dataset| dataset.hash == info.id.hash);
        let wanted: Vec<&DatasetInfo> = known.iter().filter(is_named).collect();
        if named
            .iter()
            .any(|dataset| !wanted.iter().any(|info| info.id.hash == dataset.hash))
        {
            // What is said of this home says best what is missing.
            return Ok(Borrowed { catalog, folder: None });
        }
        let home = temporary()?;
        let symbols = settings.home.join(SYMBOLS);
        if symbols.exists() {
            fs::copy(&symbols, home.path().join(SYMBOLS)).map_err(|error| Failure::io("copy", &symbols, &error))?;
        }
        for info in wanted {
            self.fetch(&info.id, home.path())?;
        }
        Ok(Borrowed {
            catalog: Catalog::open(home.path())?,
            folder: Some(home),
        })
    }

    /// Writes a dataset into the catalog of a home that has none.
    fn fetch(&self, id: &DatasetId, home: &Path) -> Result<(), Failure> {
        let kind: DatasetKind = id
            .kind
            .parse()
            .map_err(|error| Failure::external(format!("{}: {error}", id.kind)))?;
        let folder = Catalog::open(home)?.location(&id.symbol, kind);
        create(&folder)?;
        let index = self.ask(|remote| async move { remote.dataset(id).await })?;
        for file in &index.files {
            let path = folder.join(&file.name);
            let to = &path;
            self.ask(|remote| async move { remote.download(file, to).await })?;
            if DatasetFile::measure(&file.name, &path)? != *file {
                let message = format!("{} of {id} arrived damaged", file.name);
                return Err(Failure::external(message).hint("try again; if it stays so, push the dataset again"));
            }
        }
        let path = folder.join("manifest.json");
        fs::write(&path, &index.manifest).map_err(|error| Failure::io("write", &path, &error))
    }
}

fn temporary() -> Result<TempDir, Failure> {
    tempfile::tempdir().map_err(|error| Failure::io("create", &std::env::temp_dir(), &error))
}

fn create(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, &error))
}

/// Removes the results that were not used for longest until so many bytes are left, but never those in `newest`.
fn forget_oldest(folder: &Path, newest: &Path, most: u64) -> std::io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // What somebody else is bringing has no mark yet.
        let Ok(used) = fs::metadata(path.join(SUCCESS)).and_then(|mark| mark.modified()) else {
            continue;
        };
        let mut bytes = 0;
        for file in fs::read_dir(&path)? {
            bytes += file?.metadata()?.len();
        }
        kept.push((path != newest, used, bytes, path));
    }
    // The newest first, then by use.
    kept.sort_by_key(|(other, used, ..)| (*other, std::cmp::Reverse(*used)));
    let mut room = most;
    for (other, _, bytes, path) in kept {
        match room.checked_sub(bytes) {
            Some(left) => room = left,
            None if other => {
                room = 0;
                fs::remove_dir_all(path)?;
            }
            None => room = 0,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_results_that_were_used_last_are_kept() {
        let cache = tempfile::tempdir().unwrap();
        let place = |name: &str| cache.path().join(name);
        let now = SystemTime::now();
        for (name, age) in [("old", 30), ("used", 10), ("new", 0)] {
            fs::create_dir(place(name)).unwrap();
            fs::write(place(name).join("part-00000.parquet"), [0; 100]).unwrap();
            let mark = File::create(place(name).join(SUCCESS)).unwrap();
            mark.set_modified(now - Duration::from_secs(age)).unwrap();
        }
        fs::create_dir(place(".coming-1")).unwrap();
        let left = |most| {
            forget_oldest(cache.path(), &place("new"), most).unwrap();
            ["old", "used", "new", ".coming-1"].map(|name| place(name).exists())
        };
        assert_eq!(left(300), [true; 4]);
        assert_eq!(left(250), [false, true, true, true]);
        assert_eq!(left(10), [false, false, true, true], "what was asked for stays");
    }
}
