package executor

import (
	"fmt"
	"sync"
	"time"
)

// stopRule ends a run in which most requests fail: of the last minRequests arrivals, at every instant of a
// second. Without the second a stall of a few milliseconds would end a run of thousands of requests a second.
type stopRule struct {
	mutex   sync.Mutex
	share   float64
	recent  []bool // whether each failed; a ring
	next    int
	seen    int
	failed  int
	since   time.Time // from when on most have failed; zero while they have not
	tripped string
	trip    chan struct{}
}

const stopAfter = time.Second

// newStopRule is nil where the plan has no such rule; a nil rule never trips.
func newStopRule(plan *StopWhen) *stopRule {
	if plan == nil || plan.FailedShare == nil {
		return nil
	}
	count := defaultMinRequests
	if plan.MinRequests != nil {
		count = *plan.MinRequests
	}
	return &stopRule{share: *plan.FailedShare, recent: make([]bool, count), trip: make(chan struct{})}
}

// observe counts how one arrival ended, in the order of their ends.
func (r *stopRule) observe(now time.Time, failed bool) {
	if r == nil {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.recent[r.next] {
		r.failed--
	}
	if failed {
		r.failed++
	}
	r.recent[r.next] = failed
	r.next = (r.next + 1) % len(r.recent)
	r.seen++
	if r.seen < len(r.recent) || float64(r.failed) <= r.share*float64(len(r.recent)) {
		r.since = time.Time{}
		return
	}
	if r.since.IsZero() {
		r.since = now
	}
	if r.tripped == "" && now.Sub(r.since) >= stopAfter {
		r.tripped = fmt.Sprintf("%d of the last %d requests failed", r.failed, len(r.recent))
		close(r.trip)
	}
}

// channel is closed when the rule trips; nil, which never is, for no rule.
func (r *stopRule) channel() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.trip
}

// reason is why the rule tripped; "" when it did not.
func (r *stopRule) reason() string {
	if r == nil {
		return ""
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.tripped
}
