package executor

import (
	"testing"
	"time"
)

func TestARunIsStoppedWhenMostRequestsFailForASecond(t *testing.T) {
	share, count := 0.5, 10
	for _, c := range []struct {
		name string
		gap  time.Duration
		fail func(index int) bool
		want string
	}{
		{"all fail", 100 * time.Millisecond, func(int) bool { return true }, "10 of the last 10 requests failed"},
		{"most fail", 100 * time.Millisecond, func(i int) bool { return i%10 > 2 }, "7 of the last 10 requests failed"},
		{"half fail", 100 * time.Millisecond, func(i int) bool { return i%2 == 0 }, ""},
		{"a stall in which many fail", 100 * time.Microsecond, func(i int) bool { return i > 20 && i < 60 }, ""},
		{"too few so far", 100 * time.Millisecond, func(i int) bool { return i < 5 }, ""},
	} {
		rule := newStopRule(&StopWhen{FailedShare: &share, MinRequests: &count})
		now := time.Now()
		for i := range 100 {
			now = now.Add(c.gap)
			rule.observe(now, c.fail(i))
		}
		if got := rule.reason(); got != c.want {
			t.Errorf("%s: the reason is %q, not %q", c.name, got, c.want)
		}
		select {
		case <-rule.channel():
			if c.want == "" {
				t.Errorf("%s: the run is stopped", c.name)
			}
		default:
			if c.want != "" {
				t.Errorf("%s: nobody is told", c.name)
			}
		}
	}
}

func TestAPlanWithoutSuchARuleIsNeverStoppedByIt(t *testing.T) {
	for _, plan := range []*StopWhen{nil, {}} {
		rule := newStopRule(plan)
		rule.observe(time.Now(), true)
		if rule.reason() != "" || rule.channel() != nil {
			t.Errorf("%v stops a run", plan)
		}
	}
}
