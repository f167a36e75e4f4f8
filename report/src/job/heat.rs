//! The objective over two parameters.

use super::bins::{Bins, grouped, quantile};
use super::{Goal, JobReport};
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, HALF};
use crate::shape::{Anchor, At, Picture, SIZE, shortened, width_of};

/// Share of the cells that may belong to a plateau.
const PLATEAU: f64 = 0.1;
const HEIGHT: f64 = 322.0;
/// Room that the dot of the best trial takes beside a number.
const DOT: f64 = 20.0;

/// Medians over two binned parameters; cells without a trial are `None`. Cell `(i, j)` is at `i * columns + j`, `j` counting bins
/// of the first parameter.
pub(super) struct Cells {
    columns: usize,
    rows: usize,
    medians: Vec<Option<f64>>,
    counts: Vec<usize>,
}

impl Cells {
    fn of(job: &JobReport, (a, b): (usize, usize), across: &Bins, up: &Bins) -> Self {
        let (columns, rows) = (across.len(), up.len());
        let (xs, ys) = (&job.sample.values[a], &job.sample.values[b]);
        let cell = |i: usize| up.index(ys[i]) * columns + across.index(xs[i]);
        let mut groups = grouped(&job.sample.objective, columns * rows, cell);
        Self {
            columns,
            rows,
            counts: groups.iter().map(Vec::len).collect(),
            medians: groups.iter_mut().map(|values| quantile(values, 0.5)).collect(),
        }
    }

    /// Indices around a cell, itself among them.
    fn around(&self, cell: usize) -> impl Iterator<Item = usize> + '_ {
        let (row, column) = (cell / self.columns, cell % self.columns);
        let rows = row.saturating_sub(1)..=(row + 1).min(self.rows - 1);
        rows.flat_map(move |r| {
            let columns = column.saturating_sub(1)..=(column + 1).min(self.columns - 1);
            columns.map(move |c| r * self.columns + c)
        })
    }

    /// The connected cells around the one whose neighbourhood does best: the score of a cell is the median over itself and its
    /// neighbours (of which at least half must have a trial), and those of the best tenth belong to it. A spike has bad neighbours, so it is none.
    fn plateau(&self, goal: &Goal) -> Vec<bool> {
        let score = |cell: usize| {
            self.medians[cell]?;
            let all = self.around(cell).count();
            let mut values: Vec<f64> = self
                .around(cell)
                .filter_map(|c| self.medians[c])
                .map(|x| goal.score(x))
                .collect();
            if 2 * values.len() < all {
                None
            } else {
                quantile(&mut values, 0.5)
            }
        };
        let scores: Vec<Option<f64>> = (0..self.medians.len()).map(score).collect();
        let mut known: Vec<f64> = scores.iter().copied().flatten().collect();
        let mut inside = vec![false; scores.len()];
        let Some(least) = quantile(&mut known, 1.0 - PLATEAU) else {
            return inside;
        };
        let best = (0..scores.len()).max_by(|a, b| {
            let of = |cell: &usize| scores[*cell].unwrap_or(f64::NEG_INFINITY);
            of(a).total_cmp(&of(b)).then(b.cmp(a))
        });
        let mut open: Vec<usize> = best.into_iter().collect();
        while let Some(cell) = open.pop() {
            if inside[cell] || scores[cell].is_none_or(|score| score < least) {
                continue;
            }
            inside[cell] = true;
            let (row, column) = (cell / self.columns, cell % self.columns);
            open.extend(
                self.around(cell)
                    .filter(|c| c / self.columns == row || c % self.columns == column),
            );
        }
        inside
    }
}

/// Where cells are drawn.
struct Lattice {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    columns: usize,
    rows: usize,
}

impl Lattice {
    /// Left, top, right and bottom of a cell; large values are above.
    fn cell(&self, cell: usize) -> [f64; 4] {
        let (row, column) = (cell / self.columns, cell % self.columns);
        let (w, h) = (self.width / self.columns as f64, self.height / self.rows as f64);
        let (left, top) = (self.left + w * column as f64, self.top + h * (self.rows - 1 - row) as f64);
        [left, top, left + w, top + h]
    }
}

/// A heatmap of the median objective over two parameters, whatever the others were.
pub(super) fn figure(job: &JobReport, pair: (usize, usize), half: bool) -> Figure {
    let [x, y] = [pair.0, pair.1].map(|i| &job.params[i]);
    let (across, up) = (
        Bins::of(x, &job.sample.values[pair.0]),
        Bins::of(y, &job.sample.values[pair.1]),
    );
    let cells = Cells::of(job, pair, &across, &up);
    let title = format!("{} over {} and {}", job.goal.name, x.name, y.name);
    let draw = |width: f64| drawn(job, pair, &cells, [&across, &up], width);
    if half {
        Figure::new("heatmap", title, note(&cells), draw(HALF))
    } else {
        Figure::wide("heatmap", title, note(&cells), draw)
    }
}

fn drawn(job: &JobReport, pair: (usize, usize), cells: &Cells, [across, up]: [&Bins; 2], width: f64) -> Picture {
    let mut picture = Picture::new(width, 430.0);
    let [x, y] = [pair.0, pair.1].map(|i| &job.params[i]);
    let rows = up.marks((HEIGHT / 20.0) as usize);
    let longest = rows
        .iter()
        .map(|(_, name)| width_of(&shortened(name, 12), SIZE))
        .fold(0.0, f64::max);
    let left = longest + 18.0;
    let lattice = Lattice {
        left,
        top: 56.0,
        width: width - left - 8.0,
        height: HEIGHT,
        columns: cells.columns,
        rows: cells.rows,
    };
    let scale = Range::of(cells, &job.goal);
    let best = job
        .best
        .as_ref()
        .map(|best| up.index(best.values[pair.1]) * cells.columns + across.index(best.values[pair.0]));
    for (cell, median) in cells.medians.iter().enumerate() {
        let Some(median) = median else { continue };
        let [l, t, r, b] = lattice.cell(cell);
        let ink = Ink::heat(scale.share(job.goal.score(*median)));
        let gap = if (r - l).min(b - t) > 8.0 { 0.5 } else { 0.0 };
        picture.bar((l + gap, t + gap), (r - gap, b - gap), ink, 1.0);
        let text = job.goal.text(*median);
        // The dot of the best trial stands before its number, or alone.
        let dot = if best == Some(cell) { DOT } else { 0.0 };
        if width_of(&text, SIZE) + dot < r - l - 6.0 && b - t > 16.0 {
            let middle = (f64::midpoint(l, r) + dot / 2.0, f64::midpoint(t, b));
            if dot > 0.0 {
                mark(&mut picture, (middle.0 - width_of(&text, SIZE) / 2.0 - dot / 2.0, middle.1));
            }
            picture.text(middle, text, Anchor::Middle, ink.words());
        } else if dot > 0.0 {
            mark(&mut picture, (f64::midpoint(l, r), f64::midpoint(t, b)));
        }
    }
    outline(&mut picture, &lattice, &cells.plateau(&job.goal));
    names(&mut picture, &lattice, across, rows);
    picture.words((4.0, 40.0), shortened(&y.name, 30), Anchor::Start, Ink::Text, SIZE, true);
    let below = (lattice.left + lattice.width, 418.0);
    picture.words(below, shortened(&x.name, 30), Anchor::End, Ink::Text, SIZE, true);
    scale.legend(&mut picture, &job.goal, width);
    picture
}

/// The best trial, on a rim that keeps it apart from any heat.
fn mark(picture: &mut Picture, at: At) {
    picture.dot(at, 6.0, Ink::OnDark, 1.0);
    picture.dot(at, 4.2, Ink::Mark, 1.0);
}

fn note(cells: &Cells) -> String {
    let counts = cells.counts.iter().copied().filter(|count| *count > 0);
    let (least, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
    let trials = if least == most {
        human::count(most as i64)
    } else {
        format!("{} to {}", human::count(least as i64), human::count(most as i64))
    };
    let word = if most == 1 { "trial" } else { "trials" };
    format!("median of {trials} {word} a cell; orange line: the plateau; dot: the best trial")
}

/// Names of columns below and of rows to the left, as many as there is room for.
fn names(picture: &mut Picture, lattice: &Lattice, across: &Bins, rows: Vec<(f64, String)>) {
    let bottom = lattice.top + lattice.height;
    let wide = lattice.width / lattice.columns as f64;
    let placed = |(at, name): (f64, String)| (lattice.left + wide * at, shortened(&name, 12));
    let columns = |most: usize| -> Vec<(f64, String)> { across.marks(most).into_iter().map(placed).collect() };
    let apart = |marks: &Vec<(f64, String)>| {
        marks.windows(2).all(|pair| {
            let halves = f64::midpoint(width_of(&pair[0].1, SIZE), width_of(&pair[1].1, SIZE));
            pair[1].0 - pair[0].0 > halves + 8.0
        })
    };
    let found = (2..=(lattice.width / 24.0) as usize).rev().map(columns).find(apart);
    for (x, name) in found.unwrap_or_default() {
        picture.text((x, bottom + 14.0), name, Anchor::Middle, Ink::Muted);
    }
    let high = lattice.height / lattice.rows as f64;
    for (at, name) in rows {
        let y = bottom - high * at;
        picture.text((lattice.left - 8.0, y), shortened(&name, 12), Anchor::End, Ink::Muted);
    }
}

/// A line around all cells of a region.
fn outline(picture: &mut Picture, lattice: &Lattice, inside: &[bool]) {
    let columns = lattice.columns as isize;
    for cell in (0..inside.len()).filter(|cell| inside[*cell]) {
        let [l, t, r, b] = lattice.cell(cell);
        let (row, column) = ((cell / lattice.columns) as isize, (cell % lattice.columns) as isize);
        let is_inside = |row: isize, column: isize| {
            let known = (0..lattice.rows as isize).contains(&row) && (0..columns).contains(&column);
            known && inside[(row * columns + column) as usize]
        };
        let sides = [
            ((0, -1), [(l, t), (l, b)]),
            ((0, 1), [(r, t), (r, b)]),
            ((1, 0), [(l, t), (r, t)]),
            ((-1, 0), [(l, b), (r, b)]),
        ];
        for ((dr, dc), side) in sides {
            if !is_inside(row + dr, column + dc) {
                picture.line(side.to_vec(), Ink::Mark, 2.5);
            }
        }
    }
}

/// Scores from cold to hot: all but the outermost fiftieths.
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    fn of(cells: &Cells, goal: &Goal) -> Self {
        let mut scores: Vec<f64> = cells.medians.iter().flatten().map(|x| goal.score(*x)).collect();
        let low = quantile(&mut scores, 0.02).unwrap_or(0.0);
        let high = quantile(&mut scores, 0.98).unwrap_or(0.0);
        Self { low, high }
    }

    fn share(&self, score: f64) -> f64 {
        if self.high > self.low {
            (score - self.low) / (self.high - self.low)
        } else {
            0.5
        }
    }

    fn legend(&self, picture: &mut Picture, goal: &Goal, width: f64) {
        let (low, high) = (goal.text(goal.score(self.low)), goal.text(goal.score(self.high)));
        let (step, steps) = (9.0, f64::from(Ink::HEATS));
        let right = width - 8.0 - width_of(&high, SIZE) - 8.0;
        let left = right - step * steps;
        for heat in 0..Ink::HEATS {
            let x = left + step * f64::from(heat);
            picture.bar((x, 10.0), (x + step, 20.0), Ink::Heat(heat), 1.0);
        }
        picture.text((left - 8.0, 15.0), low, Anchor::End, Ink::Muted);
        picture.text((right + 8.0, 15.0), high, Anchor::Start, Ink::Muted);
    }
}

#[cfg(test)]
mod tests {
    use assay_core::metrics::Unit;

    use super::*;

    #[test]
    fn the_plateau_is_where_neighbours_do_well_and_not_the_spike() {
        let goal = Goal {
            name: "sharpe".to_owned(),
            unit: Unit::Plain,
            smaller: false,
        };
        let mut medians: Vec<Option<f64>> = vec![Some(0.0); 100];
        // A broad hill of 1, and a single 9 far from it.
        for row in 5..9 {
            for column in 5..9 {
                medians[row * 10 + column] = Some(1.0);
            }
        }
        medians[11] = Some(9.0);
        let cells = Cells {
            columns: 10,
            rows: 10,
            counts: vec![1; 100],
            medians,
        };
        let inside = cells.plateau(&goal);
        assert!(inside[6 * 10 + 6] && inside[7 * 10 + 7] && !inside[11]);
        let count = inside.iter().filter(|x| **x).count();
        assert!((4..=16).contains(&count), "{count}");
    }
}
