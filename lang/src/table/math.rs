//! Arithmetic, and what to do about conditions and null.

use super::{Row, each, formula, kernel};
use crate::functions::{Elementwise as E, Kernel as K};

pub(super) const MATH: &[Row] = &[
    ("abs(x)", each(E::Abs), "distance from 0", ""),
    ("min(a, b, ...)", each(E::Min), "the least of two or more, bar by bar", ""),
    ("max(a, b, ...)", each(E::Max), "the greatest of two or more, bar by bar", ""),
    ("sqrt(x)", each(E::Sqrt), "square root; null below 0", ""),
    ("log(x)", each(E::Log), "natural logarithm; null at and below 0", ""),
    ("ln(x)", formula("log(x)"), "the same as log", ""),
    (
        "log10(x)",
        each(E::Log10),
        "logarithm to the base of 10; null at and below 0",
        "",
    ),
    ("exp(x)", each(E::Exp), "e to the power of x", ""),
    ("pow(a, b)", each(E::Pow), "a to the power of b", ""),
    ("sin(x)", each(E::Sin), "sine of x in radians", ""),
    ("cos(x)", each(E::Cos), "cosine of x in radians", ""),
    ("tan(x)", each(E::Tan), "tangent of x in radians", ""),
    ("asin(x)", each(E::Asin), "arcsine in radians; null outside of -1 to 1", ""),
    ("acos(x)", each(E::Acos), "arccosine in radians; null outside of -1 to 1", ""),
    ("atan(x)", each(E::Atan), "arctangent in radians", ""),
    ("sinh(x)", each(E::Sinh), "hyperbolic sine", ""),
    ("cosh(x)", each(E::Cosh), "hyperbolic cosine", ""),
    ("tanh(x)", each(E::Tanh), "hyperbolic tangent", ""),
    ("floor(x)", each(E::Floor), "the next whole number at or below x", ""),
    ("ceil(x)", each(E::Ceil), "the next whole number at or above x", ""),
    ("round(x)", each(E::Round), "the nearest whole number, halves away from 0", ""),
    ("sign(x)", each(E::Sign), "-1, 0 or 1", ""),
    ("add(a, b)", formula("a + b"), "a + b", ""),
    ("sub(a, b)", formula("a - b"), "a - b", ""),
    ("mult(a, b)", formula("a * b"), "a * b", ""),
    ("div(a, b)", formula("a / b"), "a / b; null where b is 0", ""),
    (
        "cumsum(x)",
        kernel(K::CumulativeSum),
        "sum of all values so far; a null adds nothing",
        "",
    ),
    ("_mask(a, b)", each(E::Mask), "a where b is defined", ""),
    ("_ratio(a, b)", each(E::Ratio), "a / b, 0 where b is 0", ""),
    ("_share(a, b)", each(E::Share), "100 a / b, 0 where b is 0", ""),
];

pub(super) const CHOICE: &[Row] = &[
    (
        "if(condition, a:any, b:any)",
        each(E::If),
        "a where the condition holds, b where it does not, null where it is null",
        "",
    ),
    ("nz(x, fallback = 0)", each(E::Nz), "x, or the fallback where x is null", ""),
    ("is_null(x:any)", each(E::IsNull), "whether x is null", ""),
];
