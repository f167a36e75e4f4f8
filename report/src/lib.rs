//! Pages about trials and jobs: one HTML file without anything from elsewhere, an SVG or a PNG.
//!
//! A [`TrialReport`] or a [`JobReport`] is data that somebody else has gathered; [`trial_page`] and [`job_page`] make a [`Page`] of it,
//! which is headings, tables and pictures; [`html`], [`svg`] and [`png()`] write the page. A picture is a list of shapes, so that what is
//! seen can be tested without looking at pixels. Everything here is a pure function: no file, no clock, no network, no fonts of the system.
//!
//! All text that comes from users (names of jobs, parameters, instruments, reasons) is text in the output, never markup.
//!
//! ```
//! use assay_report::{Block, Page, Table, html};
//!
//! let table = Table::new("Leaderboard", [("name", false), ("sharpe", true)]).row(["<script>".to_owned(), "1.2".to_owned()]);
//! let page = Page { title: "job <b>".to_owned(), blocks: vec![Block::Table(table)], ..Page::default() };
//! assert!(!html(&page).expect("a page").contains("<script>"));
//! ```

mod decimate;
mod error;
mod html;
pub mod human;
mod ink;
mod job;
mod levels;
mod page;
mod paint;
mod plot;
mod shape;
mod sheet;
mod stroke;
#[cfg(test)]
mod testing;
mod ticks;
mod trial;
mod verdict;

pub use error::ReportError;
pub use html::html;
pub use ink::Ink;
pub use job::{Best, Drift, Fold, Front, Goal, Importance, JOB_PICTURES, JobReport, Parameter, Sample, Walk, job_page};
pub use page::{Block, Figure, Group, Page, Table, Tone};
pub use shape::{Anchor, Picture, Shape};
pub use sheet::{png, svg};
pub use trial::{Prices, TRIAL_PICTURES, TradeMark, TrialReport, drawdown, trial_page};
pub use verdict::{LuckCurve, Paths, VERDICT_PICTURES, VerdictReport, verdict_page};
