package schedule

import (
	"fmt"
	"math"
	"time"
)

// Step is one rate of a run: a warm-up at FromRate, then a window in which the rate goes in a straight
// line from FromRate to ToRate, then a drain without arrivals. Rates are arrivals a second.
type Step struct {
	ID       string  `json:"id"`
	FromRate float64 `json:"fromRate"`
	ToRate   float64 `json:"toRate"`
	WarmupMs float64 `json:"warmupMs"`
	WindowMs float64 `json:"windowMs"`
	DrainMs  float64 `json:"drainMs"`
}

// Validate says what is wrong with a step, or nil.
func (s Step) Validate() error {
	switch {
	case s.ID == "":
		return fmt.Errorf("a step needs an id")
	case !finite(s.FromRate) || !finite(s.ToRate):
		return fmt.Errorf("step %s: rates must be numbers of 0 or more, are %v and %v", s.ID, s.FromRate, s.ToRate)
	case !finite(s.WarmupMs) || !finite(s.DrainMs) || !finite(s.WindowMs) || s.WindowMs <= 0:
		return fmt.Errorf("step %s: warmupMs and drainMs must be 0 or more and windowMs more than 0", s.ID)
	}
	return nil
}

func finite(x float64) bool { return x >= 0 && x <= math.MaxInt64/1e9 }

// Warmup is how long the step runs before its window.
func (s Step) Warmup() time.Duration { return milliseconds(s.WarmupMs) }

// Window is how long arrivals count for.
func (s Step) Window() time.Duration { return milliseconds(s.WindowMs) }

// Drain is how long requests in flight may still take once the window is over.
func (s Step) Drain() time.Duration { return milliseconds(s.DrainMs) }

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// RateAt is the rate, a second, that the step asks for at an instant after its start.
func (s Step) RateAt(t time.Duration) float64 {
	switch {
	case t < 0 || t >= s.Warmup()+s.Window():
		return 0
	case t < s.Warmup():
		return s.FromRate
	}
	return s.FromRate + (s.ToRate-s.FromRate)*float64(t-s.Warmup())/float64(s.Window())
}

// Expected is how many arrivals the step asks for until an instant after its start: the integral of RateAt.
func (s Step) Expected(t time.Duration) float64 {
	if t <= s.Warmup() {
		return s.FromRate * t.Seconds()
	}
	into := min(t-s.Warmup(), s.Window()).Seconds()
	return s.FromRate*s.Warmup().Seconds() + s.FromRate*into + (s.ToRate-s.FromRate)*into*into/(2*s.Window().Seconds())
}

// instantOf inverts Expected: when the step has asked for `count` arrivals, in seconds after its start;
// infinite when it never does.
func (s Step) instantOf(count float64) float64 {
	warmup, window := s.Warmup().Seconds(), s.Window().Seconds()
	if before := s.FromRate * warmup; count < before {
		return count / s.FromRate
	} else {
		count -= before
	}
	// FromRate·t + slope·t²/2 = count, by the root that stays exact as the slope goes to nought.
	slope := (s.ToRate - s.FromRate) / window
	under := s.FromRate*s.FromRate + 2*slope*count
	if under < 0 {
		return math.Inf(1)
	}
	divisor := s.FromRate + math.Sqrt(under)
	if divisor == 0 {
		return math.Inf(1)
	}
	return warmup + 2*count/divisor
}
