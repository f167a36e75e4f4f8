//! Minimizing a smooth function over the unit cube.

use std::cell::RefCell;
use std::f64::consts::{FRAC_PI_2, PI};

use argmin::core::{CostFunction, Error, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

/// Steps that L-BFGS remembers.
const MEMORY: usize = 8;
/// How far from the borders it starts: at a border the map to angles is flat, and a descent would never leave it.
const MARGIN: f64 = 1e-3;

/// What walls are to the line search.
const WALL: f64 = 1e150;

/// The lowest place that a descent from `start` visits, and the function there. The function is given a place and fills in its
/// gradient; values that are not finite count as walls. `step` is how far the first step leads, about; `most` bounds how often the
/// function is asked.
///
/// L-BFGS with More and Thuente's line search, on angles t with u = sin^2(pi t / 2), so that it needs no bounds.
pub(crate) fn minimize(
    start: &[f64],
    step: f64,
    most: usize,
    function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> (Vec<f64>, f64) {
    let angles: Vec<f64> = start.iter().map(|u| angle(u.clamp(MARGIN, 1.0 - MARGIN))).collect();
    let problem = Problem(RefCell::new(State {
        best: (start.to_vec(), f64::INFINITY),
        scale: 1.0,
        latest: None,
        left: most.max(1),
        function,
    }));
    let first = problem.0.borrow_mut().evaluate(&angles);
    if let Ok((_, gradient)) = first {
        let norm = libm::sqrt(gradient.iter().map(|g| g * g).sum());
        let mut state = problem.0.borrow_mut();
        state.scale = if norm > 0.0 { step / norm } else { 1.0 };
        state.latest = None;
    }
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY);
    let executor = Executor::new(&problem, solver).timer(false);
    // The last evaluation allowed ends the descent, as does a line search that fails; what was seen counts.
    let _ = executor.configure(|state| state.param(angles).max_iters(most as u64)).run();
    problem.0.into_inner().best
}

fn angle(u: f64) -> f64 {
    libm::asin(libm::sqrt(u)) / FRAC_PI_2
}

struct State<F> {
    function: F,
    /// Where the function was lowest.
    best: (Vec<f64>, f64),
    /// By what the function is multiplied.
    scale: f64,
    /// How often the function may still be asked.
    left: usize,
    /// Value and gradient at the angles last asked for: the solver asks for them one after the other.
    latest: Option<(Vec<f64>, f64, Vec<f64>)>,
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> State<F> {
    fn evaluate(&mut self, angles: &[f64]) -> Result<(f64, Vec<f64>), Error> {
        if let Some((at, value, gradient)) = &self.latest
            && at == angles
        {
            return Ok((*value, gradient.clone()));
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| Error::msg("asked often enough"))?;
        let units: Vec<f64> = angles
            .iter()
            .map(|t| {
                let sine = libm::sin(FRAC_PI_2 * t);
                sine * sine
            })
            .collect();
        let mut gradient = vec![0.0; units.len()];
        let value = (self.function)(&units, &mut gradient);
        if value < self.best.1 {
            self.best = (units, value);
        }
        for (slope, t) in gradient.iter_mut().zip(angles) {
            *slope *= self.scale * FRAC_PI_2 * libm::sin(PI * t);
        }
        let value = if value.is_finite() { value * self.scale } else { WALL };
        self.latest = Some((angles.to_vec(), value, gradient.clone()));
        Ok((value, gradient))
    }
}

struct Problem<F>(RefCell<State<F>>);

impl<F: FnMut(&[f64], &mut [f64]) -> f64> CostFunction for &Problem<F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, angles: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.0.borrow_mut().evaluate(angles)?.0)
    }
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Gradient for &Problem<F> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, angles: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(self.0.borrow_mut().evaluate(angles)?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's function with its minimum where the coordinates are `at`.
    fn valley(at: f64) -> impl FnMut(&[f64], &mut [f64]) -> f64 {
        move |u, gradient| {
            let (x, y) = (u[0] - at, u[1] - at);
            let bend = y - 4.0 * x * x;
            gradient[0] = 2.0 * x - 1600.0 * bend * x;
            gradient[1] = 200.0 * bend;
            x * x + 100.0 * bend * bend
        }
    }

    #[test]
    fn it_ends_at_a_minimum_inside_and_at_borders() {
        let (place, value) = minimize(&[0.9, 0.1], 0.1, 500, valley(0.3));
        assert!(value < 1e-9 && (place[0] - 0.3).abs() < 1e-4, "{place:?} {value}");
        let (place, _) = minimize(&[0.5, 0.5], 0.1, 200, |u, gradient| {
            gradient.copy_from_slice(&[1.0, -1.0]);
            u[0] - u[1]
        });
        assert!(place[0] < 1e-6 && place[1] > 1.0 - 1e-6, "{place:?}");
    }

    #[test]
    fn a_wall_stops_nothing() {
        let (place, value) = minimize(&[0.9], 0.5, 100, |u, gradient| {
            gradient[0] = 2.0 * (u[0] - 0.6);
            if u[0] < 0.5 { f64::NAN } else { (u[0] - 0.6) * (u[0] - 0.6) }
        });
        assert!(value < 1e-8, "{place:?}");
    }
}
