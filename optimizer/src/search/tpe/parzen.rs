//! A density on the cube from points: a mixture of products of kernels, one product per point and a broad one for what is not
//! known. Parameters that matter only sometimes are learned where they do (Optuna's `group` learns each set of parameters that matter
//! together by itself; here points of different sets share what they have in common).

use crate::search::normal;
use crate::search::stream::Stream;
use crate::search::{Cube, Dimension};

/// Weight of the broad kernel beside points of weight 1.
const PRIOR: f64 = 1.0;
/// Terms smaller than e^-36 of the largest change no bit of a sum.
const NEGLIGIBLE: f64 = -36.0;
/// Stands for the text of a point at which it did not matter.
const ANY: f64 = f64::NAN;
/// Beyond so many deviations nothing is missing from the whole, in doubles.
const WHOLE: f64 = 8.5;
const SQRT_TAU: f64 = 2.506_628_274_631_000_7;
/// Cells narrower than this share of a kernel's width have the density of their centre.
const FINE: f64 = 0.5;

/// A density. The number of kernels is one more than that of the points.
#[derive(Debug)]
pub(super) struct Parzen<'a> {
    cube: &'a Cube,
    kernels: Vec<Kernels>,
    /// Running sums of the weights.
    sums: Vec<f64>,
    /// Per kernel, the logarithm of its weight over its integral.
    offsets: Vec<f64>,
    /// Per dimension and kernel the logarithm of its integral along it, in spaces whose parameters matter only sometimes.
    integrals: Vec<Vec<f64>>,
    /// Room for the logarithms of one evaluation.
    logs: Vec<f64>,
}

/// All kernels along one dimension.
#[derive(Debug)]
enum Kernels {
    /// Normal distributions cut off at the borders of the cube.
    Normal {
        centres: Vec<f64>,
        widths: Vec<f64>,
        inverse: Vec<f64>,
    },
    /// The same over cells as wide as they are: per kernel, which of the different ones it is.
    Cells {
        centres: Vec<f64>,
        widths: Vec<f64>,
        different: Vec<(f64, f64)>,
        which: Vec<usize>,
    },
    /// One text, or any other with a small probability.
    Category {
        cells: u64,
        centres: Vec<f64>,
        own: f64,
        other: f64,
    },
}

impl<'a> Parzen<'a> {
    /// The density of points with these weights, in this order along each dimension. `narrowest` scales the least width of a kernel.
    ///
    /// Where a parameter did not matter nothing was learned about it: the kernel of such a point is as broad along it as that of what is
    /// not known. So each parameter is learned from the points at which it mattered, jointly with all that mattered there.
    pub(super) fn new(cube: &'a Cube, points: &[&[f64]], order: &[Vec<usize>], weights: &[f64], narrowest: f64) -> Self {
        let dimensions = cube.dimensions().len();
        let count = points.len() + 1;
        let least = narrowest / (1 + count).min(100) as f64;
        let total: f64 = weights.iter().sum::<f64>() + PRIOR;
        let mut offsets: Vec<f64> = weights.iter().map(|weight| libm::log(weight / total)).collect();
        offsets.push(libm::log(PRIOR / total));
        let mut kernels = Vec::with_capacity(dimensions);
        let idle: Option<Vec<Vec<bool>>> = points.iter().map(|point| cube.idle(point)).collect();
        let idle = idle.filter(|idle| !idle.is_empty());
        let mut integrals = Vec::new();
        for (dimension, kind) in cube.dimensions().iter().enumerate() {
            let mattered = |point: usize| idle.as_ref().is_none_or(|idle| !idle[point][dimension]);
            let mut centres: Vec<f64> = points.iter().map(|point| point[dimension]).collect();
            centres.push(0.5);
            if let Dimension::Category(_) = *kind {
                (0..points.len())
                    .filter(|point| !mattered(*point))
                    .for_each(|point| centres[point] = ANY);
                integrals.push(vec![0.0; count]);
            }
            if let Dimension::Category(cells) = *kind {
                let share = PRIOR / count as f64;
                let total = 1.0 + share * cells as f64;
                kernels.push(Kernels::Category {
                    cells,
                    centres,
                    own: (1.0 + share) / total,
                    other: share / total,
                });
                continue;
            }
            let known = order[dimension].iter().copied().filter(|point| mattered(*point));
            let widths = widths(&centres, known, least);
            (0..points.len())
                .filter(|point| !mattered(*point))
                .for_each(|point| centres[point] = 0.5);
            let along = log_integrals(&centres, &widths, least);
            offsets
                .iter_mut()
                .zip(&along)
                .for_each(|(offset, integral)| *offset -= integral);
            integrals.push(along);
            let coarse = cube
                .cell(dimension, 0.5)
                .is_some_and(|(left, right)| right - left > FINE * least);
            kernels.push(if coarse {
                Kernels::cells(centres, widths)
            } else {
                Kernels::Normal {
                    inverse: widths.iter().map(|width| 1.0 / width).collect(),
                    centres,
                    widths,
                }
            });
        }
        let sums = weights.iter().chain([&PRIOR]).scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self {
            cube,
            kernels,
            sums: sums.collect(),
            integrals,
            logs: Vec::with_capacity(count),
            offsets,
        }
    }

    /// A point drawn from it; not centred.
    pub(super) fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        let kernel = stream.pick(&self.sums);
        self.kernels.iter().map(|kernels| kernels.draw(kernel, stream)).collect()
    }

    /// Logarithm of the density at a (centred) point, up to a summand that depends on the cube only.
    pub(super) fn log_density(&mut self, unit: &[f64]) -> f64 {
        self.logs.clear();
        self.logs.extend_from_slice(&self.offsets);
        let idle = self.cube.idle(unit);
        for (dimension, kernels) in self.kernels.iter().enumerate() {
            // Where it does not matter, all of its values are one: the density is that of the others.
            if idle.as_ref().is_some_and(|idle| idle[dimension]) {
                let integrals = self.logs.iter_mut().zip(&self.integrals[dimension]);
                integrals.for_each(|(log, integral)| *log += integral);
                continue;
            }
            kernels.add(unit[dimension], self.cube.cell(dimension, unit[dimension]), &mut self.logs);
        }
        let largest = self.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let terms = self.logs.iter().map(|log| log - largest).filter(|log| *log > NEGLIGIBLE);
        largest + libm::log(terms.map(libm::exp).sum())
    }
}

impl Kernels {
    fn cells(centres: Vec<f64>, widths: Vec<f64>) -> Self {
        let mut different: Vec<(f64, f64)> = centres.iter().copied().zip(widths.iter().copied()).collect();
        different.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        different.dedup();
        let place = |(centre, width): (&f64, &f64)| {
            different.partition_point(|(other, its_width)| (*other, *its_width) < (*centre, *width))
        };
        Self::Cells {
            which: centres.iter().zip(&widths).map(place).collect(),
            centres,
            widths,
            different,
        }
    }

    fn draw(&self, kernel: usize, stream: &mut Stream) -> f64 {
        match self {
            Self::Normal { centres, widths, .. } | Self::Cells { centres, widths, .. } => loop {
                // At least a third of the draws are inside: centres are, and no width exceeds 1.
                let u = centres[kernel] + widths[kernel] * stream.normal();
                if (0.0..=1.0).contains(&u) {
                    return u;
                }
            },
            Self::Category { centres, own, other, .. } => {
                let any = kernel + 1 == centres.len() || centres[kernel].is_nan() || stream.fraction() >= own - other;
                if any { stream.fraction() } else { centres[kernel] }
            }
        }
    }

    /// Adds each kernel's logarithm at `u`, which lies in `cell`.
    fn add(&self, u: f64, cell: Option<(f64, f64)>, logs: &mut [f64]) {
        match self {
            Self::Normal { centres, inverse, .. } => {
                for ((log, centre), inverse) in logs.iter_mut().zip(centres).zip(inverse) {
                    let z = (u - centre) * inverse;
                    *log -= 0.5 * z * z;
                }
            }
            Self::Cells { different, which, .. } => {
                let (left, right) = cell.expect("a dimension with cells");
                let mass = |(centre, width): &(f64, f64)| {
                    let mass = between((left - centre) / width, (right - centre) / width);
                    // Relative to the density 1 / width that the offsets assume, and to the width of the cell.
                    libm::log((mass * width / (right - left)).max(f64::MIN_POSITIVE))
                };
                let masses: Vec<f64> = different.iter().map(mass).collect();
                logs.iter_mut().zip(which).for_each(|(log, which)| *log += masses[*which]);
            }
            Self::Category {
                cells,
                centres,
                own,
                other,
            } => {
                let (own, other, any) = (libm::log(*own), libm::log(*other), -libm::log(*cells as f64));
                let last = centres.len() - 1;
                for (log, centre) in logs.iter_mut().zip(&centres[..last]) {
                    *log += if centre.is_nan() {
                        any
                    } else if *centre == u {
                        own
                    } else {
                        other
                    };
                }
                logs[last] += any;
            }
        }
    }
}

/// The width of each kernel: the distance to the farther one of its two neighbours among those in `order`, but not less than `least`;
/// 1 of those that are not.
fn widths(centres: &[f64], order: impl Iterator<Item = usize>, least: f64) -> Vec<f64> {
    let mut widths = vec![1.0; centres.len()];
    let (mut count, mut before) = (0, (0, 0.0));
    for point in order {
        let centre = centres[point];
        if count > 0 {
            let (last, place) = before;
            let gap: f64 = centre - place;
            let farther: f64 = if count == 1 { gap } else { gap.max(widths[last]) };
            widths[last] = farther.clamp(least, 1.0);
            widths[point] = gap;
        }
        before = (point, centre);
        count += 1;
    }
    let (last, place) = before;
    match count {
        0 => {}
        1 => widths[last] = place.max(1.0 - place).clamp(least, 1.0),
        _ => widths[last] = widths[last].clamp(least, 1.0),
    }
    widths
}

/// Logarithm of each kernel's integral along a dimension. Most kernels are of the least width and far from the borders: theirs is one
/// and the same to the last bit.
fn log_integrals(centres: &[f64], widths: &[f64], least: f64) -> Vec<f64> {
    let far = WHOLE * least;
    let whole = libm::log(least * SQRT_TAU);
    let integral = |(centre, width): (&f64, &f64)| {
        if *width == least && *centre > far && 1.0 - *centre > far {
            whole
        } else {
            libm::log(*width * inside(*centre, *width))
        }
    };
    centres.iter().zip(widths).map(integral).collect()
}

/// Share of a normal distribution inside [0, 1], times sqrt(2 pi).
fn inside(centre: f64, width: f64) -> f64 {
    between(-centre / width, (1.0 - centre) / width)
}

/// Share of the standard normal distribution between two places, times sqrt(2 pi), precise in both tails.
fn between(from: f64, to: f64) -> f64 {
    let share = if from > 0.0 {
        normal::cumulative(-from) - normal::cumulative(-to)
    } else {
        normal::cumulative(to) - normal::cumulative(from)
    };
    SQRT_TAU * share
}

#[cfg(test)]
mod tests {
    use assay_core::space::{Domain, Parameter, Space};

    use super::*;
    use crate::search::Unit;
    use crate::search::tpe::sorted::with_rest;

    fn parzen<'a>(cube: &'a Cube, points: &[&[f64]]) -> Parzen<'a> {
        let order = with_rest(vec![Vec::new(); cube.dimensions().len()], points);
        Parzen::new(cube, points, &order, &vec![1.0; points.len()], 1.0)
    }

    fn cube() -> Cube {
        let parameter = |name: &str, domain: Domain| Parameter {
            name: name.to_owned(),
            domain,
            default: None,
        };
        let (step, steps, log) = (None, None, false);
        let (low, high) = (0.0, 1.0);
        let texts = ["a", "b", "c"].map(str::to_owned);
        let int = |low, high, log| Domain::Int { low, high, step: 1, log };
        let params = vec![
            parameter(
                "a",
                Domain::Float {
                    low,
                    high,
                    step,
                    steps,
                    log,
                },
            ),
            parameter("b", int(1, 4, false)),
            parameter("c", int(1, 7, true)),
            parameter("d", Domain::Choice(texts.into())),
            parameter("e", int(1, 4_000, false)),
        ];
        Cube::new(&Space {
            params,
            ..Space::default()
        })
        .unwrap()
    }

    #[test]
    fn a_density_has_the_volume_one_over_coarse_and_fine_cells() {
        let cube = cube();
        let mut stream = Stream::new(3, 0);
        let mut draw = || -> Unit { cube.centre(&[(); 5].map(|()| stream.fraction())) };
        let points: Vec<Unit> = (0..12).map(|_| draw()).collect();
        let points: Vec<&[f64]> = points.iter().map(|unit| &**unit).collect();
        let mut parzen = parzen(&cube, &points);
        // Uniform draws hit each cell in proportion to its width. Of a text the density is its probability, thrice its share.
        let draws = 100_000;
        let densities = (0..draws).map(|_| libm::exp(parzen.log_density(&draw())));
        let volume = densities.sum::<f64>() / f64::from(draws) * 3.0;
        assert!((volume - 1.0).abs() < 0.05, "{volume}");
    }

    #[test]
    fn a_parameter_is_learned_from_the_points_at_which_it_matters() {
        let number = Domain::Float {
            low: 0.0,
            high: 1.0,
            step: None,
            steps: None,
            log: false,
        };
        let parameter = |name: &str, domain: Domain| Parameter {
            name: name.to_owned(),
            domain,
            default: None,
        };
        let texts = ["one", "two"].map(str::to_owned);
        let cube = Cube::new(&Space {
            params: vec![
                parameter("mode", Domain::Choice(texts.into())),
                parameter("x", number.clone()),
                parameter("y", number),
            ],
            when: [("y".to_owned(), "mode == 'two'".to_owned())].into(),
            ..Space::default()
        })
        .unwrap();
        let [one, two] = [0.25, 0.75];
        // Thirty points at which y rests at 0, and one at which it matters.
        let mut points: Vec<Unit> = (0..30).map(|i| cube.centre(&[one, f64::from(i) / 30.0, 0.9])).collect();
        assert!(points.iter().all(|unit| unit[2] == 0.0));
        points.push(cube.centre(&[two, 0.5, 0.7]));
        let points: Vec<&[f64]> = points.iter().map(|unit| &**unit).collect();
        let mut parzen = parzen(&cube, &points);
        let mut at = |mode: f64, y: f64| parzen.log_density(&[mode, 0.5, y]);
        assert!(at(two, 0.7) > at(two, 0.0), "resting is no evidence for the place of rest");
        assert_eq!(
            at(one, 0.0).to_bits(),
            at(one, 0.9).to_bits(),
            "where it does not matter every value is one"
        );
        // Over y where it matters, and not where it does not, the density has the volume one.
        let steps = 4_000;
        let mut stream = Stream::new(9, 0);
        let mut volume = 0.0;
        for _ in 0..steps {
            let unit = [stream.fraction(), stream.fraction(), stream.fraction()];
            let unit = [if unit[0] < 0.5 { one } else { two }, unit[1], unit[2]];
            // Of a text the density is its probability, twice its share.
            volume += 2.0 * libm::exp(parzen.log_density(&unit)) / f64::from(steps);
        }
        assert!((volume - 1.0).abs() < 0.05, "{volume}");
        // Of what does not matter every kernel draws evenly.
        let drawn = (0..2_000).map(|_| parzen.draw(&mut stream)).filter(|unit| unit[0] < 0.5);
        let low = drawn.map(|unit| f64::from(u8::from(unit[2] < 0.1)));
        let (count, sum) = low.fold((0.0, 0.0), |(count, sum), x| (count + 1.0, sum + x));
        assert!(sum / count < 0.2, "{sum} of {count}");
    }

    #[test]
    fn draws_follow_the_density() {
        let cube = cube();
        let centre = cube.centre(&[0.2, 0.9, 0.1, 0.5, 0.5]);
        let parzen = parzen(&cube, &[&*centre; 30]);
        let mut stream = Stream::new(4, 0);
        let near = |unit: &[f64]| (unit[0] - 0.2).abs() < 0.1 && cube.centre(unit)[3] == centre[3];
        let hits = (0..1000).filter(|_| near(&parzen.draw(&mut stream))).count();
        // Thirty of 31 draws are of narrow kernels, whose width is 1 / 32, and of these 32 of 34 have their own text.
        assert!((880..940).contains(&hits), "{hits}");
    }

    #[test]
    fn the_width_is_the_distance_to_the_farther_neighbour() {
        let widths = |centres: &[f64]| {
            let mut order: Vec<usize> = (0..centres.len()).collect();
            order.sort_by(|a, b| centres[*a].total_cmp(&centres[*b]));
            widths(centres, order.into_iter(), 0.01)
        };
        assert_eq!(widths(&[0.5, 0.125, 0.25]), [0.25, 0.125, 0.25]);
        assert_eq!(widths(&[0.25]), [0.75]);
        assert_eq!(widths(&[0.25, 0.25]), [0.01, 0.01]);
        assert!(widths(&[]).is_empty());
        assert_eq!(super::widths(&[0.5, 0.3, 0.25], [2, 0].into_iter(), 0.01), [0.25, 1.0, 0.25]);
    }

    #[test]
    fn integrals_of_narrow_kernels_are_those_of_all_others() {
        let least = 0.01;
        let centres: Vec<f64> = (0..=1_000).map(|i| f64::from(i) / 1_000.0).collect();
        let short = log_integrals(&centres, &vec![least; centres.len()], least);
        for (centre, short) in centres.iter().zip(short) {
            assert_eq!(
                short.to_bits(),
                libm::log(least * inside(*centre, least)).to_bits(),
                "{centre}"
            );
        }
    }
}
