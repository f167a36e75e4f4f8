"""Optuna's samplers on the functions of `--bin search`, with the same seeds and the same randomly moved instances.

    python3 -m venv VENV && VENV/bin/pip install optuna==5.0.0 scipy
    VENV/bin/python benches/references.py tpe 20
    VENV/bin/python benches/references.py ask 1000
    VENV/bin/pip install pymoo==0.6.2 && VENV/bin/python benches/references.py nsga 20

Prints one row a function: median, least and greatest regret after 100 trials; `gp` needs torch besides. `ask`: the time of one
proposal of TPE when so many trials are known. `nsga`: hypervolumes of pymoo's genetic searches after 25,000 evaluations.
"""

import math
import sys
import time
import warnings

import numpy as np
import optuna

TRIALS = 100
GOLDEN, MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1
A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
P = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])
ALPHA = np.array([1.0, 1.2, 3.0, 3.2])


def mix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def shift(seed, ranges, optimum):
    """`Problem::randomly_shifted`: in each variable the optimum between a tenth and nine tenths of the range."""
    key = mix(mix((seed + GOLDEN) & MASK) ^ mix((7 * GOLDEN + 1) & MASK))
    fraction = lambda i: (mix((key + (i + 1) * GOLDEN) & MASK) >> 11) / float(1 << 53)
    return np.array([low + (high - low) * (0.1 + 0.8 * fraction(i)) - x for i, ((low, high), x) in enumerate(zip(ranges, optimum))])


def branin(x):
    a, b, c, r, s, t = 1, 5.1 / (4 * math.pi**2), 5 / math.pi, 6, 10, 1 / (8 * math.pi)
    return a * (x[1] - b * x[0] ** 2 + c * x[0] - r) ** 2 + s * (1 - t) * math.cos(x[0]) + s


def hartmann6(x):
    return float(-np.sum(ALPHA * np.exp(-np.sum(A * (x - P) ** 2, axis=1))))


def ackley(x):
    return float(-20 * np.exp(-0.2 * np.sqrt(np.mean(x * x))) - np.exp(np.mean(np.cos(2 * np.pi * x))) + 20 + math.e)


FUNCTIONS = {
    "branin": (branin, [(-5, 10), (0, 15)], [math.pi, 2.275], [0.0] * 2, 0.39788735772973816),
    "hartmann6": (hartmann6, [(0, 1)] * 6, [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.657301], [0.0] * 6, -3.322368011415515),
    "ackley-5": (ackley, [(-32.768, 32.768)] * 5, [0.0] * 5, [10.3, -7.1, 3.7, 15.2, -12.4], 0.0),
}


def regret(method, name, moved, seed):
    function, ranges, optimum, usual, least = FUNCTIONS[name]
    by = shift(seed, ranges, optimum) if moved else np.array(usual)
    samplers = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed, deterministic_objective=True),
        "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    study = optuna.create_study(sampler=samplers[method]())
    study.optimize(lambda t: function(np.array([t.suggest_float(f"x{i}", *r) for i, r in enumerate(ranges)]) - by), n_trials=TRIALS)
    return study.best_value - least


def asks(known):
    """CPU milliseconds of each of the last 20 proposals of six variables when so many trials are known: median and least."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    taken = []
    for _ in range(known + 20):
        began = time.process_time()
        trial = study.ask()
        x = np.array([trial.suggest_float(f"x{i}", 0, 1) for i in range(6)])
        taken.append(1e3 * (time.process_time() - began))
        study.tell(trial, hartmann6(x))
    print(f"| one ask of Optuna's TPE after {known} trials | {np.median(taken[-20:]):.2f} ms | {min(taken[-20:]):.2f} |")


def nsga(seeds):
    """Hypervolume of the last population, reference 1.1 in every objective: median, least and greatest."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.algorithms.moo.nsga3 import NSGA3
    from pymoo.indicators.hv import HV
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.optimize import minimize
    from pymoo.problems import get_problem
    from pymoo.util.ref_dirs import get_reference_directions

    variation = lambda: {"crossover": SBX(prob=0.9, eta=15), "mutation": PM(eta=20)}
    for name, third in [("zdt1", False), ("zdt2", False), ("zdt3", False), ("dtlz2", False), ("dtlz2", True)]:
        problem = get_problem(name, n_var=12, n_obj=3) if name.startswith("dtlz") else get_problem(name)
        found = []
        for seed in range(1, seeds + 1):
            if third:
                algorithm = NSGA3(ref_dirs=get_reference_directions("das-dennis", 3, n_partitions=12), pop_size=100, **variation())
            else:
                algorithm = NSGA2(pop_size=100, eliminate_duplicates=True, **variation())
            found.append(HV(ref_point=np.full(problem.n_obj, 1.1))(minimize(problem, algorithm, ("n_gen", 250), seed=seed).F))
        which = "NSGA-III" if third else "NSGA-II"
        print(f"| {which} {name} | {np.median(found):.5f} | {min(found):.5f} | {max(found):.5f} |", flush=True)


def main():
    warnings.filterwarnings("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    method, seeds = sys.argv[1], int(sys.argv[2])
    if method == "ask":
        return asks(seeds)
    if method == "nsga":
        return nsga(seeds)
    for name in FUNCTIONS:
        for moved in (False, True):
            found = [regret(method, name, moved, seed) for seed in range(1, seeds + 1)]
            print(f"| {method} {name}{' moved' if moved else ''} | {np.median(found):.3g} | {min(found):.3g} | {max(found):.3g} |", flush=True)


if __name__ == "__main__":
    main()
