//! Where everything lies that a cluster shares: rows on their way, result files, datasets.
//!
//! ```text
//! staging/<job>/t<first block>-<blocks>.<attempt>.parquet
//! results/v1/kind=trials/job=<id>/part-00000.parquet, _schema.json, _SUCCESS      and other kinds beside it
//! data/files/<first two digits>/<hash>                a file of datasets by the BLAKE3 of its bytes
//! data/sets/<symbol>/<kind>/<hash of values>.json     a dataset: its manifest and its files, written when all of them are there
//! ```
//! A depot is a folder, or a bucket of S3 or of whatever speaks it. In a folder, files are written and read in place, as a run on one
//! machine does in its home. For a bucket they are written into a folder of this process first, and read from copies there.
//!
//! In a bucket `_SUCCESS` names the files of the result with their hashes: what is read is what was written, and nothing else.

#[cfg(feature = "objects")]
mod bucket;
#[cfg(feature = "objects")]
mod cache;
#[cfg(feature = "objects")]
mod data;
#[cfg(feature = "objects")]
mod objects;
mod place;
#[cfg(all(test, feature = "objects"))]
#[expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic as tests do, and say what they skip"
)]
mod tests;

use std::path::{Path, PathBuf};
#[cfg(feature = "objects")]
use std::sync::Arc;

use assay_core::ids::JobId;
use assay_core::row::TrialRow;

#[cfg(feature = "objects")]
use crate::compact::TRIALS;
use crate::compact::has_results;
use crate::datasets::DatasetId;
use crate::error::StoreError;
#[cfg(feature = "objects")]
use crate::fidelity::FIDELITY;
use crate::fidelity::has_fidelity;
use crate::files;
use crate::layout::Layout;
use crate::staging::{self, Staged, TaskRange, write_staged};

#[cfg(feature = "objects")]
pub use bucket::DepotAddress;
#[cfg(feature = "objects")]
pub use cache::{Cache, FileId};
#[cfg(feature = "objects")]
pub use data::Upload;
pub use place::Place;

/// A depot. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Depot(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Folder {
        folder: PathBuf,
        /// Of a process in a cluster, which has a home of its own.
        #[cfg(feature = "objects")]
        shared: Option<Arc<objects::Objects>>,
    },
    #[cfg(feature = "objects")]
    Bucket(Arc<objects::Objects>),
}

/// What was staged of a job, brought to where it can be read.
#[derive(Debug)]
pub struct Gathered {
    /// Where it lies, and where the result files go.
    pub place: Place,
    /// By their position: files that are not there as they were written, and what is wrong with them.
    pub damaged: Vec<(usize, String)>,
}

impl Depot {
    /// The home of a run on one machine.
    pub fn folder(home: &Path) -> Self {
        Self(Kind::Folder {
            folder: home.to_owned(),
            #[cfg(feature = "objects")]
            shared: None,
        })
    }

    /// Writes the rows of a task to where they are safe.
    pub async fn stage(
        &self,
        layout: &Layout,
        range: TaskRange,
        attempt: u32,
        rows: Vec<TrialRow>,
    ) -> Result<Staged, StoreError> {
        match &self.0 {
            Kind::Folder { folder, .. } => {
                let (folder, layout) = (folder.clone(), layout.clone());
                blocking(move || write_staged(&folder, &layout, range, attempt, &rows)).await
            }
            #[cfg(feature = "objects")]
            Kind::Bucket(objects) => objects.stage(layout, range, attempt, rows).await,
        }
    }

    /// Brings staged rows to where they can be read, and says which are damaged. Blocks; to be called inside a runtime's blocking thread.
    pub fn gather(&self, job: JobId, staged: &[&Staged]) -> Result<Gathered, StoreError> {
        match &self.0 {
            Kind::Folder { folder, .. } => {
                let _ = job;
                let verify = |(at, staged): (usize, &&Staged)| Some((at, staged.verify(folder).err()?));
                Ok(Gathered {
                    damaged: staged.iter().enumerate().filter_map(verify).collect(),
                    place: Place::folder(folder),
                })
            }
            #[cfg(feature = "objects")]
            Kind::Bucket(objects) => tokio::runtime::Handle::current().block_on(objects.gather(job, staged)),
        }
    }

    /// Moves the result files of a job from where they were written to where all can read them; the mark of success comes last. Blocks, as
    /// [`Depot::gather`] does.
    pub fn publish(&self, place: &Place, job: JobId) -> Result<(), StoreError> {
        match &self.0 {
            // They were written there.
            Kind::Folder { .. } => {
                let _ = (place, job);
                Ok(())
            }
            #[cfg(feature = "objects")]
            Kind::Bucket(objects) => tokio::runtime::Handle::current().block_on(objects.publish(place.home(), job)),
        }
    }

    /// Whether the result files of a job are in place.
    pub async fn has_results(&self, layout: &Layout) -> Result<bool, StoreError> {
        match &self.0 {
            Kind::Folder { folder, .. } => {
                let (folder, layout) = (folder.clone(), layout.clone());
                blocking(move || Ok(has_results(&folder, &layout))).await
            }
            #[cfg(feature = "objects")]
            Kind::Bucket(objects) => objects.has_results(layout.job).await,
        }
    }

    /// Where the rows of a finished job can be read, for as long as the place is held.
    pub async fn results(&self, layout: &Layout) -> Result<Place, StoreError> {
        match &self.0 {
            Kind::Folder { folder, .. } => {
                let _ = layout;
                Ok(Place::folder(folder))
            }
            #[cfg(feature = "objects")]
            Kind::Bucket(objects) => objects.results(TRIALS, layout.job).await,
        }
    }

    /// Where the rows of a finished job's best points on ticks can be read, for as long as the place is held; `None` if there are none.
    pub async fn fidelity(&self, layout: &Layout) -> Result<Option<Place>, StoreError> {
        match &self.0 {
            Kind::Folder { folder, .. } => {
                let (folder, job) = (folder.clone(), layout.job);
                blocking(move || Ok(has_fidelity(&folder, job).then(|| Place::folder(&folder)))).await
            }
            #[cfg(feature = "objects")]
            Kind::Bucket(objects) => match objects.results(FIDELITY, layout.job).await {
                Ok(place) => Ok(Some(place)),
                Err(StoreError::MissingResults { .. }) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// Removes what was staged of a job.
    pub async fn remove_staging(&self, job: JobId) -> Result<(), StoreError> {
        match &self.0 {
            Kind::Folder { folder, .. } => {
                let folder = folder.clone();
                blocking(move || staging::remove_staging(&folder, job)).await
            }
            #[cfg(feature = "objects")]
            Kind::Bucket(objects) => objects.remove_staging(job).await,
        }
    }

    /// Jobs of which something is staged.
    pub async fn staged_jobs(&self) -> Result<Vec<JobId>, StoreError> {
        match &self.0 {
            Kind::Folder { folder, .. } => {
                let root = files::staging_root(folder);
                blocking(move || files::folder_names(&root))
                    .await
                    .map(|names| jobs_of(&names))
            }
            #[cfg(feature = "objects")]
            Kind::Bucket(objects) => objects.staged_jobs().await.map(|names| jobs_of(&names)),
        }
    }

    /// The folder of a depot that is one.
    pub fn as_folder(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Folder { folder, .. } => Some(folder),
            #[cfg(feature = "objects")]
            Kind::Bucket(_) => None,
        }
    }

    /// A catalog with these datasets, copied from the depot as far as they are not here already; an error if the depot lacks one.
    pub async fn datasets(&self, wanted: &[DatasetId]) -> Result<Place, StoreError> {
        #[cfg(feature = "objects")]
        if let Some(objects) = self.objects() {
            return objects.datasets(wanted).await;
        }
        let missing = wanted.iter().map(ToString::to_string).collect();
        Err(StoreError::MissingDatasets { missing })
    }
}

#[cfg(feature = "objects")]
impl Depot {
    fn objects(&self) -> Option<&Arc<objects::Objects>> {
        match &self.0 {
            Kind::Folder { shared, .. } => shared.as_ref(),
            Kind::Bucket(objects) => Some(objects),
        }
    }
}

fn jobs_of(names: &[String]) -> Vec<JobId> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// Runs what reads or writes files on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(StoreError::Record {
            what: "file",
            reason: error.to_string(),
        })
    })
}
