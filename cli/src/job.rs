//! From a job file to everything that a run needs to know: which strategy, which space, which data, and the job's id.

use std::fs;
use std::path::{Path, PathBuf};

use assay_core::SEMANTICS_VERSION;
use assay_core::ids::Symbol;
use assay_core::job::{DataKind, JobSpec};
use assay_data::{BarRequest, Catalog, DataError, DatasetKind};
use assay_optimizer::Target;
use assay_store::JobRecord;
use assay_strategies::{Job, JobFault, JobInstrument, JobTicks, Strategy, library, library_strategy};

use crate::failure::Failure;
use crate::folds::folds;
use crate::settings::Settings;

/// Reads a job file, its strategy, and the manifests of its data.
pub(crate) fn load(path: &Path, catalog: &Catalog) -> Result<Job, Failure> {
    let source = fs::read_to_string(path).map_err(|error| {
        let failure = Failure::io("read", path, &error);
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                failure.hint("give the path of a job file; `assay init DIR` writes one to start from")
            }
            _ => failure,
        }
    })?;
    let at = |failure: Failure| failure.at(path.display());
    let spec = JobSpec::from_toml(&source).map_err(|error| at(error.into()))?;
    Target::new(&spec.objective).map_err(|error| {
        let failure = at(error.into());
        match failure.hint_text() {
            Some(_) => failure,
            None => failure.hint("write conditions on metrics, such as \"trades >= 30\""),
        }
    })?;
    let (strategy_source, origin) = find_strategy(&spec.strategy.name, path)?;
    let strategy = Strategy::parse(&strategy_source, &origin)?;
    resolve(spec, source, strategy, strategy_source, catalog).map_err(at)
}

/// Finds the data of a job.
pub(crate) fn resolve(
    spec: JobSpec,
    source: String,
    strategy: Strategy,
    strategy_source: String,
    catalog: &Catalog,
) -> Result<Job, Failure> {
    // The strategy's complaints about the job come before those about its data.
    let space = strategy.resolve_space(spec.params.as_ref())?;
    let references = strategy.references(&space, &spec.execution)?;
    let instruments = spec.data.instruments.iter().map(|symbol| instrument(&spec, symbol, catalog));
    let instruments = instruments.collect::<Result<Vec<_>, Failure>>()?;
    let references = references.iter().map(|symbol| reference(&spec, symbol, catalog));
    let references: Vec<JobInstrument> = references.collect::<Result<_, Failure>>()?;
    for reference in &references {
        overlaps(&spec, reference, &instruments)?;
    }
    let folds = folds(&spec, &instruments, catalog)?;
    let job = Job::new(spec, source, strategy, strategy_source, instruments, folds)?;
    Ok(job.with_references(references))
}

/// A job on the data that this home has now.
#[cfg(feature = "cluster")]
pub(crate) fn renew(job: Job, catalog: &Catalog) -> Result<Job, Failure> {
    let instruments = job.spec.data.instruments.iter();
    let instruments = instruments.map(|symbol| instrument(&job.spec, symbol, catalog));
    let instruments = instruments.collect::<Result<_, Failure>>()?;
    Ok(job.on(instruments)?)
}

/// Refuses an instrument that the strategy looks at where there is nothing to be seen: all it would find is the same old price.
fn overlaps(spec: &JobSpec, reference: &JobInstrument, instruments: &[JobInstrument]) -> Result<(), Failure> {
    for item in instruments {
        let from = spec.data.from.unwrap_or(item.first).max(item.first);
        let to = spec.data.to.unwrap_or(item.last).min(item.last);
        if reference.last >= from && reference.first <= to {
            continue;
        }
        let symbol = &reference.instrument.symbol;
        let message = format!(
            "ref(\"{symbol}\", ...): the data of {symbol} go from {} to {}, those of {} that are traded from {from} to {to}",
            reference.first, reference.last, item.instrument.symbol
        );
        return Err(Failure::usage(message).hint("import data of the same time, or set `from` and `to` in [data]"));
    }
    Ok(())
}

/// An instrument of a job, and its data as they are now.
fn instrument(spec: &JobSpec, symbol: &Symbol, catalog: &Catalog) -> Result<JobInstrument, Failure> {
    let found = reference(spec, symbol, catalog)?;
    Ok(JobInstrument {
        funding: find_funding(spec, symbol, catalog)?,
        ticks: find_ticks(spec, symbol, found.kind, catalog)?,
        ladder: find_ladder(spec, symbol, found.kind, catalog)?,
        ..found
    })
}

/// An instrument that the strategy only looks at.
fn reference(spec: &JobSpec, symbol: &Symbol, catalog: &Catalog) -> Result<JobInstrument, Failure> {
    let manifest = catalog.bar_source(&BarRequest {
        symbol: symbol.clone(),
        bars: spec.data.bars,
        fill_gaps: spec.data.fill_gaps,
        source: spec.data.source,
    })?;
    Ok(JobInstrument {
        instrument: catalog.instrument(symbol),
        kind: manifest.kind,
        bar: manifest.bar,
        values: manifest.hash.to_string(),
        first: manifest.first,
        last: manifest.last,
        funding: None,
        ticks: None,
        ladder: None,
    })
}

/// The data that a job ran on: those of the home, or bars that a program handed over.
pub(crate) fn catalog_of(record: &JobRecord, settings: &Settings) -> Result<Catalog, Failure> {
    let home = Catalog::open(&settings.home)?;
    Ok(home.of_values(record.data.iter().map(|data| data.hash.as_str())))
}

/// A job that was run, with one of its instruments only: the values it ran on must still be there.
pub(crate) fn restore(record: &JobRecord, instrument: usize, catalog: &Catalog) -> Result<Job, Failure> {
    if record.semantics != SEMANTICS_VERSION {
        let fault = JobFault::Semantics { found: record.semantics };
        return Err(Failure::from(fault).at(format!("job {}", record.id)));
    }
    let broken = |reason: &str| Failure::external(format!("the database's record of job {} {reason}", record.id));
    let stored: serde_json::Value = serde_json::from_str(&record.spec).map_err(|_| broken("is not JSON"))?;
    let source = stored["source"].as_str().ok_or_else(|| broken("has no source"))?;
    let mut spec = JobSpec::from_toml(source)?;
    let strategy = Strategy::parse(&record.strategy, &format!("strategy of job {}", record.id))?;
    let data = record.data.get(instrument).ok_or_else(|| broken("lacks an instrument"))?;
    let symbols = &spec.data.instruments;
    let symbol = symbols.get(instrument).ok_or_else(|| broken("lacks an instrument"))?.clone();
    let changed = || {
        Failure::external(format!("the data of {symbol} have changed since job {} ran", record.id))
            .hint("run the job again on the new data, or import the old data into another --home")
    };
    let same = catalog
        .find(&symbol)?
        .into_iter()
        .find(|dataset| dataset.hash.to_string() == data.hash);
    let dataset = same.ok_or_else(changed)?;
    let funding = find_funding(&spec, &symbol, catalog)?;
    let ticks = find_ticks(&spec, &symbol, dataset.kind, catalog)?;
    spec.data.source = Some(dataset.kind);
    spec.data.instruments = vec![symbol.clone()];
    // Facts about bars that were handed over may have come with them.
    let submitted = Job::from_body(&record.body).ok();
    let submitted = submitted.and_then(|job| job.instruments.into_iter().nth(instrument));
    let item = JobInstrument {
        instrument: submitted.map_or_else(|| catalog.instrument(&symbol), |item| item.instrument),
        kind: dataset.kind,
        bar: dataset.bar,
        values: data.hash.clone(),
        first: dataset.first,
        last: dataset.last,
        funding,
        ticks,
        ladder: None,
    };
    if item.funding != data.funding || item.other_ticks() != data.ticks.as_deref() {
        return Err(changed());
    }
    let references = strategy.references(&strategy.resolve_space(spec.params.as_ref())?, &spec.execution)?;
    let references = if references.is_empty() {
        Vec::new()
    } else {
        // Their values are compared with the catalog's when they are loaded.
        Job::from_body(&record.body)?.references
    };
    let job = Job::new(
        spec,
        source.to_owned(),
        strategy,
        record.strategy.clone(),
        vec![item],
        Vec::new(),
    )?;
    Ok(Job {
        id: record.id,
        references,
        ..job
    })
}

/// The hash of the rates that a job with `funding` applies to an instrument.
fn find_funding(spec: &JobSpec, symbol: &Symbol, catalog: &Catalog) -> Result<Option<String>, Failure> {
    if !spec.execution.funding {
        return Ok(None);
    }
    match catalog.manifest(symbol, DatasetKind::Funding) {
        Ok(manifest) => Ok(Some(manifest.hash.to_string())),
        Err(error @ DataError::NoDataset { .. }) => Err(Failure::from(error).at("execution.funding").hint(format!(
            "import it with `assay data import FILE --symbol {symbol} --kind funding`, or leave `funding` out"
        ))),
        Err(error) => Err(error.into()),
    }
}

/// The ticks that decide fills or levels of a job: those that its bars are made from, else the instrument's quotes or trades.
fn find_ticks(spec: &JobSpec, symbol: &Symbol, bars: DataKind, catalog: &Catalog) -> Result<Option<JobTicks>, Failure> {
    if !spec.execution.needs_ticks() {
        return Ok(None);
    }
    ticks_of(symbol, bars, catalog)
        .map(Some)
        .map_err(|failure| failure.at("execution"))
}

/// The ticks on which a job's `[fidelity]` runs its best points again.
fn find_ladder(spec: &JobSpec, symbol: &Symbol, bars: DataKind, catalog: &Catalog) -> Result<Option<JobTicks>, Failure> {
    if spec.fidelity.is_none() {
        return Ok(None);
    }
    ticks_of(symbol, bars, catalog)
        .map(Some)
        .map_err(|failure| failure.at("fidelity"))
}

fn ticks_of(symbol: &Symbol, bars: DataKind, catalog: &Catalog) -> Result<JobTicks, Failure> {
    let same = matches!(bars, DataKind::Quotes | DataKind::Trades).then_some(bars);
    match catalog.tick_source(symbol, same) {
        Ok(manifest) => Ok(JobTicks {
            kind: manifest.kind,
            values: manifest.hash.to_string(),
        }),
        Err(error @ DataError::NoDataset { .. }) => Err(Failure::from(error).hint(
            "fill = \"next_tick\", intrabar = \"ticks\" and [fidelity] need quotes or trades: import them, or do without",
        )),
        Err(error) => Err(error.into()),
    }
}

/// Text and origin of a strategy: a path beside the job file, or a library name.
pub(crate) fn find_strategy(name: &str, job: &Path) -> Result<(String, String), Failure> {
    if !is_path(name) {
        return library_source(name).map_err(|failure| failure.at(job.display()));
    }
    let path = job.parent().unwrap_or(Path::new("")).join(name);
    read_strategy(&path).map_err(|failure| failure.at(format!("{}, strategy.use", job.display())))
}

/// Text and origin of a strategy named on the command line.
pub(crate) fn named_strategy(name: &str) -> Result<(String, String), Failure> {
    if is_path(name) || Path::new(name).is_file() {
        read_strategy(&PathBuf::from(name))
    } else {
        library_source(name)
    }
}

fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || Path::new(name).extension().is_some_and(|extension| extension == "toml")
}

fn read_strategy(path: &Path) -> Result<(String, String), Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::io("read", path, &error).hint("give the path of a strategy file, or a library name of `assay strategy ls`")
    })?;
    Ok((text, path.display().to_string()))
}

fn library_source(name: &str) -> Result<(String, String), Failure> {
    match library().iter().find(|(known, _)| *known == name) {
        Some((_, source)) => Ok(((*source).to_owned(), name.to_owned())),
        None => match library_strategy(name) {
            Ok(strategy) => Err(Failure::internal(format!(
                "library strategy `{}` has no source",
                strategy.name
            ))),
            Err(error) => Err(error.into()),
        },
    }
}
