//! The built-in series: which column of the market each name stands for.

use assay_engine::Market;
use assay_engine::market::Column;

use crate::graph::{Price, Source};

/// The market's own column of that name; derived series have none.
pub(crate) fn source(name: &str) -> Option<Source> {
    let price = |name| {
        Some(match name {
            "open" => Price::Open,
            "high" => Price::High,
            "low" => Price::Low,
            "close" => Price::Close,
            _ => return None,
        })
    };
    match name {
        "open" => Some(Source::Open),
        "high" => Some(Source::High),
        "low" => Some(Source::Low),
        "close" => Some(Source::Close),
        "volume" => Some(Source::Volume),
        _ => match name.split_once('_') {
            Some(("bid", name)) => price(name).map(Source::Bid),
            Some(("ask", name)) => price(name).map(Source::Ask),
            _ => None,
        },
    }
}

/// The values of that column, one per bar; empty for quotes of bars without them, which binding refuses.
pub(crate) fn values(market: &Market, source: Source) -> &[f64] {
    column(market, source).map_or(&[], |column| column)
}

/// That column of the market; none for quotes of bars without them.
pub(crate) fn column(market: &Market, source: Source) -> Option<&Column<f64>> {
    let (prices, price) = match source {
        Source::Open => return Some(&market.mid.open),
        Source::High => return Some(&market.mid.high),
        Source::Low => return Some(&market.mid.low),
        Source::Close => return Some(&market.mid.close),
        Source::Volume => return Some(&market.volume),
        Source::Bid(price) => (market.quotes.as_ref().map(|quotes| &quotes.bid), price),
        Source::Ask(price) => (market.quotes.as_ref().map(|quotes| &quotes.ask), price),
    };
    prices.map(|prices| match price {
        Price::Open => &prices.open,
        Price::High => &prices.high,
        Price::Low => &prices.low,
        Price::Close => &prices.close,
    })
}
