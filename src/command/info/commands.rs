//! Sections commandstats, errorstats and latencystats: a line for each command or error code that has occurred.

use super::fields::Fields;
use crate::command::Context;

pub(super) fn commandstats(cx: &mut Context<'_>, fields: &mut Fields) {
    for (id, entry) in cx.table.entries() {
        let stats = cx.metrics.commands.of(id);
        if stats.is_empty() {
            continue;
        }
        let line = format_args!(
            "calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}",
            stats.calls,
            stats.total_us(),
            stats.us_per_call(),
            stats.rejected,
            stats.failed
        );
        fields.add(&format!("cmdstat_{}", entry.full_name), line);
    }
}

pub(super) fn errorstats(cx: &mut Context<'_>, fields: &mut Fields) {
    for (code, count) in cx.metrics.errors.by_code() {
        fields.add(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

pub(super) fn latencystats(cx: &mut Context<'_>, fields: &mut Fields) {
    let percentiles = &cx.config.latency_tracking_info_percentiles;
    if !cx.config.latency_tracking || percentiles.is_empty() {
        return;
    }
    for (id, entry) in cx.table.entries() {
        let stats = cx.metrics.commands.of(id);
        let value = |percentile: &f64| Some(format!("p{percentile}={:.3}", stats.percentile_us(*percentile)?));
        let values: Vec<String> = percentiles.iter().filter_map(value).collect();
        if !values.is_empty() {
            fields.add(&format!("latency_percentiles_usec_{}", entry.full_name), values.join(","));
        }
    }
}
