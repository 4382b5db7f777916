package record

import (
	"maps"
	"time"
)

// totals are the counts of the arrivals scheduled in one step's window.
type totals struct {
	scheduled, succeeded, failed, shed, good int64

	errors      map[string]int64
	recall      recallTotals
	connections connectionCount
	caches      [cacheCount]hitsAndMisses

	inputTokens, cachedTokens, outputTokens, chunks, unmeasured int64
}

func newTotals() totals { return totals{errors: map[string]int64{}} }

func (t *totals) succeed(outcome *Outcome, good bool) {
	t.succeeded++
	if good {
		t.good++
	}
	if outcome.HasRecall {
		t.recall.Sum += outcome.Recall
		t.recall.Count++
	}
	t.inputTokens += outcome.InputTokens
	t.cachedTokens += outcome.CachedTokens
	switch {
	case outcome.Counted:
		t.outputTokens += outcome.OutputTokens
		t.chunks += outcome.Chunks
	case outcome.Streamed:
		t.unmeasured++
	}
	for cache, state := range outcome.Cache {
		switch state {
		case CacheHit:
			t.caches[cache].Hit++
		case CacheMiss:
			t.caches[cache].Miss++
		}
	}
}

// stepLine sums the step up; the caller holds the mutex.
func (r *Recorder) stepLine(now time.Time, cut int64, stopped string) stepLine {
	step, t := &r.step, &r.step.totals
	_, rss := processUsage()
	line := stepLine{
		Type: "step", Step: step.ID, Stage: r.stage, FromRate: step.FromRate, ToRate: step.ToRate,
		StartedAt: wallMs(step.started), WindowStartedAt: wallMs(step.windowAt),
		WindowMs: ms(step.windowEnd.Sub(step.windowAt)), DrainedMs: ms(now.Sub(step.windowEnd)),
		Scheduled: t.scheduled, Sent: t.scheduled - t.shed, Succeeded: t.succeeded, Failed: t.failed, Shed: t.shed, Cut: cut,
		Errors: maps.Clone(t.errors), Good: t.good,
		LimitReachedMs: ms(step.limitReached), MaxInFlightSeen: r.flights.max,
		Recall: t.recall, InputTokens: t.inputTokens, CachedTokens: t.cachedTokens, OutputTokens: t.outputTokens,
		Chunks: t.chunks, UnmeasuredTokens: t.unmeasured, Cache: map[string]hitsAndMisses{},
		Connections: t.connections, CPUSeconds: step.cpuSeconds, RSSBytes: rss,
	}
	line.Saturated = evidence{
		step: step.Step, shed: t.shed, cut: cut, arrived: step.arrived, departed: step.departed,
		inFlight: step.quarterMeans, whole: step.windowWhole,
	}.saturated()
	if stopped != "" {
		line.Stopped = &stopped
	}
	for cache, counted := range t.caches {
		if counted != (hitsAndMisses{}) {
			line.Cache[cacheNames[cache]] = counted
		}
	}
	return line
}
