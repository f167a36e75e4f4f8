//! From a job file to everything that a run needs to know: which strategy, which space, which data, and the job's id.

use std::fs;
use std::path::{Path, PathBuf};

use assay_core::ids::{JobId, Symbol};
use assay_core::instrument::Instrument;
use assay_core::job::{JobSpec, Sampling};
use assay_core::space::Space;
use assay_core::time::{BarLength, DAY_NS, UtcNs};
use assay_core::{Domain, SEMANTICS_VERSION};
use assay_data::{BarRequest, Catalog, DataError, Dataset, DatasetKind, ValuesHash};
use assay_store::JobRecord;
use assay_strategies::{Strategy, library, library_strategy};
use serde_json::{Value, json};

use crate::failure::Failure;

/// A market may be closed for so long: a weekend and holidays around it.
const LONGEST_CLOSE_NS: i64 = 4 * DAY_NS;

/// A job with its strategy and data found.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    /// As written, defaults filled in.
    pub(crate) spec: JobSpec,
    /// The text of the job file.
    pub(crate) source: String,
    pub(crate) strategy: Strategy,
    /// The text of the strategy.
    pub(crate) strategy_source: String,
    /// What is searched: parameters of the strategy only, with a condition.
    pub(crate) space: Space,
    /// Where each instrument's bars come from, in the job's order.
    pub(crate) instruments: Vec<JobInstrument>,
}

/// An instrument of a job.
#[derive(Debug, Clone)]
pub(crate) struct JobInstrument {
    pub(crate) instrument: Instrument,
    /// The dataset from which its bars are made.
    pub(crate) dataset: Dataset,
    /// That dataset's name: `quotes`, `trades`, `bars-1m`.
    pub(crate) source: String,
    /// Hash of its funding rates, if the job applies them.
    pub(crate) funding: Option<ValuesHash>,
}

impl Job {
    /// Reads a job file, its strategy, and the manifests of its data.
    pub(crate) fn load(path: &Path, catalog: &Catalog) -> Result<Self, Failure> {
        let source = fs::read_to_string(path).map_err(|error| {
            let failure = Failure::io("read", path, &error);
            match error.kind() {
                std::io::ErrorKind::NotFound => {
                    failure.hint("give the path of a job file; `assay demo` writes one to start from")
                }
                _ => failure,
            }
        })?;
        let at = |failure: Failure| failure.at(path.display());
        let spec = JobSpec::from_toml(&source).map_err(|error| at(error.into()))?;
        let (strategy_source, origin) = find_strategy(&spec.strategy.name, path)?;
        let strategy = Strategy::parse(&strategy_source, &origin)?;
        Self::resolve(spec, source, strategy, strategy_source, catalog).map_err(at)
    }

    /// Puts a job together from its parts.
    pub(crate) fn resolve(
        spec: JobSpec,
        source: String,
        strategy: Strategy,
        strategy_source: String,
        catalog: &Catalog,
    ) -> Result<Self, Failure> {
        let space = strategy.resolve_space(spec.params.as_ref())?;
        let mut instruments = Vec::with_capacity(spec.data.instruments.len());
        for symbol in &spec.data.instruments {
            let manifest = catalog.bar_source(&bar_request(&spec, symbol))?;
            instruments.push(JobInstrument {
                instrument: catalog.instrument(symbol),
                dataset: Dataset::from(&manifest),
                source: manifest.dataset_kind().to_string(),
                funding: find_funding(&spec, symbol, catalog)?,
            });
        }
        for item in &instruments {
            check_window(&spec, item)?;
        }
        let canonical = canonical(&spec, &strategy, &space, &instruments);
        let hash = blake3::hash(canonical.to_string().as_bytes());
        Ok(Self {
            id: JobId::from_hash(*hash.as_bytes()),
            spec,
            source,
            strategy,
            strategy_source,
            space,
            instruments,
        })
    }

    /// A job that was run, with one of its instruments only: the values it ran on must still be there.
    pub(crate) fn restore(record: &JobRecord, instrument: usize, catalog: &Catalog) -> Result<Self, Failure> {
        let broken = |reason: &str| Failure::external(format!("the database's record of job {} {reason}", record.id));
        if record.semantics != SEMANTICS_VERSION {
            let message = format!(
                "job {} was computed under version {} of the semantics",
                record.id, record.semantics
            );
            return Err(Failure::new(Domain::NotAllowed, message).hint("run the job again with this version"));
        }
        let stored: Value = serde_json::from_str(&record.spec).map_err(|_| broken("is not JSON"))?;
        let source = stored["source"].as_str().ok_or_else(|| broken("has no source"))?;
        let mut spec = JobSpec::from_toml(source)?;
        let strategy = Strategy::parse(&record.strategy, &format!("strategy of job {}", record.id))?;
        let data = record.data.get(instrument).ok_or_else(|| broken("lacks an instrument"))?;
        let symbol = spec
            .data
            .instruments
            .get(instrument)
            .ok_or_else(|| broken("lacks an instrument"))?
            .clone();
        let same = catalog
            .find(&symbol)?
            .into_iter()
            .find(|dataset| dataset.hash.to_string() == data.hash);
        let changed = || {
            Failure::external(format!("the data of {symbol} have changed since job {} ran", record.id))
                .hint("run the job again on the new data, or import the old data into another --home")
        };
        let dataset = same.ok_or_else(changed)?;
        let funding = find_funding(&spec, &symbol, catalog)?;
        if funding.map(|hash| hash.to_string()) != data.funding {
            return Err(changed());
        }
        spec.data.source = Some(dataset.kind);
        let space = strategy.resolve_space(spec.params.as_ref())?;
        let item = JobInstrument {
            instrument: catalog.instrument(&symbol),
            source: dataset.kind.to_string(),
            dataset,
            funding,
        };
        Ok(Self {
            id: record.id,
            source: source.to_owned(),
            spec,
            strategy,
            strategy_source: record.strategy.clone(),
            space,
            instruments: vec![item],
        })
    }

    /// What the catalog is asked for.
    pub(crate) fn bar_request(&self, instrument: &JobInstrument) -> BarRequest {
        let mut request = bar_request(&self.spec, &instrument.instrument.symbol);
        request.source = Some(instrument.dataset.kind);
        request
    }

    /// The text that the database keeps: the job with its defaults, and under `source` the file it came from.
    pub(crate) fn stored_spec(&self) -> String {
        let mut spec = json!(self.spec);
        spec["source"] = json!(self.source);
        spec.to_string()
    }

    pub(crate) fn symbols(&self) -> Vec<Symbol> {
        self.spec.data.instruments.clone()
    }
}

/// Refuses a window that reaches beyond the data, by more than a market may be closed: most likely the wrong data are imported.
fn check_window(spec: &JobSpec, item: &JobInstrument) -> Result<(), Failure> {
    let (first, last) = (item.dataset.first, item.dataset.last);
    let slack = LONGEST_CLOSE_NS.max(spec.data.bars.ns());
    let refuse = |key: &str, at: UtcNs, what: &str| {
        let symbol = &item.instrument.symbol;
        Err(
            Failure::usage(format!("data.{key}: the window {what} at {at}, beyond the data of {symbol}")).hint(format!(
                "they go from {first} to {last}: move `{key}` there, leave it out to use all of them, or import more"
            )),
        )
    };
    match (spec.data.from, spec.data.to) {
        (Some(from), _) if from.0 < first.0.saturating_sub(slack) => refuse("from", from, "begins"),
        (Some(from), _) if from.0 > last.0 => refuse("from", from, "begins"),
        (_, Some(to)) if to.0 > last.0.saturating_add(slack) => refuse("to", to, "ends"),
        (_, Some(to)) if to.0 <= first.0 => refuse("to", to, "ends"),
        _ => Ok(()),
    }
}

/// The hash of the rates that a job with `funding` applies to an instrument.
fn find_funding(spec: &JobSpec, symbol: &Symbol, catalog: &Catalog) -> Result<Option<ValuesHash>, Failure> {
    if !spec.execution.funding {
        return Ok(None);
    }
    match catalog.manifest(symbol, DatasetKind::Funding) {
        Ok(manifest) => Ok(Some(manifest.hash)),
        Err(error @ DataError::NoDataset { .. }) => Err(Failure::from(error).at("execution.funding").hint(format!(
            "import it with `assay data import FILE --symbol {symbol} --kind funding`, or leave `funding` out"
        ))),
        Err(error) => Err(error.into()),
    }
}

fn bar_request(spec: &JobSpec, symbol: &Symbol) -> BarRequest {
    BarRequest {
        symbol: symbol.clone(),
        length: spec.data.bars,
        fill_gaps: spec.data.fill_gaps,
        source: spec.data.source,
    }
}

/// Everything that decides the results, in a fixed order and spelling. Threads, memory, paths and texts for people stay out.
fn canonical(spec: &JobSpec, strategy: &Strategy, space: &Space, instruments: &[JobInstrument]) -> Value {
    let mut spec = spec.clone();
    spec.params = None;
    spec.metrics.sampling.get_or_insert(default_sampling(spec.data.bars));
    let params: Vec<Value> = space
        .params
        .iter()
        .map(|parameter| json!({ "name": parameter.name, "domain": parameter.domain }))
        .collect();
    let condition = space
        .condition
        .as_ref()
        .map(|text| assay_lang::parse(text).map_or_else(|_| text.clone(), |expression| expression.to_string()));
    let data: Vec<Value> = instruments
        .iter()
        .map(|item| {
            let mut facts = item.instrument.facts.clone();
            facts.about.clear();
            let mut data = json!({ "facts": facts, "values": item.dataset.hash });
            if let Some(hash) = item.funding {
                data["funding"] = json!(hash);
            }
            data
        })
        .collect();
    let mut job = json!(spec);
    // The strategy is what its file says, wherever that lies and whatever it is called.
    job["strategy"] = json!(strategy.canonical());
    json!({ "semantics": SEMANTICS_VERSION, "job": job, "params": params, "where": condition, "data": data })
}

/// As semantics.md has it: daily returns of bars shorter than a day.
fn default_sampling(bars: BarLength) -> Sampling {
    if bars.is_daily_or_longer() {
        Sampling::Bar
    } else {
        Sampling::Day
    }
}

/// Text and origin of a strategy: a path beside the job file, or a library name.
fn find_strategy(name: &str, job: &Path) -> Result<(String, String), Failure> {
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
