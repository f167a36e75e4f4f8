//! What the id of a job is made of.

use assay_core::SEMANTICS_VERSION;
use assay_core::bars::BarSpec;
use assay_core::job::{JobSpec, Sampling};
use assay_core::space::Space;
use assay_core::time::BarLength;
use serde_json::{Value, json};

use super::JobInstrument;
use crate::strategy::Strategy;

/// Everything that decides the results, in a fixed order and spelling. Threads, memory, paths and texts for people stay out.
pub(super) fn canonical(
    spec: &JobSpec,
    strategy: &Strategy,
    space: &Space,
    instruments: &[JobInstrument],
    references: &[JobInstrument],
) -> Value {
    let mut spec = spec.clone();
    spec.params = None;
    // What is run again on ticks are other rows.
    spec.fidelity = None;
    spec.metrics.sampling.get_or_insert(default_sampling(spec.data.bars));
    let params: Vec<Value> = space
        .params
        .iter()
        .map(|parameter| {
            let mut param = json!({ "name": parameter.name, "domain": parameter.domain });
            if let Some(condition) = space.when.get(&parameter.name) {
                param["when"] = json!(spelled(condition));
            }
            param
        })
        .collect();
    let condition = space.condition.as_deref().map(spelled);
    for condition in &mut spec.objective.require {
        *condition = spelled(condition);
    }
    let data: Vec<Value> = instruments
        .iter()
        .map(|item| {
            let mut facts = item.instrument.facts.clone();
            facts.about.clear();
            let mut data = json!({ "facts": facts, "values": item.values });
            if let Some(hash) = &item.funding {
                data["funding"] = json!(hash);
            }
            if let Some(hash) = item.other_ticks() {
                data["ticks"] = json!(hash);
            }
            data
        })
        .collect();
    let mut job = json!(spec);
    if spec.search.method.learns() {
        job["search"]["version"] = json!(spec.search.method.version());
    }
    // The strategy is what its file says, wherever that lies and whatever it is called.
    job["strategy"] = json!(strategy.canonical());
    let mut canonical =
        json!({ "semantics": SEMANTICS_VERSION, "job": job, "params": params, "where": condition, "data": data });
    if !references.is_empty() {
        let texts = references.iter().map(|item| {
            let mut facts = item.instrument.facts.clone();
            facts.about.clear();
            json!({ "symbol": item.instrument.symbol, "facts": facts, "values": item.values })
        });
        canonical["references"] = texts.collect();
    }
    canonical
}

/// An expression in a fixed spelling.
fn spelled(text: &str) -> String {
    assay_lang::parse(text).map_or_else(|_| text.to_owned(), |expression| expression.to_string())
}

/// As semantics.md has it: daily returns of bars shorter than a day.
fn default_sampling(bars: BarSpec) -> Sampling {
    if bars.length().is_some_and(BarLength::is_daily_or_longer) {
        Sampling::Bar
    } else {
        Sampling::Day
    }
}
