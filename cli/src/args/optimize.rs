//! `assay optimize-fn`

use assay_core::job::Method;
use assay_optimizer::search::functions::Function;
use clap::Args;

/// `assay optimize-fn`
#[derive(Debug, Args)]
pub(crate) struct OptimizeFnArgs {
    /// Function: branin, hartmann6, ackley, rosenbrock, levy, michalewicz, sphere, ellipsoid, zdt1 to zdt6, dtlz1 to dtlz7
    #[arg(value_parser = function)]
    pub(crate) name: Function,
    /// Method: grid, random, sobol, genetic, tpe, bayes, cmaes, de, pso, refine, polish
    #[arg(long, value_parser = method)]
    pub(crate) method: Method,
    /// Points to evaluate at most
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) trials: u64,
    /// Seed of all draws
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Variables [default: as usual for the function]
    #[arg(long, visible_alias = "dimensions", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) dimension: Option<u16>,
    /// Objectives, of the DTLZ family
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=10))]
    pub(crate) objectives: Option<u8>,
    /// Where the optimum is moved: `random` (by the seed), or a distance for each variable such as 1.5,-2
    #[arg(long, value_name = "SHIFT", allow_hyphen_values = true, value_parser = shift)]
    pub(crate) shift: Option<Shift>,
    /// Points proposed together
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch: u32,
    /// Batches whose results are not waited for
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(crate) lag: u32,
}

/// How the optimum is moved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shift {
    /// To a random place.
    Random,
    /// By these distances.
    By(Vec<f64>),
}

fn function(name: &str) -> Result<Function, String> {
    name.parse::<Function>().map_err(|error| {
        let hint = assay_core::Explain::hint(&error);
        hint.map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"))
    })
}

fn method(name: &str) -> Result<Method, String> {
    let known = Method::ALL.map(Method::name);
    let found = Method::ALL.into_iter().find(|method| method.name() == name);
    found.ok_or_else(|| assay_core::nearest::hint(name, &known))
}

fn shift(text: &str) -> Result<Shift, String> {
    if text == "random" {
        return Ok(Shift::Random);
    }
    let number = |part: &str| {
        let number: Option<f64> = part.trim().parse().ok();
        number
            .filter(|x| x.is_finite())
            .ok_or_else(|| format!("`{part}` is no number"))
    };
    text.split(',').map(number).collect::<Result<_, _>>().map(Shift::By)
}
