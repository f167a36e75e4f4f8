//! Logic on words of bits, 64 bars each.

use crate::buffers::Window;
use crate::simd::last_mask;

/// Two tiles to one.
pub(crate) fn combine(a: &[u64], b: &[u64], out: &mut [u64], f: impl Fn(u64, u64) -> u64) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(*a, *b);
    }
}

/// One value for all of `bars` bars.
pub(crate) fn fill(value: bool, bars: usize, out: &mut [u64]) {
    out.fill(if value { !0 } else { 0 });
    mask(bars, out);
}

/// Clears the bits past the end.
pub(crate) fn mask(bars: usize, out: &mut [u64]) {
    if let Some(last) = out.last_mut() {
        *last &= last_mask(bars);
    }
}

/// Words of history that a delay by `n` bars reads.
pub(crate) fn delay_history(n: u32) -> usize {
    n as usize / 64 + 1
}

/// The bits `n` bars before.
pub(crate) fn delay(x: Window<'_, u64>, n: u32, bars: usize, out: &mut [u64]) {
    let (words, shift) = (n as usize / 64, n % 64);
    for (w, out) in out.iter_mut().enumerate() {
        let from = x.at + w - words;
        let (here, before) = (x.values[from], x.values[from - 1]);
        *out = if shift == 0 {
            here
        } else {
            here << shift | before >> (64 - shift)
        };
    }
    mask(bars, out);
}
