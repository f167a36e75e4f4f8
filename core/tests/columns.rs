//! `docs/columns.md` says what the code says. `UPDATE_DOCS=1 cargo nextest run --release -p assay-core columns` writes it anew.

use std::fmt::Write;
use std::path::Path;

use assay_core::metrics::Metric;

const BEGIN: &str = "<!-- generated: metrics -->\n";
const END: &str = "<!-- end -->";

/// The page with the part between its marks replaced.
fn renewed(page: &str, part: &str) -> String {
    let (head, rest) = page.split_once(BEGIN).expect("the page marks where its table begins");
    let (_, tail) = rest.split_once(END).expect("the page marks where its table ends");
    format!("{head}{BEGIN}{part}{END}{tail}")
}

fn table() -> String {
    let mut out = String::from("\n| column | unit | meaning |\n|---|---|---|\n");
    for metric in Metric::ALL {
        let about = metric.about().replace('|', "\\|");
        let _ = writeln!(out, "| `{metric}` | {} | {about} |", metric.unit().name());
    }
    out.push('\n');
    out
}

#[test]
fn the_page_of_columns_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/columns.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let wanted = renewed(&page, &table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    assert!(
        page == wanted,
        "docs/columns.md is not what core/src/metrics.rs says: run the tests once with UPDATE_DOCS=1 and review the difference"
    );
}
