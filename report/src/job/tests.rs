//! Pages of jobs as a whole.

use assay_core::metrics::Unit;

use super::*;
use crate::ink::Ink;
use crate::shape::Shape;
use crate::testing::{figure, well_drawn};

/// A hill over `fast` and `slow`, better for `ema`, and a parameter that does nothing.
fn sample(points: usize) -> JobReport {
    let mut state = 7u64;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut values = vec![Vec::new(); 4];
    let mut objective = Vec::new();
    for _ in 0..points {
        let (band, fast) = (libm::pow(10.0, -4.0 + 2.0 * draw()), (2.0 + draw() * 30.0).floor());
        let (mode, slow) = ((draw() * 2.0).floor(), (20.0 + draw() * 180.0).floor());
        let hill = 2.0 - (fast - 12.0).abs() / 10.0 - (slow - 90.0).abs() / 60.0 + 0.3 * mode + 0.5 * (draw() - 0.5);
        objective.push(if draw() < 0.01 { f64::NAN } else { hill });
        [band, fast, mode, slow]
            .into_iter()
            .zip(&mut values)
            .for_each(|(x, column)| column.push(x));
    }
    let parameter = |name: &str, log| Parameter {
        name: name.to_owned(),
        log,
        choices: Vec::new(),
    };
    let best = (0..points)
        .filter(|i| objective[*i].is_finite())
        .max_by(|a, b| objective[*a].total_cmp(&objective[*b]));
    let mut best_so_far: Vec<(u64, f64)> = Vec::new();
    for (i, x) in objective.iter().enumerate() {
        if x.is_finite() && best_so_far.last().is_none_or(|step| *x > step.1) {
            best_so_far.push((i as u64, *x));
        }
    }
    let importance = |names: &[&str], share| Importance {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        share,
        spread: share / 10.0,
    };
    JobReport {
        title: "hill".to_owned(),
        subtitle: "a job that never was".to_owned(),
        facts: vec![("trials".to_owned(), points.to_string())],
        footer: String::new(),
        goal: Goal {
            name: "sharpe".to_owned(),
            unit: Unit::Plain,
            smaller: false,
        },
        params: vec![
            parameter("band", true),
            parameter("fast", false),
            Parameter {
                name: "mode".to_owned(),
                log: false,
                choices: vec!["sma".to_owned(), "ema".to_owned()],
            },
            parameter("slow", false),
        ],
        best: best.map(|i| Best {
            values: values.iter().map(|column| column[i]).collect(),
            objective: objective[i],
            trial: "t_1".to_owned(),
        }),
        sample: Sample {
            position: (0..points as u64).collect(),
            total: points as u64,
            values,
            objective,
        },
        best_so_far,
        leaderboard: Table::new("Leaderboard", [("rank", true)]).row(["1".to_owned()]),
        importance: vec![
            importance(&["slow"], 0.5),
            importance(&["fast"], 0.3),
            importance(&["fast", "slow"], 0.05),
        ],
        verdict: None,
        front: Some(Front {
            names: ["sharpe".to_owned(), "max_drawdown".to_owned()],
            smaller: [false, true],
            units: [Unit::Plain, Unit::Ratio],
            front: (0..9).map(|i| [f64::from(i), -f64::from(i * i) / 100.0]).collect(),
            others: (0..300)
                .map(|i| [f64::from(i % 8), -0.9 + f64::from(i % 13) / 100.0])
                .collect(),
            hypervolume: (0..20).map(|i| (i * 10, 1.0 - 1.0 / (i as f64 + 1.0))).collect(),
        }),
        walks: vec![walk()],
    }
}

/// Eight folds of a month each.
fn walk() -> Walk {
    const MONTH: i64 = 30 * 86_400_000_000_000;
    let fold = |i: i64| Fold {
        name: format!("2023-{:02}", i + 1),
        from: i * MONTH,
        inside: Some(1.5 + (i % 3) as f64 / 10.0),
        outside: (i != 5).then_some((i % 4) as f64 / 2.0 - 0.5),
        efficiency: (i != 5).then_some((i % 4) as f64 / 2.0 - 0.5),
    };
    let drift = |name: &str, known: bool| Drift {
        name: name.to_owned(),
        values: (0..8).map(|i| (known && i != 5).then_some(f64::from(i * 7 % 5))).collect(),
        range: (0.0, 5.0),
        share: Some(0.4),
    };
    Walk {
        instrument: None,
        capital: 100.0,
        curve: (1..=240)
            .map(|i| (i * MONTH / 30, 100.0 + 10.0 * libm::sin(i as f64 / 20.0)))
            .collect(),
        folds: (0..8).map(fold).collect(),
        efficiency: Some(0.25),
        drift: vec![drift("fast", true), drift("still", false), drift("slow", true)],
        table: Table::new("Folds", [("fold", true)]).row(["0".to_owned()]),
    }
}

#[test]
fn every_picture_shows_the_job() {
    let job = sample(20_000);
    let page = job_page(&job);
    let names: Vec<&str> = page.figures().map(|figure| figure.name).collect();
    let expected = [
        "objective",
        "convergence",
        "importance",
        "heatmap",
        "heatmap",
        "heatmap",
        "slices",
        "parallel",
        "front",
        "hypervolume",
        "walk",
        "folds",
        "efficiency",
        "drift",
    ];
    assert_eq!(names, expected);
    assert!(names.iter().all(|name| JOB_PICTURES.contains(name)));
    for figure in page.figures() {
        well_drawn(&figure.picture, figure.name);
    }
    // All that is defined is in the bars, as high as it should be.
    let objective = &figure(&page, "objective").picture;
    let heights = objective.shapes.iter().filter_map(|shape| match shape {
        Shape::Bar {
            from,
            to,
            ink: Ink::Crowd,
            ..
        } => Some(to.1 - from.1),
        _ => None,
    });
    let heights: Vec<f64> = heights.collect();
    assert!(
        heights.len() > 40 && heights.iter().copied().fold(0.0, f64::max) > 190.0,
        "{heights:?}"
    );
    // The heatmap of the two that matter most has hot cells around the hill, inside the plateau's line.
    let heat = page.figures().find(|figure| figure.name == "heatmap").unwrap();
    assert_eq!(heat.title, "sharpe over fast and slow");
    let inks = heat.picture.shapes.iter().filter_map(|shape| match shape {
        Shape::Bar {
            ink: Ink::Heat(step), ..
        } => Some(*step),
        _ => None,
    });
    let steps: std::collections::BTreeSet<u8> = inks.collect();
    assert!(steps.len() > 12, "{steps:?}");
    let marked = heat
        .picture
        .shapes
        .iter()
        .filter(|shape| matches!(shape, Shape::Line { ink: Ink::Mark, .. }));
    assert!(marked.count() >= 8);
    let lines = figure(&page, "parallel").picture.shapes.iter().filter(|shape| match shape {
        Shape::Line { points, .. } => points.len() == 5,
        _ => false,
    });
    assert_eq!(lines.count(), 351);
}

#[test]
fn axes_of_a_front_say_which_way_is_better() {
    let page = job_page(&sample(200));
    let texts: Vec<&str> = figure(&page, "front").picture.texts().collect();
    for wanted in ["sharpe, higher is better", "max_drawdown, lower is better"] {
        assert!(texts.contains(&wanted), "{texts:?}");
    }
}

#[test]
fn the_best_trial_does_not_hide_the_number_of_its_cell() {
    let mut small = sample(9);
    let column = |of: fn(i32) -> i32| -> Vec<f64> { (0..9).map(|i| f64::from(of(i))).collect() };
    small.sample.values = vec![column(|_| 1), column(|i| i % 3), column(|_| 0), column(|i| i / 3)];
    small.sample.objective = (0..9).map(|i| f64::from(i) / 7.0).collect();
    let best = small.best.as_mut().unwrap();
    (best.values, best.objective) = (vec![1.0, 2.0, 0.0, 2.0], 8.0 / 7.0);
    let page = job_page(&small);
    let shapes = &figure(&page, "heatmap").picture.shapes;
    let dot = shapes.iter().find_map(|shape| match shape {
        Shape::Dot { at, ink: Ink::Mark, .. } => Some(*at),
        _ => None,
    });
    let (x, y) = dot.expect("the best trial");
    let beside = shapes.iter().filter_map(|shape| match shape {
        Shape::Text { at, text, .. } if at.1 == y && text == "1.1429" => Some((at.0 - x).abs()),
        _ => None,
    });
    let beside: Vec<f64> = beside.collect();
    assert!(
        beside.len() == 1 && beside[0] > crate::shape::width_of("1.1429", 12.0) / 2.0 + 6.0,
        "{beside:?}"
    );
}

#[test]
fn a_walk_shows_its_curve_and_where_its_winners_went() {
    let page = job_page(&sample(200));
    // Four of eight folds are shaded; the fold without a winner has no bar out of sample.
    let shades = |name: &str, of: Ink| {
        let shapes = figure(&page, name).picture.shapes.iter();
        shapes
            .filter(|shape| matches!(shape, Shape::Bar { ink, .. } if *ink == of))
            .count()
    };
    assert_eq!(shades("walk", Ink::Grid), 4);
    assert_eq!(shades("folds", Ink::Crowd), 8 + 1, "and the legend's");
    assert_eq!(shades("efficiency", Ink::Good) + shades("efficiency", Ink::Bad), 7);
    let ways = figure(&page, "drift")
        .picture
        .shapes
        .iter()
        .filter(|shape| matches!(shape, Shape::Dot { .. }));
    assert_eq!(ways.count(), 2 * 7, "two parameters in seven folds");
    let lost = Walk {
        curve: Vec::new(),
        folds: vec![Fold::default()],
        efficiency: None,
        ..Walk::default()
    };
    let mut job = sample(50);
    job.walks = vec![lost];
    assert_eq!(job_page(&job).figures().filter(|figure| figure.name == "folds").count(), 1);
    assert!(job_page(&job).figures().all(|figure| figure.name != "walk"));
}

#[test]
fn a_million_points_are_drawn_in_a_small_page() {
    let mut job = sample(50_000);
    for column in job.sample.values.iter_mut().chain([&mut job.sample.objective]) {
        *column = column.iter().copied().cycle().take(1_000_000).collect();
    }
    job.sample.position = (0..1_000_000).collect();
    job.sample.total = 1_000_000;
    let text = crate::html(&job_page(&job)).unwrap();
    assert!(text.len() < 2_000_000, "{} bytes", text.len());
}

#[test]
fn jobs_with_little_to_show_have_pages() {
    let mut nothing = sample(50);
    nothing.sample.objective.fill(f64::NAN);
    (nothing.best, nothing.front) = (None, None);
    (nothing.walks, nothing.best_so_far) = (Vec::new(), Vec::new());
    let page = job_page(&nothing);
    assert_eq!(page.figures().count(), 0);
    let mut single = sample(1);
    single.sample.objective = vec![1.0];
    single.best.iter_mut().for_each(|best| best.objective = 1.0);
    for page in [page, job_page(&single), job_page(&sample(3))] {
        assert!(crate::html(&page).unwrap().contains("</html>"));
        assert!(crate::png(&page, false).unwrap().len() > 1_000);
    }
    let mut smaller = sample(2_000);
    smaller.goal.smaller = true;
    let svg = crate::svg(&job_page(&smaller)).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("prefers-color-scheme"));
    assert!(
        job_page(&sample(2_000))
            .only("folds")
            .is_some_and(|page| page.blocks.len() == 1)
    );
    assert!(job_page(&sample(2_000)).only("nonsense").is_none());
}
