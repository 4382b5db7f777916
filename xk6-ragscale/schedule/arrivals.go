// Package schedule says when requests are due and which query each of them asks. It is pure: a schedule
// depends on the seed, the step and the kind of arrivals alone, so a run can be repeated and examined
// without being run.
package schedule

import (
	"fmt"
	"math"
	"time"
)

// The kinds of arrivals.
const (
	Poisson  = "poisson"
	Constant = "constant"
	Gamma    = "gamma"
	Trace    = "trace"
)

// Arrivals is how requests are spaced.
type Arrivals struct {
	Kind string `json:"kind"`
	// Burstiness is the squared coefficient of variation of the gaps of `gamma`: 1 is Poisson, 0.25 is
	// smoother, 4 is burstier.
	Burstiness float64 `json:"burstiness,omitempty"`
	// OffsetsMs are the instants of `trace`, in milliseconds after the step's start, in ascending order.
	OffsetsMs []float64 `json:"offsetsMs,omitempty"`
}

// Validate says what is wrong with the arrivals, or nil.
func (a Arrivals) Validate() error {
	switch a.Kind {
	case Poisson, Constant:
		return nil
	case Gamma:
		if !(a.Burstiness > 0) || a.Burstiness > 1e6 {
			return fmt.Errorf("gamma arrivals need a burstiness above 0 and up to 1,000,000, not %v", a.Burstiness)
		}
		return nil
	case Trace:
		if len(a.OffsetsMs) == 0 {
			return fmt.Errorf("trace arrivals need offsetsMs")
		}
		for i, offset := range a.OffsetsMs {
			if !finite(offset) || (i > 0 && offset < a.OffsetsMs[i-1]) {
				return fmt.Errorf("trace arrivals: offsetsMs[%d] is %v: offsets must ascend from 0", i, offset)
			}
		}
		return nil
	}
	return fmt.Errorf("arrivals must be poisson, constant, gamma or trace, not %q", a.Kind)
}

// Schedule yields the instants of one step's arrivals, in order. It holds no list of them.
type Schedule struct {
	step   Step
	gap    func() float64 // of a process of rate 1; nil for a trace
	count  float64        // what that process has reached
	end    float64        // seconds
	trace  []float64
	random Source
}

// burnIn is how many arrivals of a renewal process pass before its schedule begins. A renewal process
// that starts with an arrival is not stationary: its first counts are off by (burstiness − 1)/2.
const burnIn = 64

// New is the schedule of a step. Arrivals of a changing rate are those of a process of rate 1 through the
// inverse of the integrated rate (time rescaling: Çınlar, "Introduction to Stochastic Processes", 1975, 4.7).
func New(arrivals Arrivals, step Step, seed uint64) *Schedule {
	s := &Schedule{step: step, end: (step.Warmup() + step.Window()).Seconds(), random: NewSource(seed, step.ID, arrivals.Kind)}
	switch arrivals.Kind {
	case Poisson:
		s.gap = s.random.Exponential
	case Constant:
		// Half a gap before the first, so that a whole number of gaps in a window is that number of arrivals.
		s.count = -0.5
		s.gap = func() float64 { return 1 }
	case Gamma:
		shape := 1 / arrivals.Burstiness
		s.gap = func() float64 { return s.random.Gamma(shape) }
		s.count = -burnIn * max(1, arrivals.Burstiness)
	case Trace:
		s.trace = arrivals.OffsetsMs
	}
	return s
}

// Next is the instant of the next arrival after the step's start; false when there is none before the
// window ends.
func (s *Schedule) Next() (time.Duration, bool) {
	seconds := math.Inf(1)
	if s.gap == nil {
		if len(s.trace) > 0 {
			seconds = s.trace[0] / 1000
			s.trace = s.trace[1:]
		}
	} else {
		s.count += s.gap()
		for s.count < 0 {
			s.count += s.gap()
		}
		seconds = s.step.instantOf(s.count)
	}
	if !(seconds < s.end) {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
