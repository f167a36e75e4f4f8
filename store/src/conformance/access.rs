//! Logs, keys, submissions, schedules, datasets, trades.

use assay_core::ids::{Ordinal, TrialId};
use assay_core::time::UtcNs;

use super::samples::*;
use crate::*;

pub(super) async fn logs_are_read_on_from_where_one_was(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let logged = |number, text: &str| Change::Logged {
        job: job_id(number),
        at: UtcNs(1),
        text: text.to_owned(),
    };
    store
        .apply(epoch, &[added(1), logged(1, "a"), logged(2, "x"), logged(1, "b")])
        .await
        .unwrap();
    store.apply(epoch, &[logged(1, "c"), logged(1, "d")]).await.unwrap();
    let texts = async |after, limit| {
        let lines = store.logs(job_id(1), after, limit).await.unwrap();
        lines.into_iter().map(|line| (line.number, line.text)).collect::<Vec<_>>()
    };
    assert_eq!(texts(0, 2).await, [(1, "a".to_owned()), (2, "b".to_owned())]);
    assert_eq!(texts(2, 9).await, [(3, "c".to_owned()), (4, "d".to_owned())]);
}

pub(super) async fn keys_are_found_by_their_hash_until_revoked(store: &Store) {
    let key = |number: u8| KeyRecord {
        id: format!("key-{number}"),
        hash: [number; 32],
        scope: Scope::Submit,
        owner: "ann".to_owned(),
        created: UtcNs(i64::from(number)),
        expires: (number == 2).then_some(UtcNs(99)),
        revoked: None,
    };
    assert!(store.add_key(&key(2)).await.unwrap());
    assert!(store.add_key(&key(1)).await.unwrap());
    assert!(!store.add_key(&key(1)).await.unwrap());
    let same_secret = KeyRecord {
        id: "another".to_owned(),
        ..key(2)
    };
    assert!(!store.add_key(&same_secret).await.unwrap());
    assert_eq!(store.key_by_hash(&[2; 32]).await.unwrap(), Some(key(2)));
    assert_eq!(store.key_by_hash(&[3; 32]).await.unwrap(), None);
    assert!(store.revoke_key("key-2", UtcNs(5)).await.unwrap());
    assert!(!store.revoke_key("key-2", UtcNs(6)).await.unwrap());
    assert!(!store.revoke_key("key-3", UtcNs(6)).await.unwrap());
    let revoked = KeyRecord {
        revoked: Some(UtcNs(5)),
        ..key(2)
    };
    assert_eq!(store.keys().await.unwrap(), [key(1), revoked]);
}

pub(super) async fn the_same_submission_twice_is_one_job(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let submitted = |owner: &str, body: u8| Submission {
        owner: owner.to_owned(),
        key: "nightly".to_owned(),
        body_hash: [body; 32],
        job: job_id(1),
        at: UtcNs(3),
    };
    let audited = |action: &str| {
        Change::Audited(AuditEntry {
            at: UtcNs(4),
            actor: "ann".to_owned(),
            action: action.to_owned(),
            subject: job_id(1).to_string(),
            detail: String::new(),
        })
    };
    let batch = |owner, body| [added(1), Change::Submitted(submitted(owner, body)), audited("submit")];
    store.apply(epoch, &batch("ann", 1)).await.unwrap();
    store.apply(epoch, &batch("ann", 1)).await.unwrap();
    store.apply(epoch, &batch("bob", 2)).await.unwrap();
    let error = store.apply(epoch, &batch("ann", 2)).await.unwrap_err();
    assert!(matches!(error, StoreError::KeyReused { .. }), "{error}");
    assert_eq!(store.submission("ann", "nightly").await.unwrap(), Some(submitted("ann", 1)));
    assert_eq!(store.submission("ann", "other").await.unwrap(), None);
    let audit = store.audit(1, 10).await.unwrap();
    assert_eq!(audit.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3]);
}

pub(super) async fn a_planned_time_is_taken_up_once(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let nightly = Schedule {
        name: "nightly".to_owned(),
        owner: "ann".to_owned(),
        priority: 3,
        cron: "0 2 * * *".to_owned(),
        zone: "Europe/London".to_owned(),
        body: "job".to_owned(),
        enabled: true,
        created: UtcNs(1),
        since: UtcNs(1),
    };
    assert!(store.add_schedule(&nightly).await.unwrap());
    assert!(!store.add_schedule(&nightly).await.unwrap());
    assert!(!store.enable_schedule("nightly", UtcNs(5)).await.unwrap(), "it is enabled");
    assert!(store.disable_schedule("nightly").await.unwrap());
    assert!(!store.disable_schedule("nightly").await.unwrap());
    assert!(store.enable_schedule("nightly", UtcNs(6)).await.unwrap());
    assert!(!store.disable_schedule("daily").await.unwrap());
    let since = Schedule {
        since: UtcNs(6),
        ..nightly
    };
    assert_eq!(store.schedules().await.unwrap(), [since]);

    let run = |planned, job, error: Option<&str>| ScheduledRun {
        schedule: "nightly".to_owned(),
        planned: UtcNs(planned),
        taken: UtcNs(planned + 1),
        job,
        error: error.map(str::to_owned),
        report: None,
    };
    let first = run(10, Some(job_id(1)), None);
    let failed = run(20, None, Some("no data"));
    let again = run(10, Some(job_id(2)), None);
    let taken = [&first, &failed, &again].map(|run| Change::RunTaken(Box::new(run.clone())));
    store.apply(epoch, &taken).await.unwrap();
    assert_eq!(store.runs("nightly", 5).await.unwrap(), [failed.clone(), first.clone()]);
    let last = store.last_runs().await.unwrap();
    assert_eq!(last.into_iter().collect::<Vec<_>>(), [("nightly".to_owned(), UtcNs(20))]);
    assert_eq!(store.unreported_runs().await.unwrap(), std::slice::from_ref(&first));
    let reported = Change::RunReported {
        schedule: "nightly".to_owned(),
        planned: UtcNs(10),
        report: "{}".to_owned(),
    };
    store.apply(epoch, &[reported]).await.unwrap();
    assert_eq!(store.unreported_runs().await.unwrap(), []);
    assert_eq!(store.runs("nightly", 1).await.unwrap(), [failed]);
    assert_eq!(store.runs("nightly", 2).await.unwrap()[1].report.as_deref(), Some("{}"));
    assert!(store.remove_schedule("nightly").await.unwrap());
    assert!(!store.remove_schedule("nightly").await.unwrap());
    assert_eq!(store.runs("nightly", 5).await.unwrap(), []);
}

pub(super) async fn datasets_are_found_by_their_values(store: &Store) {
    let dataset = |hash: &str, at| DatasetRecord {
        symbol: "EURUSD".parse().unwrap(),
        kind: "ticks".to_owned(),
        hash: hash.to_owned(),
        manifest: "{}".to_owned(),
        object: format!("data/{hash}"),
        bytes: 7,
        owner: "ann".to_owned(),
        uploaded: UtcNs(at),
    };
    assert!(store.add_dataset(&dataset("aa", 1)).await.unwrap());
    assert!(!store.add_dataset(&dataset("aa", 2)).await.unwrap());
    assert!(store.add_dataset(&dataset("bb", 3)).await.unwrap());
    assert_eq!(store.datasets().await.unwrap(), [dataset("bb", 3), dataset("aa", 1)]);
    assert_eq!(store.dataset("aa").await.unwrap(), Some(dataset("aa", 1)));
    assert_eq!(store.dataset("cc").await.unwrap(), None);
    let mut id = dataset("aa", 1).id();
    assert!(store.has_dataset(&id).await.unwrap());
    // The same values under another name are another dataset.
    id.symbol = "OTHER".parse().unwrap();
    assert!(!store.has_dataset(&id).await.unwrap());
}

/// Goes through most of what a coordinator does to a job.
pub(crate) async fn trades_are_kept_once(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let trial = |ordinal| TrialId {
        job: job_id(1),
        instrument: 1,
        ordinal: Ordinal(ordinal),
    };
    let kept = |ordinal, count: i64| TrialTrades {
        trial: trial(ordinal),
        trades: (0..count)
            .map(|i| TradeRecord {
                long: i % 2 == 0,
                entry: UtcNs(i),
                exit: UtcNs(i + 1),
                entry_price: 1.5,
                exit_price: 1.25,
                units: 1000.0,
                pnl: -0.1,
                ret: (i > 0).then_some(-1e-300),
                fees: 0.0,
                reason: "stop".to_owned(),
            })
            .collect(),
    };
    let change = |ordinal, count| Change::TradesKept(Box::new(kept(ordinal, count)));
    // The last alone is more than Postgres gets in one statement.
    let all = [
        added(1),
        moved(1, JobState::Running),
        change(1, 3),
        change(2, 0),
        change(1, 9),
        change(3, 10_001),
    ];
    store.apply(epoch, &all).await.unwrap();
    store.apply(epoch, &[change(3, 1), change(4, 2)]).await.unwrap();
    for (ordinal, count) in [(1, 3), (2, 0), (3, 10_001), (4, 2), (5, 0)] {
        assert_eq!(store.trades(&trial(ordinal)).await.unwrap(), kept(ordinal, count).trades);
    }
    store.apply(epoch, &[completed(1, Vec::new())]).await.unwrap();
    assert_eq!(store.replays_due().await.unwrap(), [(job_id(1), 1)]);
    let settled = Change::ReplaySettled { job: job_id(1) };
    let asked = Change::ReplayAsked {
        job: job_id(1),
        spec: r#"{"objective": {}, "fidelity": {"top": 7}}"#.to_owned(),
        body: "with ticks".to_owned(),
    };
    store.apply(epoch, std::slice::from_ref(&asked)).await.unwrap();
    assert_eq!(
        store.replays_due().await.unwrap(),
        [(job_id(1), 1)],
        "what waits already waits on"
    );
    store.apply(epoch, &[settled]).await.unwrap();
    assert_eq!(store.replays_due().await.unwrap(), []);
    store.apply(epoch, &[asked]).await.unwrap();
    assert_eq!(store.replays_due().await.unwrap(), [(job_id(1), 0)]);
    assert_eq!(store.job(job_id(1)).await.unwrap().unwrap().body, "with ticks");
    store.apply(epoch, &[moved(1, JobState::Queued)]).await.unwrap();
    assert_eq!(store.trades(&trial(1)).await.unwrap(), []);
}
