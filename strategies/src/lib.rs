//! Strategies as data: TOML files of rules over series, computed for very many parameter sets at once.
//!
//! A [`Strategy`] is read and checked once. [`Program::build`] binds the parameters of many trials into one graph in which every
//! distinct computation stands once (fifty averages, not two for each of 1,225 pairs). An [`Evaluator`] walks through time in
//! tiles that stay in a core's cache and hands the engine the signals of each trial.
//!
//! Values never depend on the size of tiles, on the other trials of the program, on the processor, or on later bars. What is
//! undefined (warm-up, a division by zero) is null: NaN in a column, neither true nor false in a condition, false in a rule.
//!
//! The crate never reads a file, a clock or the network.
//!
//! ```
//! use assay_strategies::Strategy;
//!
//! let strategy = Strategy::parse(r#"
//! name = "dip"
//! [params]
//! n = { int = [5, 50], default = 20 }
//! [let]
//! average = "sma(close, n)"
//! [rules]
//! enter_long = "crossunder(close, average * 0.98)"
//! exit_long = "close > average"
//! "#, "dip.toml")?;
//! assert_eq!(strategy.space.params[0].name, "n");
//!
//! let error = Strategy::parse("name = 'x'\n[rules]\nenter_long = 'close > smaa(close, 5)'", "x.toml").unwrap_err();
//! assert!(error.to_string().starts_with("unknown function `smaa`\n  --> x.toml, rules.enter_long, column 9"));
//! # Ok::<(), assay_strategies::StrategyError>(())
//! ```

mod bind;
mod bits;
mod bounds;
mod branchless;
mod buffers;
mod elementwise;
mod elsewhere;
mod error;
mod evaluator;
mod expression;
mod fused;
mod given;
mod graph;
mod job;
mod kernels;
mod library;
mod look_ahead;
mod orders;
mod parameters;
mod program;
mod scales;
mod series;
mod shape;
mod simd;
mod strategy;
pub mod sweep;
mod template;
mod windows;

pub use error::{LocatedError, StrategyError};
pub use evaluator::Evaluator;
pub use expression::{Explained, evaluate_expression, evaluate_expressions, explain_expression, expression_references};
pub use graph::{BitsId, ColumnId};
pub use job::{HeldBack, Job, JobDataset, JobFault, JobInstrument, JobTicks};
pub use library::{library, library_strategy};
pub use look_ahead::{Difference, LookAhead, look_ahead};
pub use program::{NodeCount, Program, TILE, TrialPlan};
pub use scales::Scales;
pub use shape::{Shape, ShapeRoom};
pub use strategy::{Expression, GivenSignals, Let, Rules, Strategy};
pub use windows::common_window;
