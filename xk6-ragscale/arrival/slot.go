// Package arrival is the slot through which the executor tells a virtual user what it was woken for, and
// the virtual user's script tells how that ended.
package arrival

import (
	"context"
	"errors"
	"sync"
	"time"

	"ragscale.dev/xk6-ragscale/record"
	"ragscale.dev/xk6-ragscale/schedule"
)

// Why a request was cut off: the cause of its context.
var (
	ErrDrained = errors.New("unfinished at the drain limit")
	ErrAborted = errors.New("the run was aborted")
)

// Plan is what a run's arrivals have in common.
type Plan struct {
	Stage string
	Seed  uint64
	// Timeout is that of a request which names none; 0: none.
	Timeout time.Duration
	// Picker draws queries; nil when the plan has none.
	Picker *schedule.Picker
}

// Slot belongs to one virtual user. Between Begin and End only the goroutine that runs its iteration
// touches it.
type Slot struct {
	Plan      *Plan
	Step      string
	Window    bool
	Index     uint64
	Scheduled time.Time
	// Context ends when the arrival may take no longer.
	Context context.Context
	Outcome record.Outcome

	active  bool
	queries schedule.Source
	of      string // the step that queries belongs to
}

// Begin hands an arrival over.
func (s *Slot) Begin(ctx context.Context, plan *Plan, step string, window bool, index uint64, scheduled time.Time) {
	s.Context, s.Plan, s.Step, s.Window, s.Index, s.Scheduled = ctx, plan, step, window, index, scheduled
	s.Outcome.Reset()
	s.active = true
}

// End says that the iteration is over.
func (s *Slot) End() { s.active = false }

// Active says whether an arrival is being served.
func (s *Slot) Active() bool { return s.active }

// Pick is the query that this arrival asks.
func (s *Slot) Pick() int {
	if s.of != s.Step {
		s.queries, s.of = schedule.NewSource(s.Plan.Seed, s.Step, "queries"), s.Step
	}
	return s.Plan.Picker.Pick(&s.queries, s.Index)
}

var slots sync.Map // of uint64 to *Slot

// Of is the slot of a virtual user by its number within this process.
func Of(virtualUser uint64) *Slot {
	if slot, known := slots.Load(virtualUser); known {
		return slot.(*Slot)
	}
	slot, _ := slots.LoadOrStore(virtualUser, &Slot{})
	return slot.(*Slot)
}
