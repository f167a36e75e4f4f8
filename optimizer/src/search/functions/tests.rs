use super::*;

const X: [f64; 8] = [0.3, 0.7, 0.2, 0.9, 0.45, 0.6, 0.1, 0.8];

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{found} is not {expected}"
    );
}

#[test]
fn values_are_those_of_pymoo() {
    // pymoo 0.6.2; Levy, Michalewicz and the ellipsoid by numpy from their formulas.
    let expected: [(Function, &[f64]); 17] = [
        (Zdt1, &[0.3, 4.499_903_478_428_605]),
        (Zdt2, &[0.3, 5.805_968_448_729_184_5]),
        (Zdt3, &[0.3, 4.499_903_478_428_604]),
        (Zdt4, &[0.3, 75.549_215_054_861_36]),
        (Zdt6, &[0.987_578_937_888_227_4, 8.587_627_420_908_314]),
        (Dtlz1, &[26.486_25, 11.351_25, 88.287_5]),
        (
            Dtlz2,
            &[0.611_819_101_996_054, 1.200_762_597_046_182_8, 0.686_660_630_856_064_5],
        ),
        (
            Dtlz3,
            &[102.037_268_415_540_25, 200.259_414_945_388_2, 114.519_103_559_300_67],
        ),
        (Dtlz4, &[1.512_5, 7.684_564_528_389_661e-16, 0.0]),
        (
            Dtlz5,
            &[0.846_287_889_722_227_8, 1.048_785_123_722_61, 0.686_660_630_856_064_5],
        ),
        (Dtlz6, &[2.870_108_954_118_937_3, 5.016_574_729_396_56, 2.944_843_205_284_626]),
        (Dtlz7, &[0.3, 0.7, 18.415_983_005_625_05]),
        (Ackley, &[3.907_588_068_690_139]),
        (Rosenbrock, &[220.013_125]),
        (Levy, &[0.710_911_141_234_113_8]),
        (Michalewicz, &[-0.729_504_992_420_501_4]),
        (Ellipsoid, &[649_190.876_557_912]),
    ];
    for (function, expected) in expected {
        let found = Problem::new(function, Some(8)).unwrap().losses(&Point(X.into()));
        assert_eq!(found.len(), expected.len(), "{function}");
        found
            .iter()
            .zip(expected)
            .for_each(|(found, expected)| close(*found, *expected));
    }
    let bits: Vec<f64> = (0..40).map(|i| f64::from(i % 3 == 0)).collect();
    let found = Problem::new(Zdt5, Some(40)).unwrap().losses(&Point(bits.into()));
    assert_eq!(*found, [11.0, 8.0 / 11.0]);
}

#[test]
fn optima_are_where_they_are_said_to_be() {
    for function in Function::all() {
        for dimension in [None, Some(2), Some(5)] {
            let Ok(problem) = Problem::new(function, dimension) else {
                continue;
            };
            let Some(optimum) = problem.optimum() else {
                continue;
            };
            let best = problem.minimizer();
            let found = problem.losses(&Point(best.clone().into()))[0];
            // For Michalewicz only the first two coordinates of the optimum are written down.
            if function != Michalewicz || problem.dimension() == 2 {
                assert!((found - optimum).abs() < 2e-6, "{function}: {found}");
            }
            let shifted = problem.clone().randomly_shifted(3);
            let moved: Vec<f64> = best.iter().zip(&shifted.shift).map(|(x, s)| x + s).collect();
            for (x, (low, high)) in moved.iter().zip(problem.ranges()) {
                assert!((low..=high).contains(x), "{function}");
            }
            assert!((shifted.losses(&Point(moved.into()))[0] - found).abs() < 1e-6, "{function}");
        }
    }
    let branin = Problem::new(Branin, None).unwrap();
    for x in [[-PI, 12.275], [PI, 2.275], [3.0 * PI, 2.475]] {
        close(branin.losses(&Point(x.into()))[0], branin.optimum().unwrap());
    }
}

#[test]
fn shifted_fronts_are_the_same_fronts() {
    for function in Function::all().filter(|function| function.usual_objectives() > 1 && *function != Zdt5) {
        let problem = Problem::new(function, Some(8)).unwrap();
        let shifted = problem.clone().randomly_shifted(9);
        assert_ne!(problem, shifted);
        let mut best = problem.minimizer();
        best[..function.position_variables(problem.objectives())].fill(0.3);
        let moved: Vec<f64> = best.iter().zip(&shifted.shift).map(|(x, s)| x + s).collect();
        let (plain, moved) = (problem.losses(&Point(best.into())), shifted.losses(&Point(moved.into())));
        // DTLZ6 turns a rounding of 1e-17 into 0.02.
        let tolerance = if function == Dtlz6 { 0.5 } else { 1e-3 };
        assert!(
            plain.iter().zip(&moved).all(|(a, b)| (a - b).abs() < tolerance),
            "{function}: {plain:?} {moved:?}"
        );
    }
}

#[test]
fn spaces_keep_the_order_of_the_variables_and_names_are_known() {
    let space = Problem::new(Zdt1, None).unwrap().space();
    assert!(space.params.is_sorted_by(|a, b| a.name < b.name));
    assert_eq!(space.params.len(), 30);
    for function in Function::all() {
        assert_eq!(function.to_string().parse::<Function>().unwrap(), function);
    }
    assert!("zdt9".parse::<Function>().is_err());
    assert!(Problem::new(Branin, Some(3)).is_err());
    assert!(Problem::with_objectives(Zdt1, None, 3).is_err());
    assert_eq!(
        Problem::with_objectives(Dtlz2, None, 4)
            .unwrap()
            .losses(&Point([0.5; 12].into()))
            .len(),
        4
    );
}
