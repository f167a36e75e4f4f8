//! Functions whose best points are known, to try searches on.
//!
//! All are minimized.

mod many;
mod one;

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use assay_core::nearest;
use assay_core::space::{Domain, Parameter, Point, Space};

use crate::error::OptimizerError;
use crate::generator;

/// The name of a function. Definitions, domains and optima stand where they are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the literature")]
pub enum Function {
    Branin,
    Hartmann6,
    Ackley,
    Rosenbrock,
    Levy,
    Michalewicz,
    Sphere,
    Ellipsoid,
    Zdt1,
    Zdt2,
    Zdt3,
    Zdt4,
    Zdt5,
    Zdt6,
    Dtlz1,
    Dtlz2,
    Dtlz3,
    Dtlz4,
    Dtlz5,
    Dtlz6,
    Dtlz7,
}

use Function::{
    Ackley, Branin, Dtlz1, Dtlz2, Dtlz3, Dtlz4, Dtlz5, Dtlz6, Dtlz7, Ellipsoid, Hartmann6, Levy, Michalewicz, Rosenbrock,
    Sphere, Zdt1, Zdt2, Zdt3, Zdt4, Zdt5, Zdt6,
};

const NAMES: [(&str, Function); 21] = [
    ("branin", Branin),
    ("hartmann6", Hartmann6),
    ("ackley", Ackley),
    ("rosenbrock", Rosenbrock),
    ("levy", Levy),
    ("michalewicz", Michalewicz),
    ("sphere", Sphere),
    ("ellipsoid", Ellipsoid),
    ("zdt1", Zdt1),
    ("zdt2", Zdt2),
    ("zdt3", Zdt3),
    ("zdt4", Zdt4),
    ("zdt5", Zdt5),
    ("zdt6", Zdt6),
    ("dtlz1", Dtlz1),
    ("dtlz2", Dtlz2),
    ("dtlz3", Dtlz3),
    ("dtlz4", Dtlz4),
    ("dtlz5", Dtlz5),
    ("dtlz6", Dtlz6),
    ("dtlz7", Dtlz7),
];

impl Function {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(_, function)| *function)
    }

    /// Its number of variables where none is asked for: what its source used, or 10.
    pub fn usual_dimension(self) -> usize {
        match self {
            Branin => 2,
            Hartmann6 => 6,
            Zdt1 | Zdt2 | Zdt3 => 30,
            Zdt5 => 80,
            Dtlz1 => 7,
            Dtlz2 | Dtlz3 | Dtlz4 | Dtlz5 | Dtlz6 => 12,
            Dtlz7 => 22,
            _ => 10,
        }
    }

    /// Its number of objectives where none is asked for.
    pub fn usual_objectives(self) -> usize {
        match self {
            Zdt1 | Zdt2 | Zdt3 | Zdt4 | Zdt5 | Zdt6 => 2,
            Dtlz1 | Dtlz2 | Dtlz3 | Dtlz4 | Dtlz5 | Dtlz6 | Dtlz7 => 3,
            _ => 1,
        }
    }

    fn is_dtlz(self) -> bool {
        self >= Dtlz1
    }

    /// How many first variables say where on the front a point is; they are never shifted.
    fn position_variables(self, objectives: usize) -> usize {
        match self {
            Zdt1 | Zdt2 | Zdt3 | Zdt4 | Zdt6 => 1,
            _ if self.is_dtlz() => objectives - 1,
            _ => 0,
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES
            .iter()
            .find(|(_, function)| function == self)
            .map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Function {
    type Err = OptimizerError;

    fn from_str(name: &str) -> Result<Self, OptimizerError> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, function)| *function).ok_or_else(|| {
            let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
            OptimizerError::UnknownFunction {
                name: name.to_owned(),
                hint: nearest::hint(name, &known),
            }
        })
    }
}

/// A function of so many variables with so many objectives, moved by a shift.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    function: Function,
    dimension: usize,
    objectives: usize,
    /// What is subtracted from each variable.
    shift: Box<[f64]>,
}

impl Problem {
    /// A function with its usual number of objectives; of its usual number of variables if `dimension` is `None`.
    pub fn new(function: Function, dimension: Option<usize>) -> Result<Self, OptimizerError> {
        Self::with_objectives(function, dimension, function.usual_objectives())
    }

    /// The same with so many objectives; only the DTLZ family has another number of them than usual.
    pub fn with_objectives(function: Function, dimension: Option<usize>, objectives: usize) -> Result<Self, OptimizerError> {
        let dimension = dimension.unwrap_or(function.usual_dimension());
        let defined = match function {
            Branin => dimension == 2,
            Hartmann6 => dimension == 6,
            Rosenbrock | Ellipsoid | Zdt1 | Zdt2 | Zdt3 | Zdt4 | Zdt6 => dimension >= 2,
            Zdt5 => dimension >= 35 && dimension.is_multiple_of(5),
            _ if function.is_dtlz() => objectives >= 2 && dimension >= objectives,
            _ => dimension >= 1,
        };
        if !defined || (objectives != function.usual_objectives() && !function.is_dtlz()) {
            return Err(OptimizerError::UndefinedFunction {
                function,
                dimension,
                objectives,
            });
        }
        Ok(Self {
            function,
            dimension,
            objectives,
            shift: vec![0.0; dimension].into(),
        })
    }

    /// Moves the optimum by these distances, one per variable, missing ones 0. Variables that say where on a front a point is stay,
    /// and so do the bits of ZDT5.
    #[must_use]
    pub fn shifted(mut self, shift: &[f64]) -> Self {
        let fixed = if self.function == Zdt5 {
            self.dimension
        } else {
            self.function.position_variables(self.objectives)
        };
        for (to, from) in self.shift.iter_mut().zip(shift).skip(fixed) {
            *to = *from;
        }
        self
    }

    /// Moves the optimum to a random place, in each variable between a tenth and nine tenths of its range.
    #[must_use]
    pub fn randomly_shifted(self, seed: u64) -> Self {
        let key = generator::key(seed, 7);
        let optimum = self.minimizer();
        let place = |i: usize, (low, high): (f64, f64)| low + (high - low) * (0.1 + 0.8 * generator::fraction(key, i as u64));
        let ranges = self.ranges().into_iter().enumerate();
        let shift: Vec<f64> = ranges.zip(&optimum).map(|((i, range), x)| place(i, range) - x).collect();
        self.shifted(&shift)
    }

    /// Number of variables.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of objectives.
    pub fn objectives(&self) -> usize {
        self.objectives
    }

    /// Least and greatest value of each variable.
    pub fn ranges(&self) -> Vec<(f64, f64)> {
        let range = |i: usize| match self.function {
            Branin if i == 0 => (-5.0, 10.0),
            Branin => (0.0, 15.0),
            Ackley => (-32.768, 32.768),
            Rosenbrock | Sphere | Ellipsoid => (-5.0, 5.0),
            Levy => (-10.0, 10.0),
            Michalewicz => (0.0, PI),
            Zdt4 if i > 0 => (-5.0, 5.0),
            _ => (0.0, 1.0),
        };
        (0..self.dimension).map(range).collect()
    }

    /// The space of its variables: `x1`, `x2` and so on, with zeros in front so that names are in the order of the variables.
    pub fn space(&self) -> Space {
        let width = self.dimension.to_string().len();
        let domain = |(low, high): (f64, f64)| match self.function {
            Zdt5 => Domain::Int {
                low: 0,
                high: 1,
                step: 1,
                log: false,
            },
            _ => Domain::Float {
                low,
                high,
                step: None,
                steps: None,
                log: false,
            },
        };
        let parameter = |(i, range)| Parameter {
            name: format!("x{:0width$}", i + 1),
            domain: domain(range),
            default: None,
        };
        Space {
            params: self.ranges().into_iter().enumerate().map(parameter).collect(),
            condition: None,
            ..Space::default()
        }
    }

    /// Its values at a point of its space, one per objective.
    pub fn losses(&self, point: &Point) -> Box<[f64]> {
        let x: Vec<f64> = point.0.iter().zip(&self.shift).map(|(x, s)| x - s).collect();
        match self.function {
            Branin => [one::branin(&x)].into(),
            Hartmann6 => [one::hartmann6(&x)].into(),
            Ackley => [one::ackley(&x)].into(),
            Rosenbrock => [one::rosenbrock(&x)].into(),
            Levy => [one::levy(&x)].into(),
            Michalewicz => [one::michalewicz(&x)].into(),
            Sphere => [one::sphere(&x)].into(),
            Ellipsoid => [one::ellipsoid(&x)].into(),
            Zdt1 => many::zdt1(&x).into(),
            Zdt2 => many::zdt2(&x).into(),
            Zdt3 => many::zdt3(&x).into(),
            Zdt4 => many::zdt4(&x).into(),
            Zdt5 => many::zdt5(&x).into(),
            Zdt6 => many::zdt6(&x).into(),
            Dtlz1 => many::dtlz1(&x, self.objectives),
            Dtlz2 => many::dtlz2(&x, self.objectives),
            Dtlz3 => many::dtlz3(&x, self.objectives),
            Dtlz4 => many::dtlz4(&x, self.objectives),
            Dtlz5 => many::dtlz5(&x, self.objectives),
            Dtlz6 => many::dtlz6(&x, self.objectives),
            Dtlz7 => many::dtlz7(&x, self.objectives),
        }
    }

    /// The least value where there is one objective and it is known. For Michalewicz it is known up to 2 variables, and for 5 and 10.
    pub fn optimum(&self) -> Option<f64> {
        match self.function {
            Branin => Some(0.397_887_357_729_738_16),
            Hartmann6 => Some(-3.322_368_011_415_515),
            Ackley | Rosenbrock | Levy | Sphere | Ellipsoid => Some(0.0),
            Michalewicz => match self.dimension {
                1 => Some(-0.801_303_410_098_552_8),
                2 => Some(-1.801_303_410_098_552_8),
                5 => Some(-4.687_658_179_088_148),
                10 => Some(-9.660_151_715_641_35),
                _ => None,
            },
            _ => None,
        }
    }

    /// A place where the unshifted function is best, or (Michalewicz) near it; with several objectives, one on the front.
    fn minimizer(&self) -> Vec<f64> {
        let value = match self.function {
            Branin => return vec![PI, 2.275],
            Hartmann6 => return vec![0.201_69, 0.150_011, 0.476_874, 0.275_332, 0.311_652, 0.657_301],
            Rosenbrock | Levy => 1.0,
            Michalewicz => return (0..self.dimension).map(|i| if i == 0 { 2.2029 } else { 0.5 * PI }).collect(),
            Dtlz1 | Dtlz2 | Dtlz3 | Dtlz4 | Dtlz5 => 0.5,
            _ => 0.0,
        };
        vec![value; self.dimension]
    }
}

#[cfg(test)]
mod tests;
