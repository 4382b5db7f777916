package record

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Every histogram of ours has this geometry, so any two merge bucket for bucket: integer nanoseconds up to
// an hour, three significant digits (a bucket is at most 1/1024 of its value wide).
const (
	lowestValue       = 1
	highestValue      = int64(time.Hour)
	significantDigits = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(lowestValue, highestValue, significantDigits)
}

// interval is what one second recorded. Two of them take turns: while one is encoded and written the other
// records, so that nobody waits for the disk.
type interval struct {
	// window holds the metrics of arrivals scheduled in the window, for the log.
	window [metricCount]*hdrhistogram.Histogram
	// latency and ttft are of everything that succeeded in this second, for whoever watches.
	latency, ttft *hdrhistogram.Histogram

	scheduled, sent, succeeded, failed int64
	errors                             map[string]int64
}

func newInterval() *interval {
	return &interval{latency: newHistogram(), ttft: newHistogram(), errors: map[string]int64{}}
}

func (i *interval) record(metric Metric, value time.Duration) {
	if i.window[metric] == nil {
		i.window[metric] = newHistogram()
	}
	recordValue(i.window[metric], value)
}

func recordValue(histogram *hdrhistogram.Histogram, value time.Duration) {
	// Within the geometry recording cannot fail.
	_ = histogram.RecordValue(min(max(int64(value), 0), highestValue))
}

func (i *interval) reset() {
	for _, histogram := range i.window {
		if histogram != nil && histogram.TotalCount() > 0 {
			histogram.Reset()
		}
	}
	i.latency.Reset()
	i.ttft.Reset()
	i.scheduled, i.sent, i.succeeded, i.failed = 0, 0, 0, 0
	clear(i.errors)
}

func quantilesOf(histogram *hdrhistogram.Histogram) *quantiles {
	if histogram.TotalCount() == 0 {
		return nil
	}
	at := func(percent float64) float64 { return float64(histogram.ValueAtQuantile(percent)) / 1e6 }
	return &quantiles{P50: at(50), P95: at(95), P99: at(99)}
}
