"""Figures of jobs and trials, with plotly.

What is drawn is aggregated before it reaches the browser: a heatmap has at most 200 x 200 cells, a curve 2,000 points with the lowest and
highest value of each stretch, a cloud of trials is a density; so figures stay fluid with a million trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ._frames import need
from .errors import NotFoundError, UsageError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from .job import Job, Trial

__all__ = ["JobPlots", "TrialPlots"]

#: Most cells of a heatmap along each side, points of a curve, and marks of trades.
CELLS = 200
POINTS = 2_000
MARKS = 5_000

RATIOS = ("total_return", "cagr", "max_drawdown", "win_rate", "exposure", "volatility", "buy_hold_return", "avg_trade", "cost_share")
_BLUE, _GREY, _RED, _GREEN = "#3b82c4", "#8a94a0", "#c0504d", "#3a9a6a"


def _go() -> Any:
    return need("plotly.graph_objects", "plots")


def _figure(title: str, **layout: Any) -> "go.Figure":
    figure = _go().Figure()
    figure.update_layout(
        title={"text": title, "x": 0.01, "font": {"size": 15}},
        template="plotly_white",
        margin={"l": 60, "r": 20, "t": 50, "b": 50},
        height=420,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "right", "x": 1.0},
        **layout,
    )
    return figure


def _form(metric: str) -> Optional[str]:
    return ".1%" if metric in RATIOS else None


def _metric(name: str) -> tuple[str, bool]:
    """The metric of a goal, and whether less of it is better."""
    return (name[1:], True) if name.startswith("-") else (name, False)


class JobPlots:
    """``job.plot``."""

    def __init__(self, job: "Job") -> None:
        self._job = job

    def _read(self, *columns: str) -> Any:
        return self._job.trials(list(dict.fromkeys(columns)), kind="arrow")

    def _title(self, what: str) -> str:
        return f"{self._job.name}: {what}"

    def _param(self, name: str) -> str:
        if name not in self._job.params:
            import difflib

            near = difflib.get_close_matches(name, self._job.params, 1)
            hint = f"did you mean `{near[0]}`?" if near else "parameters are " + ", ".join(self._job.params)
            raise NotFoundError(f"job `{self._job.name}` has no parameter `{name}`", hint=hint)
        return f"param.{name}"

    def heatmap(self, x: str, y: str, metric: Optional[str] = None, aggregate: str = "mean") -> "go.Figure":
        """A metric, by default the objective, over two parameters; several trials in a cell are aggregated: ``mean``, ``max``, ``min``."""
        if aggregate not in ("mean", "max", "min"):
            raise UsageError(f"`{aggregate}` is no way to aggregate", hint="mean, max or min")
        if x == y:
            raise UsageError(f"`{x}` against itself", hint="name two parameters")
        np = need("numpy", "plots")
        of, _ = _metric(metric or self._job.goal)
        xs, ys = self._param(x), self._param(y)
        table = self._read(xs, ys, of)
        columns, at_x = _axis(table.column(xs))
        rows, at_y = _axis(table.column(ys))
        values = table.column(of).to_numpy().astype(float)
        defined = np.isfinite(values)
        cell = (at_y * len(columns) + at_x)[defined]
        values = values[defined]
        size = len(rows) * len(columns)
        if aggregate == "mean":
            count = np.bincount(cell, minlength=size)
            with np.errstate(invalid="ignore"):
                grid = np.bincount(cell, weights=values, minlength=size) / count
        else:
            grid = np.full(size, -np.inf if aggregate == "max" else np.inf)
            (np.maximum if aggregate == "max" else np.minimum).at(grid, cell, values)
            grid[~np.isfinite(grid)] = np.nan
        figure = _figure(self._title(f"{of} over {x} and {y}" + ("" if aggregate == "mean" else f", {aggregate}")))
        figure.add_trace(
            _go().Heatmap(
                x=columns,
                y=rows,
                z=grid.reshape(len(rows), len(columns)),
                colorscale="RdYlGn",
                zmid=0 if np.nanmin(grid) < 0 < np.nanmax(grid) else None,
                colorbar={"title": of, "tickformat": _form(of)},
                hovertemplate=f"{x} %{{x}}<br>{y} %{{y}}<br>{of} %{{z:.4g}}<extra></extra>",
            )
        )
        figure.update_layout(xaxis_title=x, yaxis_title=y)
        return figure

    def distribution(self, metric: Optional[str] = None) -> "go.Figure":
        """How a metric, by default the objective, is spread over all trials."""
        np = need("numpy", "plots")
        of, _ = _metric(metric or self._job.goal)
        values = self._read(of).column(of).to_numpy().astype(float)
        values = values[np.isfinite(values)]
        counts, edges = np.histogram(values, bins=min(100, max(10, int(len(values) ** 0.5))))
        figure = _figure(self._title(f"{of} of {len(values):,} trials"), bargap=0.02)
        figure.add_trace(_go().Bar(x=(edges[:-1] + edges[1:]) / 2, y=counts, marker_color=_BLUE, name="trials"))
        figure.update_layout(xaxis_title=of, yaxis_title="trials", xaxis_tickformat=_form(of), showlegend=False)
        return figure

    def equity(self, trial: Union[str, "Trial", None] = None) -> "go.Figure":
        """Equity and drawdown of a trial, by default the best one."""
        return (self._job.best() if trial is None else self._job.trial(trial)).plot.equity()

    def trades(self, trial: Union[str, "Trial", None] = None) -> "go.Figure":
        """The trades of a trial, by default the best one."""
        return (self._job.best() if trial is None else self._job.trial(trial)).plot.trades()

    def pareto(self, x: Optional[str] = None, y: Optional[str] = None) -> "go.Figure":
        """All trials by two metrics, and those that no other trial is better than in both.

        By default the job's first two goals, or drawdown and return; a leading ``-`` says that less is better.
        """
        np = need("numpy", "plots")
        goals = [str(goal) for goal in self._job.record["goals"]]
        default = goals[:2] if len(goals) > 1 else ["max_drawdown", "total_return"]
        (of_x, less_x), (of_y, less_y) = _metric(x or default[0]), _metric(y or default[1])
        if of_x == of_y:
            raise UsageError(f"`{of_x}` against itself", hint="name two metrics")
        table = self._read("trial_id", of_x, of_y)
        ids = table.column("trial_id")
        xs, ys = (table.column(of).to_numpy().astype(float) for of in (of_x, of_y))
        there = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
        xs, ys = xs[there], ys[there]
        if len(xs) == 0:
            raise NotFoundError(f"no trial has both {of_x} and {of_y}", hint="choose other metrics")
        good_x, good_y = (-xs if less_x else xs), (-ys if less_y else ys)
        order = np.lexsort((-good_y, -good_x))
        best = np.maximum.accumulate(good_y[order])
        front = order[np.concatenate(([True], best[1:] > best[:-1]))]
        figure = _figure(self._title(f"{of_y} against {of_x}"))
        if len(xs) <= POINTS:
            trials = _go().Scattergl(
                x=xs,
                y=ys,
                text=[ids[int(at)].as_py() for at in there],
                mode="markers",
                marker={"color": _BLUE, "size": 5, "opacity": 0.5},
                name="trials",
                hovertemplate=f"%{{text}}<br>{of_x} %{{x:.4g}}<br>{of_y} %{{y:.4g}}<extra></extra>",
            )
        else:
            density, at_x, at_y = np.histogram2d(xs, ys, bins=100)
            trials = _go().Heatmap(
                x=(at_x[:-1] + at_x[1:]) / 2,
                y=(at_y[:-1] + at_y[1:]) / 2,
                z=np.where(density.T > 0, np.log10(np.maximum(density.T, 1)), np.nan),
                customdata=density.T,
                colorscale=[[0, "#dbe7f3"], [1, "#1f4e79"]],
                showscale=False,
                hovertemplate=f"{of_x} %{{x:.4g}}<br>{of_y} %{{y:.4g}}<br>%{{customdata:,}} trials<extra></extra>",
            )
        figure.add_trace(trials)
        figure.add_trace(
            _go().Scatter(
                x=xs[front],
                y=ys[front],
                text=[ids[int(there[at])].as_py() for at in front],
                mode="lines+markers",
                line={"color": _RED, "width": 1.5, "shape": "hv"},
                marker={"size": 7},
                name="not beaten in both",
                hovertemplate=f"%{{text}}<br>{of_x} %{{x:.4g}}<br>{of_y} %{{y:.4g}}<extra></extra>",
            )
        )
        figure.update_layout(
            xaxis_title=of_x, yaxis_title=of_y, xaxis_tickformat=_form(of_x), yaxis_tickformat=_form(of_y), showlegend=True
        )
        return figure

    def walk_forward(self) -> "go.Figure":
        """What a walk forward came to: the curve of its test windows, and the goal of each fold in and out of sample."""
        make_subplots = need("plotly.subplots", "plots").make_subplots
        of, _ = _metric(self._job.goal)
        folds, walk = self._job.folds(kind="arrow"), self._job.walk(kind="arrow")
        base = _figure(self._title("walk forward"))
        figure = make_subplots(rows=2, cols=1, row_heights=[0.6, 0.4], vertical_spacing=0.12)
        figure.update_layout(base.layout, height=560)
        time_column = "time"
        instruments = walk.column("instrument").unique().to_pylist() if "instrument" in walk.column_names else [None]
        import pyarrow.compute as pc

        for instrument in instruments:
            part = walk if instrument is None else walk.filter(pc.equal(walk.column("instrument"), instrument))
            times, equity = _thin(part.column(time_column), part.column("equity"))
            figure.add_trace(_go().Scatter(x=times, y=equity, name=str(instrument or "equity"), line={"width": 1.4}), row=1, col=1)
        for start in sorted(set(folds.column("test_from").to_pylist())):
            figure.add_vline(x=start, line={"color": _GREY, "width": 1, "dash": "dot"}, row=1, col=1)
        numbers = folds.column("fold").to_pylist()
        for side, name, colour in (("in", "in sample", _GREY), ("out", "out of sample", _BLUE)):
            figure.add_trace(
                _go().Bar(x=numbers, y=folds.column(f"{of}_{side}").to_pylist(), name=f"{of} {name}", marker_color=colour), row=2, col=1
            )
        figure.update_yaxes(title_text="equity", row=1, col=1)
        figure.update_yaxes(title_text=of, tickformat=_form(of), row=2, col=1)
        figure.update_xaxes(title_text="fold", dtick=1, row=2, col=1)
        return figure

    def importance(self) -> "go.Figure":
        """Which parameters the objective depends on."""
        table = self._job.importance(kind="arrow")
        names = [a if b is None else f"{a} x {b}" for a, b in zip(table.column("parameter").to_pylist(), table.column("with").to_pylist())]
        shares = table.column("share").to_pylist()
        figure = _figure(self._title(f"what explains {self._job.goal}"))
        figure.add_trace(
            _go().Bar(
                x=shares[::-1],
                y=names[::-1],
                orientation="h",
                marker_color=_BLUE,
                error_x={"type": "data", "array": table.column("spread").to_pylist()[::-1], "color": _GREY, "thickness": 1},
            )
        )
        figure.update_layout(
            xaxis_title="share of the variance", xaxis_tickformat=".0%", showlegend=False, height=max(260, 60 + 34 * len(names))
        )
        figure.update_yaxes(automargin=True)
        return figure


class TrialPlots:
    """``trial.plot``."""

    def __init__(self, trial: "Trial") -> None:
        self._trial = trial

    def _title(self) -> str:
        params = ", ".join(f"{name} {value}" for name, value in self._trial.params.items())
        return f"{self._trial.instrument}: {params}" if params else self._trial.instrument

    def equity(self) -> "go.Figure":
        """Equity beside buy-and-hold, and the drawdown below."""
        make_subplots = need("plotly.subplots", "plots").make_subplots
        table = self._trial.equity(kind="arrow")
        base = _figure(self._title())
        figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.05)
        figure.update_layout(base.layout, height=480)
        for column, name, colour in (("equity", "equity", _BLUE), ("buy_and_hold", "buy and hold", _GREY)):
            times, values = _thin(table.column("time"), table.column(column))
            figure.add_trace(_go().Scatter(x=times, y=values, name=name, line={"color": colour, "width": 1.4}), row=1, col=1)
        times, values = _thin(table.column("time"), table.column("drawdown"))
        figure.add_trace(
            _go().Scatter(x=times, y=values, name="drawdown", line={"color": _RED, "width": 1}, fill="tozeroy", showlegend=False),
            row=2,
            col=1,
        )
        figure.update_yaxes(title_text="equity", row=1, col=1)
        figure.update_yaxes(title_text="drawdown", tickformat=".1%", row=2, col=1)
        return figure

    def trades(self) -> "go.Figure":
        """Each trade by its return when it ended, and what all of them came to."""
        make_subplots = need("plotly.subplots", "plots").make_subplots
        np = need("numpy", "plots")
        table = self._trial.trades(kind="arrow")
        base = _figure(f"{self._title()}: {table.num_rows:,} trades")
        figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.45, 0.55], vertical_spacing=0.06)
        figure.update_layout(base.layout, height=480)
        times = table.column("exit_time").to_numpy()
        total = np.cumsum(table.column("pnl").to_numpy().astype(float))
        figure.add_trace(_go().Scatter(x=times, y=total, name="sum of pnl", line={"color": _BLUE, "shape": "hv"}), row=1, col=1)
        returns = table.column("return").to_numpy().astype(float)
        step = max(1, -(-table.num_rows // MARKS))
        reasons = np.array(table.column("exit_reason").to_pylist(), dtype=object)
        sides = np.array(table.column("direction").to_pylist(), dtype=object)
        for name, wanted, colour in (("won", returns > 0, _GREEN), ("lost", ~(returns > 0), _RED)):
            at = np.flatnonzero(wanted)[::step]
            figure.add_trace(
                _go().Scattergl(
                    x=times[at],
                    y=returns[at],
                    mode="markers",
                    name=name,
                    marker={"color": colour, "size": 5},
                    text=[f"{sides[i]}, {reasons[i]}" for i in at],
                    hovertemplate="%{x}<br>%{y:.2%}<br>%{text}<extra></extra>",
                ),
                row=2,
                col=1,
            )
        figure.update_yaxes(title_text="sum of pnl", row=1, col=1)
        figure.update_yaxes(title_text="return", tickformat=".2%", row=2, col=1)
        return figure


def _axis(column: Any) -> tuple[Any, Any]:
    """Ticks of a parameter, and the position of each row among them; many numbers become bins."""
    np = need("numpy", "plots")
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values = column.to_numpy() if not pa.types.is_string(column.type) else np.array(column.to_pylist(), dtype=object)
    if values.dtype == object:
        ticks, at = np.unique(values.astype(str), return_inverse=True)
        return ticks, at
    ticks, at = np.unique(values, return_inverse=True)
    if len(ticks) <= CELLS:
        return ticks, at
    edges = np.linspace(ticks[0], ticks[-1], CELLS + 1)
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, CELLS - 1)
    return (edges[:-1] + edges[1:]) / 2, at


def _thin(times: Any, values: Any) -> tuple[Any, Any]:
    """A curve of at most so many points: of each stretch the lowest and the highest value stay, in their order."""
    np = need("numpy", "plots")
    times, values = times.to_numpy(), values.to_numpy().astype(float)
    if len(values) <= POINTS:
        return times, values
    stretch = -(-len(values) // (POINTS // 2))
    whole = len(values) // stretch * stretch
    parts = np.nan_to_num(values[:whole].reshape(-1, stretch))
    first = np.arange(0, whole, stretch)
    at = np.unique(np.concatenate([first + parts.argmin(axis=1), first + parts.argmax(axis=1), [0, len(values) - 1]]))
    return times[at], values[at]
