//! Stops, targets, sizes and time limits: the strategy's, or the job's where it gives its own.

use assay_core::job::{Amount, Execution, Level, Size};
use assay_lang::{LangError, LangErrorKind};

use crate::error::StrategyError;
use crate::strategy::{Expression, Rules, Strategy, read_expression};

/// An expression and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub(crate) place: String,
    pub(crate) expression: Expression,
}

#[derive(Debug, Clone)]
pub(crate) enum LevelTerm {
    /// Price distance, a number per bar.
    Distance(Term),
    /// Per cent of the price paid, a scalar.
    Percent(Term),
}

#[derive(Debug, Clone)]
pub(crate) enum SizeTerm {
    AllIn,
    Fraction(Term),
    Units(Term),
    Notional(Term),
    Risk(Term),
    VolTarget { target: Term, bars: Term },
}

#[derive(Debug, Clone)]
pub(crate) struct Orders {
    pub(crate) stop: Option<LevelTerm>,
    pub(crate) target: Option<LevelTerm>,
    pub(crate) trail: Option<LevelTerm>,
    pub(crate) size: SizeTerm,
    pub(crate) max_bars: Option<Term>,
}

/// Whether every order term of the rules can be read.
pub(crate) fn check(rules: &Rules, strategy: &Strategy) -> Result<(), StrategyError> {
    Orders::read(rules, &Execution::default(), strategy).map(drop)
}

impl Orders {
    /// The terms that may depend on bars.
    pub(crate) fn terms(&self) -> impl Iterator<Item = &Term> {
        let levels = [&self.stop, &self.target, &self.trail].into_iter().flatten();
        levels.map(|level| match level {
            LevelTerm::Distance(term) | LevelTerm::Percent(term) => term,
        })
    }

    /// The terms in force: those of `execution` before those of the rules.
    pub(crate) fn read(rules: &Rules, execution: &Execution, strategy: &Strategy) -> Result<Self, StrategyError> {
        let place = |of_job: bool, name: &str| {
            if of_job {
                format!("job, execution.{name}")
            } else {
                format!("{}, rules.{name}", strategy.origin)
            }
        };
        let level = |name: &str, job: &Option<Level>, own: &Option<Level>| {
            let level = job.as_ref().or(own.as_ref());
            let place = place(job.is_some(), name);
            level.map(|level| read_level(level, place, strategy)).transpose()
        };
        let size_place = place(execution.size.is_some(), "size");
        let size = execution.size.as_ref().or(rules.size.as_ref());
        let max_bars_place = place(execution.max_bars.is_some(), "max_bars");
        let max_bars = execution.max_bars.as_ref().or(rules.max_bars.as_ref());
        Ok(Self {
            stop: level("stop_loss", &execution.stop_loss, &rules.stop_loss)?,
            target: level("take_profit", &execution.take_profit, &rules.take_profit)?,
            trail: level("trailing_stop", &execution.trailing_stop, &rules.trailing_stop)?,
            size: size.map_or(Ok(SizeTerm::AllIn), |size| read_size(size, &size_place, strategy))?,
            max_bars: max_bars
                .map(|amount| read_amount(amount, max_bars_place, strategy))
                .transpose()?,
        })
    }
}

fn read_level(level: &Level, place: String, strategy: &Strategy) -> Result<LevelTerm, StrategyError> {
    let source = level.expression();
    Ok(match level {
        Level::Percent(_) => LevelTerm::Percent(read_scalar(source, place, strategy)?),
        Level::Distance(_) => {
            let expression = read_expression(source, &place, &strategy.scope)?;
            let name = place.rsplit('.').next().unwrap_or(&place).to_owned();
            let typed = expression.typed.number(&name);
            let typed = typed.map_err(|error| StrategyError::expression(place.clone(), source, error))?;
            let expression = Expression { typed, ..expression };
            LevelTerm::Distance(Term { place, expression })
        }
    })
}

fn read_size(size: &Size, place: &str, strategy: &Strategy) -> Result<SizeTerm, StrategyError> {
    let amount = |amount: &Amount, key: &str| read_amount(amount, format!("{place}.{key}"), strategy);
    Ok(match size {
        Size::AllIn => SizeTerm::AllIn,
        Size::Fraction(x) => SizeTerm::Fraction(amount(x, "fraction")?),
        Size::Units(x) => SizeTerm::Units(amount(x, "units")?),
        Size::Notional(x) => SizeTerm::Notional(amount(x, "notional")?),
        Size::Risk(x) => SizeTerm::Risk(amount(x, "risk")?),
        Size::VolTarget { target, bars } => SizeTerm::VolTarget {
            target: amount(target, "vol_target")?,
            bars: amount(bars, "bars")?,
        },
    })
}

fn read_amount(amount: &Amount, place: String, strategy: &Strategy) -> Result<Term, StrategyError> {
    match amount {
        Amount::Number(value) => read_scalar(&format!("{value:?}"), place, strategy),
        Amount::Expression(source) => read_scalar(source, place, strategy),
    }
}

fn read_scalar(source: &str, place: String, strategy: &Strategy) -> Result<Term, StrategyError> {
    let expression = read_expression(source, &place, &strategy.scope)?;
    let typed = &expression.typed;
    if typed.ty.is_scalar() && typed.ty.is_number() {
        return Ok(Term { place, expression });
    }
    let error = LangError {
        kind: LangErrorKind::WrongType {
            place: place.rsplit('.').next().unwrap_or(&place).to_owned(),
            expected: "a number known before the data",
            found: typed.ty.describe(),
        },
        span: typed.span,
        hint: Some("use a number or an expression of parameters".to_owned()),
    };
    Err(StrategyError::expression(place, source, error))
}
