use assay_core::instrument::Instrument;
use assay_core::job::DataKind;
use assay_core::{Explain, SEMANTICS_VERSION};

use super::*;

const JOB: &str = "name = 'a'\n[data]\ninstruments = ['X']\nbars = '5m'\n[strategy]\nuse = 'ma_cross'";
const STRATEGY: &str =
    "name = 's'\n[params]\nn = { int = [5, 50], default = 20 }\n[rules]\nenter_long = 'close > sma(close, n)'";

fn job(source: &str) -> Result<Job, JobFault> {
    let instrument = JobInstrument {
        instrument: Instrument::unknown("X".parse().unwrap()),
        kind: DataKind::Bars,
        bar: Some("1m".parse().unwrap()),
        values: "00ff".to_owned(),
        first: UtcNs(0),
        last: UtcNs(100 * DAY_NS),
        funding: None,
        ticks: None,
        ladder: None,
    };
    let strategy = Strategy::parse(STRATEGY, "s.toml").unwrap();
    Job::new(
        JobSpec::from_toml(source)?,
        source.to_owned(),
        strategy,
        STRATEGY.to_owned(),
        vec![instrument],
        Vec::new(),
    )
}

#[test]
fn a_body_gives_the_same_job() {
    let job = job(JOB).unwrap();
    let again = Job::from_body(&job.body()).unwrap();
    assert_eq!(
        (again.id, &again.spec, &again.instruments),
        (job.id, &job.spec, &job.instruments)
    );
    assert_eq!(again.body(), job.body());
}

#[test]
fn other_versions_and_other_texts_are_refused() {
    let body = job(JOB).unwrap().body();
    let own = format!("\"semantics\":{SEMANTICS_VERSION}");
    let other = body.replace(&own, "\"semantics\":99");
    assert!(matches!(Job::from_body(&other), Err(JobFault::Semantics { found: 99 })));
    assert!(matches!(Job::from_body("rubbish"), Err(JobFault::Body(_))));
    let foreign = body.replace("\"symbol\":\"X\"", "\"symbol\":\"Y\"");
    assert!(matches!(Job::from_body(&foreign), Err(JobFault::Body(_))));
}

#[test]
fn the_id_follows_the_values_and_not_the_texts_for_people() {
    let one = job(JOB).unwrap();
    let mut instruments = one.instruments.clone();
    instruments[0].instrument.facts.about = "something".to_owned();
    let with = |instruments| {
        Job::new(
            one.spec.clone(),
            String::new(),
            one.strategy.clone(),
            String::new(),
            instruments,
            Vec::new(),
        )
        .unwrap()
        .id
    };
    assert_eq!(with(instruments.clone()), one.id);
    instruments[0].values = "00fe".to_owned();
    assert_ne!(with(instruments), one.id);
}

#[test]
fn a_holdout_takes_the_end_off_the_window() {
    let minute = 60_000_000_000;
    let job = job(&format!("{JOB}\n[validation]\nmethod = 'holdout'\nshare = 0.25\npurge = 2")).unwrap();
    let item = &job.instruments[0];
    let held = job.held_back(item).unwrap();
    let end = 100 * DAY_NS + minute;
    assert_eq!((held.to.0, held.from.0), (end, end - end / 4));
    assert_eq!(job.searched(item), (UtcNs(0), UtcNs(held.from.0 - 10 * minute)));
    let plain = super::tests::job(JOB).unwrap();
    assert_eq!((plain.held_back(item), plain.searched(item)), (None, (UtcNs(0), UtcNs(end))));
}

#[test]
fn a_search_that_learns_begins_with_the_points_that_it_is_given() {
    let point = |n: i64| json!({ "n": n }).as_object().unwrap().clone();
    let grid = job(JOB).unwrap();
    let id = grid.id;
    assert_eq!(
        grid.beginning_with(&[point(7)]).unwrap().id,
        id,
        "a grid tries every point anyway"
    );
    let search = format!("{JOB}\n[search]\nmethod = 'tpe'\ntrials = 50");
    let plain = job(&search).unwrap();
    let id = plain.id;
    let warm = plain.clone().beginning_with(&[point(7), point(9)]).unwrap();
    assert_ne!(warm.id, id);
    assert_eq!(warm.spec.search.enqueue.len(), 2);
    assert_eq!(Job::from_body(&warm.body()).unwrap().id, warm.id);
    assert_eq!(plain.beginning_with(&[]).unwrap().id, id);
    let told = format!("{search}\nenqueue = [{{ n = 5 }}]");
    let told = job(&told).unwrap();
    let id = told.id;
    assert_eq!(told.beginning_with(&[point(7)]).unwrap().id, id, "its user knows better");
}

#[test]
fn references_are_part_of_the_id_and_of_the_body() {
    let plain = job(JOB).unwrap();
    let mut other = plain.instruments[0].clone();
    other.instrument = Instrument::unknown("Y".parse().unwrap());
    let with = plain.clone().with_references(vec![other.clone()]);
    assert_ne!(with.id, plain.id);
    let again = Job::from_body(&with.body()).unwrap();
    assert_eq!((again.id, &again.references), (with.id, &with.references));
    other.values = "00fe".to_owned();
    assert_ne!(plain.clone().with_references(vec![other]).id, with.id);
    assert_eq!(plain.clone().with_references(Vec::new()).id, plain.id);
}

#[test]
fn a_window_beyond_the_data_is_refused() {
    let late = JOB.replace("bars = '5m'", "bars = '5m'\nto = '1970-07-01'");
    let fault = job(&late).unwrap_err();
    assert!(matches!(fault, JobFault::Window { key: "to", .. }));
    assert!(fault.hint().unwrap().contains("move `to` there"));
}

#[test]
fn a_ladder_is_the_job_on_its_ticks_and_keeps_what_the_strategy_looks_at() {
    let source = format!("{JOB}\n[fidelity]\ntop = 3\nlatency = '1s'");
    let mut job = job(&source).unwrap();
    let plain = self::job(JOB).unwrap();
    assert_eq!(job.id, plain.id, "what runs again decides no trial");
    assert!(plain.ladder().unwrap().is_none());
    assert!(matches!(job.ladder(), Err(JobFault::Body(_))), "nobody said on which ticks");

    job.instruments[0].ladder = Some(JobTicks {
        kind: DataKind::Quotes,
        values: "aa".to_owned(),
    });
    let mut other = job.instruments[0].clone();
    other.instrument = Instrument::unknown("Y".parse().unwrap());
    let job = job.with_references(vec![other.clone()]);
    let again = Job::from_body(&job.body()).unwrap();
    assert_eq!(again.instruments, job.instruments);
    let named = |dataset: &JobDataset| dataset.kind == "quotes" && dataset.hash == "aa";
    assert!(!again.datasets().iter().any(named), "its trials need no ticks");
    assert!(again.all_datasets().iter().any(named));

    let ladder = again.ladder().unwrap().unwrap();
    assert_ne!(ladder.id, job.id);
    assert_eq!((ladder.spec.execution.fill, ladder.spec.fidelity), (Fill::NextTick, None));
    assert_eq!(ladder.spec.execution.latency, "1s".parse().unwrap());
    assert!(ladder.datasets().iter().any(named));
    assert_eq!(ladder.references, vec![other]);
}
