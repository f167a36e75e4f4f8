-- Best points: one row for each of a job's instruments, with a column for each metric. Numbers as numbers take a quarter of the room
-- that names and digits did, and are summed and plotted without being taken apart.

CREATE TABLE ranked_new (
    job TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    -- Position among the job's instruments.
    instrument INTEGER NOT NULL,
    -- The larger, the better; of the point, as are objective and params.
    score REAL,
    -- The metric that the score was made of.
    objective REAL,
    -- {"fast": 10, ...}
    params TEXT NOT NULL,
    -- 1 if the trial failed: it has no metrics then.
    failed INTEGER NOT NULL,
    total_return REAL,
    cagr REAL,
    volatility REAL,
    sharpe REAL,
    sortino REAL,
    max_drawdown REAL,
    max_drawdown_duration REAL,
    calmar REAL,
    recovery_factor REAL,
    trades REAL,
    open_trades REAL,
    win_rate REAL,
    profit_factor REAL,
    expectancy REAL,
    avg_trade REAL,
    payoff REAL,
    sqn REAL,
    avg_duration REAL,
    exposure REAL,
    turnover REAL,
    fees REAL,
    cost_share REAL,
    skew REAL,
    kurtosis REAL,
    psr REAL,
    buy_hold_return REAL,
    alpha REAL,
    beta REAL,
    excess_sharpe REAL,
    ambiguous_bars REAL,
    skipped_orders REAL,
    margin_calls REAL,
    final_equity REAL,
    periods_per_year REAL,
    PRIMARY KEY (job, ordinal, instrument)
) STRICT;

INSERT INTO ranked_new (job, ordinal, instrument, score, objective, params, failed,
    total_return, cagr, volatility, sharpe, sortino, max_drawdown, max_drawdown_duration, calmar,
    recovery_factor, trades, open_trades, win_rate, profit_factor, expectancy, avg_trade, payoff,
    sqn, avg_duration, exposure, turnover, fees, cost_share, skew, kurtosis,
    psr, buy_hold_return, alpha, beta, excess_sharpe, ambiguous_bars, skipped_orders, margin_calls,
    final_equity, periods_per_year)
SELECT job, ordinal, i.key, score, objective, params, CASE WHEN i.type = 'null' THEN 1 ELSE 0 END,
    json_extract(i.value, '$.total_return'),
    json_extract(i.value, '$.cagr'),
    json_extract(i.value, '$.volatility'),
    json_extract(i.value, '$.sharpe'),
    json_extract(i.value, '$.sortino'),
    json_extract(i.value, '$.max_drawdown'),
    json_extract(i.value, '$.max_drawdown_duration'),
    json_extract(i.value, '$.calmar'),
    json_extract(i.value, '$.recovery_factor'),
    json_extract(i.value, '$.trades'),
    json_extract(i.value, '$.open_trades'),
    json_extract(i.value, '$.win_rate'),
    json_extract(i.value, '$.profit_factor'),
    json_extract(i.value, '$.expectancy'),
    json_extract(i.value, '$.avg_trade'),
    json_extract(i.value, '$.payoff'),
    json_extract(i.value, '$.sqn'),
    json_extract(i.value, '$.avg_duration'),
    json_extract(i.value, '$.exposure'),
    json_extract(i.value, '$.turnover'),
    json_extract(i.value, '$.fees'),
    json_extract(i.value, '$.cost_share'),
    json_extract(i.value, '$.skew'),
    json_extract(i.value, '$.kurtosis'),
    json_extract(i.value, '$.psr'),
    json_extract(i.value, '$.buy_hold_return'),
    json_extract(i.value, '$.alpha'),
    json_extract(i.value, '$.beta'),
    json_extract(i.value, '$.excess_sharpe'),
    json_extract(i.value, '$.ambiguous_bars'),
    json_extract(i.value, '$.skipped_orders'),
    json_extract(i.value, '$.margin_calls'),
    json_extract(i.value, '$.final_equity'),
    json_extract(i.value, '$.periods_per_year')
FROM ranked, json_each(ranked.metrics) AS i;

DROP TABLE ranked;
ALTER TABLE ranked_new RENAME TO ranked;
CREATE INDEX ranked_by_score ON ranked (job, score DESC, ordinal, instrument);
