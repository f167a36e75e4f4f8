//! The columns of a job's results.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use assay_core::ids::{JobId, Symbol, TrialId};
use assay_core::metrics::{Metric, Unit};
use assay_core::row::SKETCH_BLOCKS;
use assay_core::space::{Domain, ParamValue, Point, Space};
use assay_core::window::Window;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What is needed to write and read the rows of a job: its instruments and parameters. Stored with the job and in every file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The job.
    pub job: JobId,
    /// Its instruments, in its order.
    pub instruments: Vec<String>,
    /// Its parameters, in the order of a point's coordinates.
    pub params: Vec<ParamColumn>,
    /// The windows that its trials run over, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
}

/// A parameter's column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamColumn {
    /// The parameter; its column is called `param.<name>`.
    pub name: String,
    /// Type of its values.
    pub kind: ParamKind,
    /// The texts that a coordinate stands for by position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// Type of a parameter's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// Texts.
    Text,
}

/// Bytes of a sketch in a staging file: sums, squares and counts, little-endian.
pub(crate) const SKETCH_BYTES: usize = SKETCH_BLOCKS * (8 + 8 + 4);

impl Layout {
    /// Of a job over these instruments and this space.
    pub fn new(job: JobId, instruments: &[Symbol], space: &Space) -> Self {
        let column = |name: &str, domain: &Domain| {
            let (kind, choices) = match domain {
                Domain::Int { .. } | Domain::Fixed(ParamValue::Int(_)) => (ParamKind::Int, Vec::new()),
                Domain::Float { .. } | Domain::Fixed(ParamValue::Float(_)) => (ParamKind::Float, Vec::new()),
                Domain::Choice(texts) => (ParamKind::Text, texts.clone()),
                Domain::Fixed(ParamValue::Text(text)) => (ParamKind::Text, vec![text.clone()]),
            };
            ParamColumn {
                name: name.to_owned(),
                kind,
                choices,
            }
        };
        Self {
            job,
            instruments: instruments.iter().map(|symbol| symbol.as_str().to_owned()).collect(),
            params: space.params.iter().map(|p| column(&p.name, &p.domain)).collect(),
            windows: Vec::new(),
        }
    }

    /// The same of a job whose trials run over these windows.
    #[must_use]
    pub fn over(mut self, windows: &[Window]) -> Self {
        if windows.len() > 1 {
            self.windows = windows.to_vec();
        }
        self
    }

    /// Whether points are ranked by what they do in a window.
    pub fn ranks(&self, window: u32) -> bool {
        self.windows.get(window as usize).is_none_or(|window| window.ranked)
    }

    /// A point's values by name.
    pub fn values(&self, point: &Point) -> Map<String, Value> {
        let pairs = self.params.iter().zip(point.0.iter());
        pairs.map(|(param, x)| (param.name.clone(), param.value(*x))).collect()
    }

    /// The point with these values by name; `None` if one is missing or of another kind.
    pub fn point(&self, values: &Map<String, Value>) -> Option<Point> {
        let coordinate = |param: &ParamColumn| param.coordinate(values.get(&param.name)?);
        self.params.iter().map(coordinate).collect::<Option<Box<[f64]>>>().map(Point)
    }

    /// Bytes that a trial takes on disk while its job runs (staging and parts at once): an upper estimate for plans.
    pub fn bytes_per_trial(&self) -> u64 {
        let text = 24;
        let row = 8 * (2 + self.params.len() + Metric::ALL.len()) + text + SKETCH_BYTES;
        2 * row as u64
    }

    pub(crate) fn trials_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.trials_fields()))
    }

    /// The columns of a staging file: those of trials, and the sketch in one piece.
    pub(crate) fn staging_schema(&self) -> SchemaRef {
        let mut fields = self.trials_fields();
        fields.push(Field::new("sketch", DataType::FixedSizeBinary(SKETCH_BYTES as i32), true));
        Arc::new(Schema::new(fields))
    }

    fn trials_fields(&self) -> Vec<Field> {
        let mut fields = vec![
            Field::new("trial_id", DataType::Utf8, false),
            Field::new("ordinal", DataType::UInt64, false),
            Field::new("instrument", instrument_type(), false),
        ];
        if !self.windows.is_empty() {
            fields.push(Field::new("window", DataType::Int64, false));
            fields.push(Field::new("fold", DataType::Int64, true));
        }
        fields.extend(self.params.iter().map(|param| {
            let kind = match param.kind {
                ParamKind::Int => DataType::Int64,
                ParamKind::Float => DataType::Float64,
                ParamKind::Text => DataType::Utf8,
            };
            Field::new(param.column(), kind, false)
        }));
        fields.extend(Metric::ALL.map(|metric| {
            let kind = match metric.unit() {
                Unit::Count => DataType::Int64,
                _ => DataType::Float64,
            };
            Field::new(metric.name(), kind, true)
        }));
        fields.push(Field::new("error", DataType::Utf8, true));
        fields
    }

    /// Columns with type, unit and meaning, for the metadata of the files and for `_schema.json`.
    pub(crate) fn describe(&self, kind: &str, schema: &Schema) -> Value {
        let columns = schema.fields().iter().map(|field| {
            let (unit, about) = Self::meaning(field.name());
            json!({
                "name": field.name(),
                "type": type_name(field.data_type()),
                "nullable": field.is_nullable(),
                "unit": unit,
                "about": about,
            })
        });
        json!({
            "version": 1,
            "kind": kind,
            "semantics": assay_core::SEMANTICS_VERSION,
            "job": self.job,
            "order": if schema.index_of("instrument").is_ok() { json!(["ordinal", "instrument"]) } else { json!([]) },
            "columns": columns.collect::<Vec<_>>(),
            "layout": self,
        })
    }

    fn meaning(column: &str) -> (&'static str, String) {
        if let Ok(metric) = column.parse::<Metric>() {
            return (metric.unit().name(), metric.about().to_owned());
        }
        let about = match column {
            "trial_id" => "job, instrument and ordinal in one; what `assay show` takes".to_owned(),
            "ordinal" => "position of the point in the job".to_owned(),
            "instrument" => "symbol".to_owned(),
            "window" => "index into the job's windows, which `layout` lists: 0 is all of its data".to_owned(),
            "fold" => "the fold in whose training window the trial ran; null outside of folds".to_owned(),
            "error" => "why the trial failed; null if it ran".to_owned(),
            "sums" => "sums of returns in 16 equal blocks of time".to_owned(),
            "squares" => "sums of squared returns in 16 equal blocks of time".to_owned(),
            "analysis" => "what the row is: importance, plateau, best_so_far, hypervolume".to_owned(),
            "param" => "parameter it is about; null where it is about none".to_owned(),
            "other" => "the other parameter, where it is about two together".to_owned(),
            "value" => {
                "importance: share of the objective's variance; plateau: how the neighbours of the point rank, 1 being best; \
                        best_so_far: objective; hypervolume: of the front after that many points"
                    .to_owned()
            }
            "spread" => "standard deviation of the value, where one is known".to_owned(),
            "counts" => "returns in 16 equal blocks of time".to_owned(),
            _ => format!("parameter `{}`", column.strip_prefix("param.").unwrap_or(column)),
        };
        (if column == "counts" { Unit::Count.name() } else { "" }, about)
    }

    pub(crate) fn trial_id(&self, instrument: u32, ordinal: assay_core::ids::Ordinal) -> TrialId {
        TrialId {
            job: self.job,
            instrument,
            ordinal,
        }
    }
}

impl ParamColumn {
    pub(crate) fn column(&self) -> String {
        format!("param.{}", self.name)
    }

    fn value(&self, coordinate: f64) -> Value {
        match self.kind {
            ParamKind::Int => json!(coordinate as i64),
            ParamKind::Float => json!(coordinate),
            ParamKind::Text => json!(self.text(coordinate)),
        }
    }

    fn coordinate(&self, value: &Value) -> Option<f64> {
        match self.kind {
            ParamKind::Int => value.as_i64().map(|x| x as f64),
            ParamKind::Float => value.as_f64(),
            ParamKind::Text => self.position(value.as_str()?),
        }
    }

    pub(crate) fn text(&self, coordinate: f64) -> &str {
        self.choices.get(coordinate as usize).map_or("", String::as_str)
    }

    pub(crate) fn position(&self, text: &str) -> Option<f64> {
        self.choices.iter().position(|choice| choice == text).map(|i| i as f64)
    }
}

/// Instruments repeat, so they are dictionary-encoded.
pub(crate) fn instrument_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

pub(crate) fn sketches_schema() -> SchemaRef {
    let list = |kind| DataType::FixedSizeList(Arc::new(Field::new("item", kind, false)), SKETCH_BLOCKS as i32);
    Arc::new(Schema::new(vec![
        Field::new("ordinal", DataType::UInt64, false),
        Field::new("instrument", instrument_type(), false),
        Field::new("sums", list(DataType::Float64), false),
        Field::new("squares", list(DataType::Float64), false),
        Field::new("counts", list(DataType::UInt32), false),
    ]))
}

fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 | DataType::Dictionary(..) => "string".to_owned(),
        DataType::FixedSizeList(field, len) => format!("{}[{len}]", type_name(field.data_type())),
        other => other.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_described_and_points_survive_their_names() {
        let int = Domain::Int {
            low: 1,
            high: 9,
            step: 1,
            log: false,
        };
        let mode = Domain::Choice(vec!["sma".to_owned(), "ema".to_owned()]);
        let params = [("band", Domain::Fixed(ParamValue::Float(0.5))), ("fast", int), ("mode", mode)];
        let params = params.map(|(name, domain)| assay_core::space::Parameter {
            name: name.to_owned(),
            domain,
            default: None,
        });
        let space = Space {
            params: params.to_vec(),
            condition: None,
            ..Space::default()
        };
        let layout = Layout::new(JobId::from_hash([1; 32]), &["EURUSD".parse().unwrap()], &space);
        let point = Point(Box::from([0.5, 7.0, 1.0]));
        let values = layout.values(&point);
        assert_eq!(Value::from(values.clone()), json!({"band": 0.5, "fast": 7, "mode": "ema"}));
        assert_eq!(layout.point(&values), Some(point));
        let text = serde_json::to_string(&layout).unwrap();
        assert_eq!(serde_json::from_str::<Layout>(&text).unwrap(), layout);

        let described = layout.describe("trials", &layout.trials_schema());
        let columns = described["columns"].as_array().unwrap();
        assert_eq!(columns.len(), 3 + 3 + Metric::ALL.len() + 1);
        assert!(columns.iter().all(|column| !column["about"].as_str().unwrap().is_empty()));
        assert_eq!(columns[4]["name"], "param.fast");
        assert_eq!(columns[4]["type"], "int64");
    }
}
