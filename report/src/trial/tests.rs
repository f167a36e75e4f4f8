//! Pages of trials as a whole.

use crate::ink::Ink;
use crate::shape::{Picture, Shape};
use crate::testing::{figure, well_drawn};
use crate::trial::{Prices, TRIAL_PICTURES, TradeMark, TrialReport, trial_page};

const HOUR: i64 = 3_600_000_000_000;

/// Prices that go up and down, and a trade every so many bars.
fn sample(bars: usize, every: usize) -> TrialReport {
    let wave = |i: usize| 100.0 + 10.0 * libm::sin(i as f64 / 37.0) + i as f64 * 20.0 / bars as f64;
    let close: Vec<f64> = (0..bars).map(wave).collect();
    let equity: Vec<f64> = close.iter().map(|p| 10_000.0 * (1.0 + (p - 100.0) / 300.0)).collect();
    let trade = |entry: usize| {
        let exit = (entry + every / 2).min(bars - 1);
        TradeMark {
            long: entry.is_multiple_of(2 * every),
            entry_bar: entry,
            exit_bar: exit,
            entry_price: close[entry],
            exit_price: close[exit],
            pnl: (close[exit] - close[entry]) * 10.0,
            ret: close[exit] / close[entry] - 1.0,
            fees: 1.5,
            open: exit + 1 == bars,
        }
    };
    let days: Vec<usize> = (23..bars).step_by(24).collect();
    TrialReport {
        title: "t_0123456789abcdef_0_7".to_owned(),
        times: (0..bars as i64).map(|i| 1_700_000_000_000_000_000 + i * HOUR).collect(),
        benchmark: close.iter().map(|p| p * 100.0).collect(),
        returns: days.windows(2).map(|pair| equity[pair[1]] / equity[pair[0]] - 1.0).collect(),
        return_bars: days[1.min(days.len())..].to_vec(),
        trades: (0..bars - 1).step_by(every).map(trade).collect(),
        prices: Prices {
            open: close.iter().map(|p| p - 0.4).collect(),
            high: close.iter().map(|p| p + 1.0).collect(),
            low: close.iter().map(|p| p - 1.0).collect(),
            close,
        },
        equity,
        capital: 10_000.0,
        currency: "USD".to_owned(),
        sampling: "day".to_owned(),
        periods_per_year: 365.0,
        ..TrialReport::default()
    }
}

fn count(picture: &Picture, ink: Ink) -> usize {
    let is = |shape: &&Shape| match shape {
        Shape::Line { ink: used, .. }
        | Shape::Area { ink: used, .. }
        | Shape::Bar { ink: used, .. }
        | Shape::Dot { ink: used, .. }
        | Shape::Text { ink: used, .. } => *used == ink,
    };
    picture.shapes.iter().filter(is).count()
}

#[test]
fn every_picture_shows_the_trial() {
    let trial = sample(6_000, 120);
    let page = trial_page(&trial);
    let names: Vec<&str> = page.figures().map(|figure| figure.name).collect();
    assert_eq!(names, TRIAL_PICTURES);
    for figure in page.figures() {
        well_drawn(&figure.picture, figure.name);
    }
    let equity = &figure(&page, "equity").picture;
    let longest = |ink: Ink| {
        let points = equity.shapes.iter().filter_map(|shape| match shape {
            Shape::Line { points, ink: used, .. } if *used == ink => Some(points),
            _ => None,
        });
        points.max_by_key(|points| points.len()).expect("a line of this ink")
    };
    // As many points as can be seen, from end to end, and both curves where they are.
    for ink in [Ink::Main, Ink::Other, Ink::Bad] {
        let line = longest(ink);
        assert!(line.len() > 1_000, "{ink:?}: {}", line.len());
        assert!(line[0].0 < 90.0 && line[line.len() - 1].0 > 940.0);
    }
    let highest = longest(Ink::Main).iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let lowest = longest(Ink::Main).iter().map(|p| p.1).fold(0.0, f64::max);
    assert!(lowest - highest > 40.0, "the curve is flat");
    let price = &figure(&page, "price").picture;
    let (won, lost) = trial.trades.iter().partition::<Vec<_>, _>(|trade| trade.pnl > 0.0);
    // A line and a dot each, and one stroke in the legend.
    assert_eq!(count(price, Ink::Good), 2 * won.len() + 1);
    assert_eq!(count(price, Ink::Bad), 2 * lost.len() + 1);
    // An arrow by its side, up or down, for each and one in the legend.
    let arrows = |ink: Ink, up: bool| {
        let tips = price.shapes.iter().filter(|shape| match shape {
            Shape::Area { points, ink: used, .. } => *used == ink && (points[2].1 < points[0].1) == up,
            _ => false,
        });
        tips.count()
    };
    let long = trial.trades.iter().filter(|trade| trade.long).count();
    let short = trial.trades.len() - long;
    assert_eq!([arrows(Ink::Long, true), arrows(Ink::Short, false)], [long + 1, short + 1]);
    assert_eq!([arrows(Ink::Long, false), arrows(Ink::Short, true)], [0, 0]);
    // An arrow and a bar in its lane each, and the lane's name.
    assert_eq!(
        [count(price, Ink::Long), count(price, Ink::Short)],
        [2 * long + 2, 2 * short + 2]
    );
    let exposure = &figure(&page, "exposure").picture;
    let heights = |ink: Ink| {
        let bars = exposure.shapes.iter().filter_map(move |shape| match shape {
            Shape::Bar { from, to, ink: used, .. } if *used == ink => Some(to.1 - from.1),
            _ => None,
        });
        bars.fold(0.0, f64::max)
    };
    assert!(
        heights(Ink::Long) > 40.0 && heights(Ink::Short) > 40.0,
        "both sides can be seen"
    );
    let months = (0..Ink::BALANCES).map(|step| count(&figure(&page, "monthly").picture, Ink::Balance(step)));
    assert_eq!(months.sum::<usize>(), 9);
}

#[test]
fn few_bars_become_candles_and_many_trades_lose_their_arrows() {
    let few = trial_page(&sample(150, 50));
    let candles = count(&figure(&few, "price").picture, Ink::Other);
    assert!(candles >= 300, "{candles}");
    let many = trial_page(&sample(20_000, 4));
    let picture = &figure(&many, "price").picture;
    assert!(picture.shapes.len() < 3_100, "{}", picture.shapes.len());
    assert!(figure(&many, "price").note.contains("one of 2 is drawn"));
}

#[test]
fn a_trial_without_trades_and_one_of_a_single_bar_have_pages() {
    let mut quiet = sample(300, 20);
    quiet.trades.clear();
    let page = trial_page(&quiet);
    assert_eq!(page.figures().count(), 5);
    let single = TrialReport {
        times: vec![1_700_000_000_000_000_000],
        equity: vec![10_000.0],
        benchmark: vec![10_000.0],
        prices: Prices {
            open: vec![1.0],
            high: vec![1.0],
            low: vec![1.0],
            close: vec![1.0],
        },
        capital: 10_000.0,
        ..TrialReport::default()
    };
    for page in [trial_page(&single), trial_page(&TrialReport::default()), page] {
        assert!(crate::html(&page).unwrap().contains("<svg"));
        assert!(crate::svg(&page).unwrap().starts_with("<svg "));
        assert_eq!(&crate::png(&page, true).unwrap()[1..4], b"PNG");
    }
}

#[test]
fn a_million_bars_stay_a_small_page() {
    let page = trial_page(&sample(1_000_000, 5_000));
    let text = crate::html(&page).unwrap();
    assert!(text.len() < 1_000_000, "{} bytes", text.len());
}
