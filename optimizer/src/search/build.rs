//! From the settings of a job to a method of search.

use assay_core::job::{Method, SearchSpec};

use super::{Bayes, Cmaes, Cube, De, Genetic, Halving, Polish, Pso, Random, Refine, Sampler, Tpe};

/// The method that a search names, with its settings or their defaults; `None` for those whose points are known from the beginning
/// ([`crate::Proposals`] has them). `halving` needs a cube with levels.
pub fn sampler(search: &SearchSpec, cube: &Cube, objectives: usize) -> Option<Box<dyn Sampler>> {
    if search.method != Method::Halving {
        return of_method(search.method, search, cube.clone(), objectives);
    }
    let settings = search.halving.clone().unwrap_or_default();
    let below = cube.without_levels();
    let inner = match of_method(settings.sampler, search, below.clone(), objectives) {
        Some(inner) => inner,
        None => Box::new(Random::new(below, search.seed)),
    };
    Some(Box::new(Halving::new(cube.clone(), settings.reduction as usize, inner)))
}

fn of_method(method: Method, search: &SearchSpec, cube: Cube, objectives: usize) -> Option<Box<dyn Sampler>> {
    let seed = search.seed;
    Some(match method {
        Method::Grid | Method::Random | Method::Sobol | Method::Halving => return None,
        Method::Genetic => Box::new(Genetic::new(
            cube,
            seed,
            search.genetic.clone().unwrap_or_default(),
            objectives,
        )),
        Method::Tpe => Box::new(Tpe::new(cube, seed, search.tpe.clone().unwrap_or_default())),
        Method::Bayes => Box::new(Bayes::new(cube, seed, search.bayes.clone().unwrap_or_default())),
        Method::Cmaes => Box::new(Cmaes::new(cube, seed, search.cmaes.clone().unwrap_or_default())),
        Method::De => Box::new(De::new(cube, seed, search.de.clone().unwrap_or_default())),
        Method::Pso => Box::new(Pso::new(cube, seed, search.pso.clone().unwrap_or_default())),
        Method::Refine => Box::new(Refine::new(cube, seed, search.refine.clone().unwrap_or_default())),
        Method::Polish => Box::new(Polish::new(cube, seed, search.polish.clone().unwrap_or_default())),
    })
}
