//! What can be wrong with a search.

use assay_core::job::Method;
use assay_core::{Domain, Explain};
use assay_lang::LangError;

use crate::search::functions::Function;

/// A search that cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OptimizerError {
    /// The condition is not one, or mentions what is no parameter.
    #[error("where: {error}")]
    Condition {
        /// What is wrong, and where in `condition`.
        error: LangError,
        /// The condition as written; [`LangError::render`] underlines the place in it.
        condition: String,
    },
    /// No point satisfies the condition.
    #[error("no point of the space satisfies `where = \"{condition}\"`")]
    NoPoint {
        /// The condition.
        condition: String,
    },
    /// So few points satisfy the condition, or are left to find, that drawing them would take for ever.
    #[error("{}", too_rare(*found, *wanted, *draws, condition.as_deref()))]
    TooRare {
        /// Points found.
        found: u64,
        /// Points asked for, or all there are if those are fewer.
        wanted: u64,
        /// Draws made.
        draws: u64,
        /// The condition, if there is one.
        condition: Option<String>,
    },
    /// A float without a step in a grid.
    #[error("parameter `{name}` is a float without `step` or `steps`: a grid cannot take all of its values")]
    Continuous {
        /// The parameter.
        name: String,
    },
    /// A grid of more than 2^64 points.
    #[error("the grid has more than 2^64 points")]
    TooLarge,
    /// More draws than a method can tell apart.
    #[error("{trials} trials are more than the {limit} that this search can draw")]
    TooManyTrials {
        /// Trials asked for.
        trials: u64,
        /// Most possible.
        limit: u64,
    },
    /// More parameters than Sobol numbers are known for.
    #[error("{found} searched parameters are more than the {limit} that a Sobol sequence has here")]
    TooManyDimensions {
        /// Parameters searched.
        found: usize,
        /// Most possible.
        limit: usize,
    },
    /// No test function has this name.
    #[error("no test function is called `{name}`")]
    UnknownFunction {
        /// The name.
        name: String,
        /// The nearest known one.
        hint: String,
    },
    /// A test function that is not defined for so many variables or objectives.
    #[error("{function} is not defined for {dimension} variables and {objectives} objectives")]
    UndefinedFunction {
        /// The function.
        function: Function,
        /// Variables asked for.
        dimension: usize,
        /// Objectives asked for.
        objectives: usize,
    },
    /// A search whose points depend on results.
    #[error("the points of a search by `{method}` are not known beforehand")]
    Learns {
        /// The method.
        method: Method,
    },
    /// A `require` that is no condition on metrics.
    #[error("objective.require: {error}")]
    Require {
        /// What is wrong, and where in `condition`.
        error: LangError,
        /// The condition as written.
        condition: String,
    },
    /// A point to begin with that is none of the space.
    #[error("search.enqueue: {reason}")]
    Enqueue {
        /// What is wrong with it.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Random and Sobol searches need a number of trials.
    #[error("search.trials is missing")]
    NoTrials,
    /// Blocks of time that cannot be halved, or too many to take all halves of.
    #[error("{found} blocks of time: cross-validation takes an even number from 2 to 16")]
    SketchBlocks {
        /// Blocks given.
        found: usize,
    },
    /// Sketches that cannot be compared.
    #[error("a trial's blocks of time hold other numbers of returns than those of the trials before it")]
    SketchGrid,
    /// A series of returns that is not as long as the others.
    #[error("a trial has {found} returns where others have {wanted}")]
    SeriesLength {
        /// Returns given.
        found: usize,
        /// Returns wanted.
        wanted: usize,
    },
    /// A window of a walk forward without bars.
    #[error("validation.{name} is no bar long")]
    EmptyWindow {
        /// The window's key.
        name: &'static str,
    },
    /// Test windows that overlap.
    #[error("validation.step of {step} bars is shorter than the test window of {test}: bars would be tested twice")]
    StepTooShort {
        /// Bars from one test window to the next.
        step: usize,
        /// Bars in a test window.
        test: usize,
    },
    /// Fewer bars than windows, groups or blocks take.
    #[error("the windows take {needed} bars, there are {bars}")]
    TooFewBars {
        /// Bars that one fold takes, or one for each group or block.
        needed: usize,
        /// Bars there are.
        bars: usize,
    },
    /// A number of groups that leaves none to test or none to train on.
    #[error("{tested} of {groups} groups cannot be tested: at least one is tested and one trained on")]
    TestedGroups {
        /// Groups.
        groups: usize,
        /// Groups tested at a time.
        tested: usize,
    },
    /// More splits than anyone can run.
    #[error("there are more than {limit} ways to test {tested} of {groups} groups")]
    TooManySplits {
        /// Groups.
        groups: usize,
        /// Groups tested at a time.
        tested: usize,
        /// Most splits possible.
        limit: u64,
    },
    /// Purge and embargo take all that a split would train on.
    #[error("a purge of {purge} and an embargo of {embargo} observations leave a split nothing to train on")]
    NothingToTrain {
        /// Observations purged on each side of a test range.
        purge: usize,
        /// Observations held back after it.
        embargo: usize,
    },
}

fn too_rare(found: u64, wanted: u64, draws: u64, condition: Option<&str>) -> String {
    let [found_text, wanted, draws] = [found, wanted, draws].map(grouped);
    match (found, condition) {
        (0, Some(condition)) => format!("no point of the space satisfies `where = \"{condition}\"` in {draws} draws"),
        (_, Some(condition)) => {
            format!("found {found_text} of {wanted} distinct points that satisfy `where = \"{condition}\"` in {draws} draws")
        }
        (_, None) => format!("found {found_text} of {wanted} distinct points in {draws} draws"),
    }
}

/// With a comma between the thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Explain for OptimizerError {
    fn domain(&self) -> Domain {
        Domain::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Condition { error, .. } | Self::Require { error, .. } => error.hint.clone(),
            Self::Learns { .. } => Some("choose method = \"random\" where all points must be known".to_owned()),
            Self::NoPoint { .. } => Some("widen the ranges under [params] or relax the condition".to_owned()),
            Self::TooRare {
                found: 0,
                condition: Some(_),
                ..
            } => Some("relax the condition, or move the ranges under [params] to where it holds".to_owned()),
            Self::TooRare { condition: Some(_), .. } => {
                Some("narrow the ranges to where the condition holds, or lower search.trials".to_owned())
            }
            Self::TooRare { .. } => Some("lower search.trials, or choose method = \"grid\"".to_owned()),
            Self::Continuous { name } => Some(format!(
                "give `{name}` a step (`step = 0.1`) or a number of values (`steps = 20`), or choose method = \"random\""
            )),
            Self::TooLarge => Some("narrow the ranges, widen the steps, or choose method = \"random\"".to_owned()),
            Self::TooManyTrials { limit, .. } => Some(format!("give search.trials at most {limit}")),
            Self::TooManyDimensions { .. } => Some("fix some of the parameters, or choose method = \"random\"".to_owned()),
            Self::UnknownFunction { hint, .. } | Self::Enqueue { hint, .. } => Some(hint.clone()),
            Self::UndefinedFunction { function, .. } => Some(format!(
                "it usually has {} variables and {} objectives",
                function.usual_dimension(),
                function.usual_objectives()
            )),
            Self::NoTrials => Some("add `trials = n` under [search]".to_owned()),
            Self::SketchBlocks { .. } => None,
            Self::EmptyWindow { name } => Some(format!("give validation.{name} a length")),
            Self::StepTooShort { .. } => Some("leave validation.step out: it is then the test window".to_owned()),
            Self::TooFewBars { .. } => Some("shorten the windows under [validation], or take more data".to_owned()),
            Self::TestedGroups { .. } | Self::TooManySplits { .. } => {
                Some("cpcv with n = 6 groups and k = 2 tested has 15 splits and 5 paths".to_owned())
            }
            Self::NothingToTrain { .. } => Some("shorten the purge and the embargo, or take fewer groups".to_owned()),
            Self::SketchGrid | Self::SeriesLength { .. } => {
                Some("compare the trials of one instrument and one window at a time".to_owned())
            }
        }
    }
}
