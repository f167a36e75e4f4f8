//! Damaged and hostile archives.

use std::io::Write;

use assay_data::DataError;
use assay_data::import::Problem;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::case::{Case, gzipped, zipped};

#[test]
fn damaged_archives_are_found_wherever_they_are_cut() {
    let mut text = String::from("time_ms,bid,ask\n");
    for row in 0..50_000_u64 {
        use std::fmt::Write as _;
        writeln!(text, "{},1.{:05},2", row, row.wrapping_mul(2_654_435_761) % 100_000).unwrap();
    }
    let (zip, gzip) = (zipped(&[("a.csv", &text)]), gzipped(&text));
    for part in [1, 2, 3] {
        let cut = |bytes: &[u8]| bytes[..bytes.len() * part / 4].to_vec();
        assert!(Case::new().file("a.zip", cut(&zip)).error(|_| {}).contains("truncated zip"));
        assert!(
            Case::new()
                .file("a.csv.gz", cut(&gzip))
                .error(|_| {})
                .contains("truncated gzip")
        );
    }
    let mut flipped = zip;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    assert!(Case::new().file("a.zip", flipped).error(|_| {}).contains("(a.csv)"));
}

#[test]
fn an_archive_that_expands_beyond_reason_is_stopped() {
    let row = "1,1,2\n".repeat(100_000);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(b"time_ms,bid,ask\n").unwrap();
    for _ in 0..160 {
        gzip.write_all(row.as_bytes()).unwrap();
    }
    let case = Case::new().file("a.csv.gz", gzip.finish().unwrap());
    let error = case.import(|_| {}).unwrap_err();
    assert!(
        matches!(&error, DataError::Import(inner) if matches!(*inner.problem, Problem::Bomb { .. })),
        "{error}"
    );
    assert!(case.catalog().datasets().unwrap().is_empty());
}
