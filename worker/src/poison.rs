//! Tasks that go wrong as a test wants them to. `ASSAY_FAULTS=abort@17` makes the trial of that ordinal end the process; other ways are
//! `panic`, `loop`, `slow` (for as long as nobody stops it) and `allocate` (10 GB). `sleep@20` makes every task take so many milliseconds
//! at least. Several are separated by commas.

use std::hint;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use assay_core::row::Planned;

/// More memory than any trial needs.
const MUCH: usize = 10 << 30;

/// What is wanted: each way with its number.
fn faults() -> &'static [(String, u64)] {
    static FAULTS: OnceLock<Vec<(String, u64)>> = OnceLock::new();
    FAULTS.get_or_init(|| {
        let wanted = std::env::var("ASSAY_FAULTS").unwrap_or_default();
        let faults = wanted.split(',').filter_map(|fault| fault.split_once('@'));
        let numbered = faults.filter_map(|(way, number)| Some((way.to_owned(), number.parse().ok()?)));
        numbered.collect()
    })
}

/// Goes wrong if one of these points is meant.
pub(crate) fn go_wrong(points: &[Planned], stop: &AtomicBool) {
    for (way, number) in faults() {
        if way == "sleep" {
            sleep(Duration::from_millis(*number));
        } else if points.iter().any(|point| point.ordinal.0 == *number) {
            match way.as_str() {
                "panic" => panic!("poison"),
                "abort" => std::process::abort(),
                "loop" => loop {
                    hint::spin_loop();
                },
                "slow" => {
                    while !stop.load(Ordering::Relaxed) {
                        hint::spin_loop();
                    }
                }
                "allocate" => drop(hint::black_box(vec![1u8; MUCH])),
                _ => {}
            }
        }
    }
}
