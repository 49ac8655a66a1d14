package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/headwater-platform/headwater/records"
)

// metrics returns a registry that shows how the memory of the records is doing.
func (p *platform) metrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	show := func(kind prometheus.ValueType, name, help string, value func(records.Statistics) int64) {
		read := func() float64 { return float64(value(p.records.Statistics())) }
		if kind == prometheus.CounterValue {
			registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
			return
		}
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
	}
	show(prometheus.GaugeValue, "headwater_records", "Records of organizations and principals in memory.",
		func(s records.Statistics) int64 { return s.Records })
	show(prometheus.GaugeValue, "headwater_records_bytes", "About what the records in memory take.",
		func(s records.Statistics) int64 { return s.Bytes })
	show(prometheus.CounterValue, "headwater_records_hits_total", "Records that were found in memory.",
		func(s records.Statistics) int64 { return s.Hits })
	show(prometheus.CounterValue, "headwater_records_misses_total", "Reads of the database because a record was not in memory.",
		func(s records.Statistics) int64 { return s.Misses })
	show(prometheus.CounterValue, "headwater_records_drops_total", "Records that a change took out of memory.",
		func(s records.Statistics) int64 { return s.Drops })
	show(prometheus.CounterValue, "headwater_records_evictions_total", "Records that made room for others.",
		func(s records.Statistics) int64 { return s.Evictions })
	show(prometheus.GaugeValue, "headwater_records_fresh", "1 while memory is asked, 0 while the database is because changes cannot be followed.",
		func(records.Statistics) int64 {
			if p.db.Fresh() {
				return 1
			}
			return 0
		})
	registry.MustRegister(jobCounts{p})
	return registry
}

// jobCounts shows what became of the jobs of this process.
type jobCounts struct{ p *platform }

func (jobCounts) description() *prometheus.Desc {
	return prometheus.NewDesc("headwater_jobs_total", "Attempts at background jobs, by kind and by what became of them.",
		[]string{"kind", "outcome"}, nil)
}

// Describe names the metric.
func (c jobCounts) Describe(into chan<- *prometheus.Desc) { into <- c.description() }

// Collect reads the counts.
func (c jobCounts) Collect(into chan<- prometheus.Metric) {
	for _, count := range c.p.services.Jobs.Counts() {
		into <- prometheus.MustNewConstMetric(c.description(), prometheus.CounterValue, float64(count.N), count.Kind, string(count.Outcome))
	}
}
