//! Funding rates from files to the catalog and back.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{Float64Type, TimestampNanosecondType};
use assay_core::Explain;
use assay_core::job::{DataKind, FillGaps};
use assay_core::time::UtcNs;
use assay_data::import::{ImportReport, ImportRequest, Unsorted, import};
use assay_data::{BarRequest, Catalog, CheckOptions, DataError, DatasetKind, check, export, resample_rows, write_table};

/// As an exchange publishes it: a rate every eight hours, a few milliseconds late now and then.
const PUBLISHED: &str = "calc_time,funding_interval_hours,last_funding_rate
1704067200000,8,0.00037409
1704096000005,8,0.00010000
1704124800000,8,-0.00002500
1704153600000,8,0.00000000
";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn catalog(&self) -> Catalog {
        Catalog::open(&self.0.path().join("home")).unwrap()
    }

    fn import(&self, text: &str, edit: impl FnOnce(&mut ImportRequest)) -> Result<ImportReport, DataError> {
        let path = self.0.path().join("rates.csv");
        fs::write(&path, text).unwrap();
        let mut request = ImportRequest::new(vec![path], "PERP".parse().unwrap());
        request.kind = Some(DataKind::Funding);
        edit(&mut request);
        import(&self.catalog(), &request, &|_| {})
    }

    /// Message and hint of an import that must fail.
    fn refusal(&self, text: &str, edit: impl FnOnce(&mut ImportRequest)) -> String {
        let error = self.import(text, edit).unwrap_err();
        format!("{error} | {}", error.hint().expect("every import error has a hint"))
    }

    fn rows(&self) -> Vec<(String, f64)> {
        let batch = self.catalog().funding(&"PERP".parse().unwrap()).unwrap();
        let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let rates = batch.column(1).as_primitive::<Float64Type>().values();
        times.iter().zip(rates).map(|(t, r)| (UtcNs(*t).to_string(), *r)).collect()
    }

    fn hash(&self) -> String {
        let manifest = self.catalog().manifest(&"PERP".parse().unwrap(), DatasetKind::Funding);
        manifest.unwrap().hash.to_string()
    }
}

#[test]
fn a_published_file_becomes_a_dataset_of_its_own() {
    let home = Home::new();
    let report = home.import(PUBLISHED, |_| {}).unwrap();
    assert_eq!(report.ignored_columns, ["funding_interval_hours"]);
    let dataset = &report.datasets[0];
    assert_eq!(
        (dataset.kind, dataset.rows_written, dataset.zero_or_negative),
        (DatasetKind::Funding, 4, 0)
    );
    let rows = home.rows();
    assert_eq!(rows[1], ("2024-01-01T08:00:00.005Z".to_owned(), 0.0001));
    assert_eq!(rows[2].1, -0.000_025);

    let manifest = home
        .catalog()
        .manifest(&"PERP".parse().unwrap(), DatasetKind::Funding)
        .unwrap();
    let columns: Vec<(&str, &str)> = manifest.columns.iter().map(|c| (c.name.as_str(), c.unit.as_str())).collect();
    assert_eq!(columns, [("time", "UTC nanoseconds"), ("rate", "share of the notional")]);
    assert_eq!((manifest.rows, manifest.files.len(), manifest.bar), (4, 1, None));

    // Again, and more of it.
    let hash = home.hash();
    let again = home.import(PUBLISHED, |_| {}).unwrap();
    assert_eq!((again.datasets[0].rows_written, again.datasets[0].rows_unchanged), (0, 4));
    assert_eq!(home.hash(), hash);
    let longer = format!("{PUBLISHED}1704182400000,8,0.0002\n");
    assert_eq!(home.import(&longer, |_| {}).unwrap().datasets[0].rows_written, 1);
    assert_ne!(home.hash(), hash);
    // Another rate at a time that is stored.
    let other = home.refusal("time_ms,rate\n1704067200000,0.1\n", |_| {});
    assert!(other.contains("contradict") && other.contains("--replace"), "{other}");
}

#[test]
fn the_same_rates_have_one_hash_whatever_they_came_in() {
    let (text, columns, packed, sorted) = (Home::new(), Home::new(), Home::new(), Home::new());
    text.import(PUBLISHED, |_| {}).unwrap();
    let bare: String = PUBLISHED.split_inclusive('\n').skip(1).collect();
    columns
        .import(&bare, |r| r.columns = Some(["time", "_", "rate"].map(str::to_owned).to_vec()))
        .unwrap();
    let mut lines: Vec<&str> = PUBLISHED.lines().collect();
    lines.swap(1, 3);
    sorted.import(&lines.join("\n"), |r| r.unsorted = Unsorted::Sort).unwrap();

    let path = packed.0.path().join("rates.parquet");
    let times = vec![1_704_067_200_000, 1_704_096_000_005, 1_704_124_800_000, 1_704_153_600_000];
    let time: ArrayRef = Arc::new(TimestampMillisecondArray::from(times).with_timezone("UTC"));
    let rate: ArrayRef = Arc::new(Float64Array::from(vec![0.000_374_09, 0.0001, -0.000_025, 0.0]));
    let batch = RecordBatch::try_from_iter([("timestamp", time), ("fundingRate", rate)]).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    packed.import("", |r| r.paths = vec![path]).unwrap();
    for home in [&columns, &sorted, &packed] {
        assert_eq!((home.rows(), home.hash()), (text.rows(), text.hash()));
    }
}

#[test]
fn rows_that_cannot_be_are_refused_with_their_line() {
    for (rows, texts) in [
        (
            "time,rate\n2024-01-01T00:00Z,NaN\n",
            &["line 2", "rate", "not a finite number"][..],
        ),
        ("time,rate\n2024-01-01T00:00Z,\n", &["line 2", "the cell is empty"]),
        (
            "time,rate\n2024-01-01T08:00Z,0.1\n2024-01-01T00:00Z,0.1\n",
            &["line 3", "time goes backward", "--unsorted sort"],
        ),
        (
            "time,rate\n2024-01-01T00:00Z,0.1\n2024-01-01T00:00Z,0.2\n",
            &["line 3", "a second, different rate at 2024-01-01"],
        ),
        (
            "time,rate\n2024-01-01T00:00Z,1.25\n",
            &["line 2", "1.25 is not below 1", "divide per cent by 100"],
        ),
        ("time,price\n2024-01-01T00:00Z,1.25\n", &["no column for rate", "--columns"]),
    ] {
        let home = Home::new();
        let refusal = home.refusal(rows, |_| {});
        for text in texts {
            assert!(refusal.contains(text), "expected `{text}` in {refusal}");
        }
        assert!(home.catalog().datasets().unwrap().is_empty());
    }
    // A row that is there twice is kept once.
    let home = Home::new();
    let twice = "time,rate\n2024-01-01T00:00Z,0.1\n2024-01-01T00:00Z,0.1\n";
    let report = home.import(twice, |_| {}).unwrap();
    assert_eq!((report.datasets[0].duplicates, report.datasets[0].dropped), (1, 1));
    assert_eq!(home.rows().len(), 1);
    // A rate may be many things: funding only where that is said.
    let home = Home::new();
    let unasked = home.refusal(PUBLISHED, |r| r.kind = None);
    assert!(
        unasked.contains("no column for open") && unasked.contains("--kind funding"),
        "{unasked}"
    );
}

#[test]
fn no_bars_are_made_from_rates() {
    let home = Home::new();
    home.import(PUBLISHED, |_| {}).unwrap();
    let request = |source| BarRequest {
        symbol: "PERP".parse().unwrap(),
        bars: "8h".parse().unwrap(),
        fill_gaps: FillGaps::None,
        source,
    };
    let catalog = home.catalog();
    for source in [None, Some(DataKind::Funding)] {
        let error = catalog.bars(&request(source)).unwrap_err();
        assert!(matches!(error, DataError::NoDataset { .. }), "{error}");
        assert!(error.hint().unwrap().contains("there is funding"));
    }
    let rates = catalog.funding(&"PERP".parse().unwrap()).unwrap();
    let calendar = assay_core::calendar::Calendar::always_open();
    let error = resample_rows(DatasetKind::Funding, &rates, "8h".parse().unwrap(), &calendar).unwrap_err();
    assert!(error.to_string().contains("they make no bars"), "{error}");
    let to = home.0.path().join("bars.csv");
    assert!(export(&catalog, &request(None), &to).is_err());
    // The rates themselves come out as they went in.
    write_table(&rates, &to).unwrap();
    let (back, text) = (Home::new(), fs::read_to_string(&to).unwrap());
    assert!(text.starts_with("time,rate\n2024-01-01T00:00:00"), "{text}");
    back.import(&text, |_| {}).unwrap();
    assert_eq!((back.rows(), back.hash()), (home.rows(), home.hash()));
}

#[test]
fn a_check_finds_rates_that_are_missing() {
    let home = Home::new();
    home.import(PUBLISHED, |_| {}).unwrap();
    let symbol = "PERP".parse().unwrap();
    let checked = |options: CheckOptions| {
        check(&home.catalog(), &symbol, Some(DatasetKind::Funding), &options)
            .unwrap()
            .remove(0)
    };
    let report = checked(CheckOptions::default());
    assert!(report.is_sound());
    let odd = (
        report.gaps.count,
        report.zero_prices,
        report.negative_prices,
        report.duplicate_times,
    );
    assert_eq!(odd, (0, 0, 0, 0));
    // The next but one.
    home.import("time_ms,rate\n1704211200000,0.0001\n", |_| {}).unwrap();
    let report = checked(CheckOptions::default());
    assert_eq!(
        (report.gaps.count, report.gaps.largest[0].to.to_string().as_str()),
        (1, "2024-01-02T16:00:00Z")
    );
    let gap = Some("1d".parse().unwrap());
    assert_eq!(checked(CheckOptions { gap }).gaps.count, 0);
}
