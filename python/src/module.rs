//! The binding: one class that stands for a home or a cluster, and functions about the language.
//!
//! Calls that compute or wait release the interpreter. Records go over as JSON, rows as Arrow batches without copying.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayData, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use arrow_pyarrow::PyArrowType;
use assay_cli::embed::{self, Assay, Audience, Failure, FrameOf, JobText, Place, RunEnd, Signals};
use assay_core::ids::TrialId;
use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;

use crate::frame::{FrameError, bars_of, length_of};

/// Where the classes of errors are.
const ERRORS: &str = "assay.errors";

/// Whoever called: hears of progress by a callback, of warnings by `warnings.warn`, and says whether Ctrl-C was pressed.
struct Caller {
    progress: Option<Py<PyAny>>,
    /// What a callback or Ctrl-C raised: the reason why the call ends.
    raised: Mutex<Option<PyErr>>,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Caller")
    }
}

impl Caller {
    fn raise(&self, error: PyErr) {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        raised.get_or_insert(error);
    }

    fn take(&self) -> Option<PyErr> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Audience for Caller {
    fn progress(&self, done: u64, total: u64, note: &str) {
        let Some(callback) = &self.progress else { return };
        Python::attach(|py| {
            if let Err(error) = callback.call1(py, (done, total, note)) {
                self.raise(error);
            }
        });
    }

    fn warn(&self, text: &str) {
        Python::attach(|py| {
            let warned = py
                .import("warnings")
                .and_then(|warnings| warnings.call_method1("warn", (text,)));
            if let Err(error) = warned {
                self.raise(error);
            }
        });
    }

    fn interrupted(&self) -> bool {
        Python::attach(|py| {
            if let Err(error) = py.check_signals() {
                self.raise(error);
            }
        });
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// An error as Python raises it: the class follows from the exit code.
fn raise(py: Python<'_>, failure: &Failure) -> PyErr {
    error(py, failure.message(), failure.places(), failure.hint_text(), failure.code())
}

fn error(py: Python<'_>, message: &str, places: &[String], hint: Option<&str>, code: u8) -> PyErr {
    let made = py
        .import(ERRORS)
        .and_then(|module| module.call_method1("from_native", (message, places.to_vec(), hint, code)));
    match made {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}

fn usage(py: Python<'_>, frame: &str, failure: &FrameError) -> PyErr {
    error(py, &failure.to_string(), &[frame.to_owned()], Some(failure.hint()), 2)
}

/// A home, or a cluster with a home beside it.
#[pyclass(frozen)]
struct Native {
    assay: Assay,
    caller: Arc<Caller>,
}

impl Native {
    /// Computes or waits without the interpreter.
    fn call<T: Send>(&self, py: Python<'_>, call: impl FnOnce(&Assay) -> Result<T, Failure> + Send) -> PyResult<T> {
        let found = py.detach(|| call(&self.assay));
        // What a callback raised is why the call failed, if it did.
        if let Some(raised) = self.caller.take() {
            return Err(raised);
        }
        found.map_err(|failure| raise(py, &failure))
    }

    fn ended(&self, py: Python<'_>, call: impl FnOnce(&Assay) -> Result<RunEnd, Failure> + Send) -> PyResult<(String, u64)> {
        let found = py.detach(|| call(&self.assay));
        let raised = self.caller.take();
        // Ctrl-C says how far the run is; whatever else was raised says it itself.
        if let Some(raised) = raised.filter(|raised| found.is_err() || !raised.is_instance_of::<PyKeyboardInterrupt>(py)) {
            return Err(raised);
        }
        match found.map_err(|failure| raise(py, &failure))? {
            RunEnd::Done(job, computed) => Ok((job.to_string(), computed)),
            RunEnd::Interrupted(done, trials) => Err(PyKeyboardInterrupt::new_err(format!(
                "stopped: {done} of {trials} trials are safe; run it again to continue"
            ))),
        }
    }
}

fn text_of(py: Python<'_>, file: Option<PathBuf>, tables: Option<&str>, strategy: Option<String>) -> PyResult<JobText> {
    match (file, tables) {
        (Some(path), _) => Ok(JobText::File(path)),
        (None, Some(tables)) => {
            let job: Value = serde_json::from_str(tables).map_err(|e| error(py, &e.to_string(), &[], None, 2))?;
            Ok(JobText::Tables { job, strategy })
        }
        (None, None) => Err(PyValueError::new_err("neither a file nor tables")),
    }
}

fn trial_of(py: Python<'_>, text: &str) -> PyResult<TrialId> {
    text.parse().map_err(|wrong: assay_core::ids::IdError| {
        error(
            py,
            &wrong.to_string(),
            &[],
            Some("trial ids are those of `job.top()`: t_..._0_123"),
            2,
        )
    })
}

#[pymethods]
impl Native {
    #[new]
    #[pyo3(signature = (home = None, threads = None, memory = None, cluster = None, key = None, progress = None))]
    fn new(
        py: Python<'_>,
        home: Option<PathBuf>,
        threads: Option<String>,
        memory: Option<String>,
        cluster: Option<String>,
        key: Option<String>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let caller = Arc::new(Caller {
            progress,
            raised: Mutex::default(),
        });
        let place = Place {
            home,
            threads,
            memory,
            cluster,
            key,
        };
        let assay = Assay::new(place, Arc::clone(&caller) as Arc<dyn Audience>).map_err(|failure| raise(py, &failure))?;
        Ok(Self { assay, caller })
    }

    #[getter]
    fn home(&self) -> PathBuf {
        self.assay.home().to_owned()
    }

    fn jobs(&self, py: Python<'_>) -> PyResult<PyArrowType<RecordBatch>> {
        self.call(py, Assay::jobs).map(PyArrowType)
    }

    fn job(&self, py: Python<'_>, name: &str) -> PyResult<String> {
        self.call(py, |assay| assay.job(name)).map(|job| job.to_string())
    }

    #[pyo3(signature = (file = None, tables = None, strategy = None))]
    fn run(
        &self,
        py: Python<'_>,
        file: Option<PathBuf>,
        tables: Option<&str>,
        strategy: Option<String>,
    ) -> PyResult<(String, u64)> {
        let text = text_of(py, file, tables, strategy)?;
        self.ended(py, |assay| assay.run(&text))
    }

    /// `frames` holds symbol, facts as JSON, length of the bars and columns of each instrument; what `tables` leaves open of the data
    /// follows from them. `signals` are the bars, the number of trials, and the packed columns of four rules.
    #[pyo3(signature = (tables, strategy, frames, signals = None))]
    #[expect(clippy::type_complexity, reason = "tuples are what Python hands over")]
    fn run_on(
        &self,
        py: Python<'_>,
        tables: &str,
        strategy: Option<String>,
        frames: Vec<(String, Option<String>, Option<String>, PyArrowType<RecordBatch>)>,
        signals: Option<&Table>,
    ) -> PyResult<(String, u64)> {
        let mut text = text_of(py, None, Some(tables), strategy)?;
        let found = py.detach(|| {
            frames
                .into_iter()
                .map(|(symbol, facts, bar, batch)| frame_of(symbol, facts, bar, &batch.0))
                .collect::<Result<Vec<_>, _>>()
        });
        let frames = found.map_err(|(symbol, failure)| usage(py, &symbol, &failure))?;
        if let JobText::Tables { job, .. } = &mut text
            && job["data"]["bars"].is_null()
            && let Some(frame) = frames.first()
        {
            job["data"]["bars"] = frame.bar.as_str().into();
        }
        let signals = signals.map(|table| &table.0);
        self.ended(py, |assay| assay.run_on(&text, frames, signals))
    }

    #[pyo3(signature = (file = None, tables = None, strategy = None))]
    fn plan(&self, py: Python<'_>, file: Option<PathBuf>, tables: Option<&str>, strategy: Option<String>) -> PyResult<String> {
        let text = text_of(py, file, tables, strategy)?;
        self.call(py, |assay| assay.plan(&text)).map(|plan| plan.to_string())
    }

    #[pyo3(signature = (file = None, tables = None, strategy = None, priority = 5, submission = None))]
    fn submit(
        &self,
        py: Python<'_>,
        file: Option<PathBuf>,
        tables: Option<&str>,
        strategy: Option<String>,
        priority: u8,
        submission: Option<String>,
    ) -> PyResult<String> {
        let text = text_of(py, file, tables, strategy)?;
        self.call(py, |assay| assay.submit(&text, priority, submission))
            .map(|(id, _)| id)
    }

    fn wait(&self, py: Python<'_>, job: &str) -> PyResult<(String, u64)> {
        self.ended(py, |assay| assay.wait(job))
    }

    fn fetch(&self, py: Python<'_>, job: &str) -> PyResult<PathBuf> {
        self.call(py, |assay| assay.fetch(job))
    }

    fn control(&self, py: Python<'_>, job: &str, control: &str) -> PyResult<String> {
        self.call(py, |assay| assay.control(job, control))
    }

    #[pyo3(signature = (job, count, by = None))]
    fn top(&self, py: Python<'_>, job: &str, count: usize, by: Option<&str>) -> PyResult<PyArrowType<RecordBatch>> {
        self.call(py, |assay| assay.top(job, count, by)).map(PyArrowType)
    }

    fn folds(&self, py: Python<'_>, job: &str) -> PyResult<PyArrowType<RecordBatch>> {
        self.call(py, |assay| assay.folds(job)).map(PyArrowType)
    }

    fn importance(&self, py: Python<'_>, job: &str) -> PyResult<PyArrowType<RecordBatch>> {
        self.call(py, |assay| assay.importance(job)).map(PyArrowType)
    }

    fn verdict(&self, py: Python<'_>, job: &str) -> PyResult<(String, String)> {
        self.call(py, |assay| assay.verdict(job))
            .map(|(json, page)| (json.to_string(), page))
    }

    fn trial(&self, py: Python<'_>, trial: &str) -> PyResult<(String, PyArrowType<RecordBatch>, PyArrowType<RecordBatch>)> {
        let trial = trial_of(py, trial)?;
        let (json, trades, equity) = self.call(py, |assay| assay.trial(trial))?;
        Ok((json.to_string(), PyArrowType(trades), PyArrowType(equity)))
    }

    fn trades(&self, py: Python<'_>, trial: &str) -> PyResult<PyArrowType<RecordBatch>> {
        let trial = trial_of(py, trial)?;
        self.call(py, |assay| assay.trades(trial)).map(PyArrowType)
    }
}

fn frame_of(
    symbol: String,
    facts: Option<String>,
    bar: Option<String>,
    batch: &RecordBatch,
) -> Result<FrameOf, (String, FrameError)> {
    let bars = match bars_of(batch) {
        Ok(bars) => bars,
        Err(error) => return Err((symbol, error)),
    };
    let bar = match bar {
        Some(bar) => bar,
        None => match length_of(&bars) {
            Ok(length) => length.to_string(),
            Err(error) => return Err((symbol, error)),
        },
    };
    Ok(FrameOf {
        symbol,
        facts: facts.and_then(|text| serde_json::from_str(&text).ok()),
        bar,
        batch: bars,
    })
}

/// Signals of some trials, packed.
#[pyclass(frozen)]
struct Table(Signals);

#[pymethods]
impl Table {
    /// `rules` are the packed columns of the four rules, one after the other, empty where a rule is not given.
    #[new]
    fn new(py: Python<'_>, bars: usize, trials: usize, rules: [PyArrowType<ArrayData>; 4]) -> PyResult<Self> {
        let made = py.detach(|| {
            let mut columns: [Vec<Vec<u64>>; 4] = Default::default();
            for (words, packed) in columns.iter_mut().zip(rules) {
                let bytes = packed.0.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
                let bytes = bytes
                    .get(packed.0.offset()..packed.0.offset() + packed.0.len())
                    .unwrap_or_default();
                if !bytes.is_empty() {
                    *words = crate::unpack(bytes, bars, trials).map_err(|error| error.to_string())?;
                }
            }
            Signals::new(bars, columns).map_err(|failure| failure.message().to_owned())
        });
        made.map(Self).map_err(|text| {
            error(
                py,
                &text,
                &[],
                Some("give enter_long, enter_short or both; every rule with the same number of columns"),
                2,
            )
        })
    }

    #[getter]
    fn hash(&self) -> String {
        self.0.hash()
    }

    #[getter]
    fn trials(&self) -> usize {
        self.0.trials()
    }

    #[getter]
    fn rules(&self) -> Vec<&'static str> {
        let rules = assay_core::signals::RULES.iter().enumerate();
        rules.filter(|(at, _)| self.0.has(*at)).map(|(_, rule)| *rule).collect()
    }
}

/// What is known of a strategy that is right; the language's own errors of one that is not.
#[pyfunction]
fn strategy(py: Python<'_>, text: &str) -> PyResult<String> {
    let found = py.detach(|| embed::strategy(text));
    found.map(|found| found.to_string()).map_err(|failure| raise(py, &failure))
}

/// The text of a strategy of the library, or in a file.
#[pyfunction]
fn strategy_source(py: Python<'_>, name: &str) -> PyResult<String> {
    embed::library_source(name).map_err(|failure| raise(py, &failure))
}

/// The function table of the language, as JSON.
#[pyfunction]
fn functions() -> String {
    embed::functions().to_string()
}

/// An expression over columns; NaN is null.
#[pyfunction]
#[pyo3(signature = (expression, columns, times = None))]
fn evaluate(
    py: Python<'_>,
    expression: &str,
    columns: &Bound<'_, PyDict>,
    times: Option<PyArrowType<ArrayData>>,
) -> PyResult<PyArrowType<ArrayData>> {
    let mut named = Vec::new();
    for (name, column) in columns {
        let array = arrow::array::make_array(column.extract::<PyArrowType<ArrayData>>()?.0);
        let Some(numbers) = array.as_primitive_opt::<Float64Type>() else {
            return Err(PyValueError::new_err("columns of float64"));
        };
        named.push((name.extract::<String>()?, numbers.clone()));
    }
    let times = times.map(|times| {
        let array = arrow::array::make_array(times.0);
        let times = array.as_primitive_opt::<arrow::datatypes::Int64Type>();
        times.map(|times| times.values().to_vec()).unwrap_or_default()
    });
    let found = py.detach(|| embed::evaluate(expression, &named, times.as_deref()));
    let values = found.map_err(|failure| raise(py, &failure))?;
    Ok(PyArrowType(Float64Array::from(values).into_data()))
}

/// The compiled half of the package.
#[pymodule]
mod _assay {
    #[pymodule_export]
    use super::{Native, Table, evaluate, functions, strategy, strategy_source};

    /// The version of the package.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python calls it so")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
