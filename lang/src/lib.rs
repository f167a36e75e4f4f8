//! The strategy expression language: text to a checked, typed tree.
//!
//! A strategy is data: its rules are expressions such as `crossover(sma(close, fast), sma(close, slow))`. This crate reads
//! them, resolves their names, types them, and evaluates those that need no market data (`where = "fast < slow"`). Computing
//! series is the business of `assay-strategies`.
//!
//! It must never read the future (there is no way to write a later bar), do I/O, panic, or spend more than bounded stack and
//! time on a source, however hostile.
//!
//! ```
//! use assay_lang::{ParameterType, Scope, ScalarProgram, Type, check, parse};
//!
//! let mut scope = Scope::new();
//! scope.parameter("fast", ParameterType::Integer)?;
//! let average = check(&parse("sma(close, fast)")?, &scope)?;
//! assert_eq!(average.ty, Type::NumberSeries);
//! scope.bind("f", average)?;
//! let rule = check(&parse("crossover(f, bbands(close).lower) and hour() >= 8")?, &scope)?.condition("enter_long")?;
//! assert_eq!(rule.ty, Type::BoolSeries);
//!
//! let source = "smaa(close, fast)";
//! let error = check(&parse(source)?, &scope).unwrap_err();
//! assert_eq!(error.render(source, "my_cross.toml, let.f"), "\
//! error: unknown function `smaa`
//!   --> my_cross.toml, let.f, column 1
//!    |  smaa(close, fast)
//!    |  ^^^^
//!    hint: did you mean `sma`?");
//!
//! let names = [("fast", ParameterType::Integer), ("slow", ParameterType::Integer)];
//! let condition = ScalarProgram::condition(&parse("fast < slow")?, &names, "where")?;
//! assert!(condition.eval_bool(&[10.0, 50.0]));
//! # Ok::<(), assay_lang::LangError>(())
//! ```

mod ast;
mod check;
mod error;
pub mod functions;
mod kernels;
mod lexer;
pub mod nulls;
mod parser;
mod scalar;
mod table;
mod types;

pub use ast::{Argument, BinaryOp, Expr, ExprKind, Identifier, Span, UnaryOp};
pub use check::{MAX_TOTAL_HEIGHT, check};
pub use error::{LangError, LangErrorKind};
pub use functions::{Body, Candle, Clock, Elementwise, FUNCTIONS, Function, Kernel, Native, SERIES};
pub use lexer::MAX_SOURCE;
pub use parser::{MAX_HEIGHT, MAX_NESTING, parse};
pub use scalar::{MAX_LENGTH, MAX_PARTS, ScalarProgram, Value, eval_scalar};
pub use types::{Elsewhere, ParameterType, Scope, Type, Typed, TypedKind};
