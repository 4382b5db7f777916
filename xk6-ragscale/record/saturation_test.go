package record

import (
	"math"
	"testing"
	"time"

	"ragscale.dev/xk6-ragscale/schedule"
)

// fluid runs a step through a server that departs at most `capacity` requests a second, each after at least
// `latency`, in time steps of 10 ms, and gathers the evidence.
func fluid(step schedule.Step, capacity float64, latency time.Duration) evidence {
	flights := inFlight{limit: math.MaxInt}
	flights.beginStep()
	e := evidence{step: step, whole: true}
	begun := false
	arrived, departed := 0.0, 0.0
	const dt = 10 * time.Millisecond
	for at := time.Duration(0); at < step.Warmup()+step.Window(); at += dt {
		now := start.Add(at)
		if !begun && at >= step.Warmup() {
			begun = true
			flights.beginWindow(now, step.Window())
		}
		ins := math.Floor(step.Expected(at+dt)) - math.Floor(arrived)
		arrived = step.Expected(at + dt)
		ready := 0.0
		if at >= latency {
			ready = step.Expected(at - latency)
		}
		outs := math.Floor(min(ready, departed+capacity*dt.Seconds())) - math.Floor(departed)
		departed = min(ready, departed+capacity*dt.Seconds())
		flights.change(now, int(ins-outs))
		if begun {
			e.arrived += int64(ins)
			e.departed += int64(outs)
		}
	}
	e.inFlight, _ = flights.endWindow(start.Add(step.Warmup() + step.Window()))
	return e
}

func TestAStepIsSaturatedWhenTheSystemFallsBehindAndOnlyThen(t *testing.T) {
	flat := func(rate, warmup, window float64) schedule.Step {
		return schedule.Step{ID: "s", FromRate: rate, ToRate: rate, WarmupMs: warmup * 1000, WindowMs: window * 1000}
	}
	ramp := schedule.Step{ID: "s", FromRate: 10, ToRate: 100, WarmupMs: 5000, WindowMs: 30000}
	for _, c := range []struct {
		name     string
		step     schedule.Step
		capacity float64
		latency  time.Duration
		want     bool
	}{
		{"a server with time to spare", flat(50, 5, 30), 100, 20 * time.Millisecond, false},
		{"a server that falls behind by a fifth", flat(50, 5, 30), 40, 20 * time.Millisecond, true},
		{"a server that falls behind, without a warm-up", flat(50, 0, 30), 40, 20 * time.Millisecond, true},
		{"a server that falls behind by 2 %: too little to say", flat(50, 5, 30), 49, 20 * time.Millisecond, false},
		{"answers of ten seconds at a steady state", flat(20, 15, 30), 1000, 10 * time.Second, false},
		{"answers of ten seconds after too short a warm-up", flat(20, 5, 30), 1000, 10 * time.Second, false},
		{"answers of fifteen seconds after too short a warm-up", flat(20, 2, 30), 1000, 15 * time.Second, false},
		{"a ramp with time to spare", ramp, 1000, 2 * time.Second, false},
		{"a ramp past what the server can do", ramp, 30, 50 * time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := fluid(c.step, c.capacity, c.latency)
			if got := e.saturated(); got != c.want {
				t.Errorf("saturated is %v with %d arrived, %d departed, %.1f in flight", got, e.arrived, e.departed, e.inFlight)
			}
		})
	}
}

func TestShedOrCutRequestsAreSaturationByThemselves(t *testing.T) {
	calm := fluid(schedule.Step{ID: "s", FromRate: 50, ToRate: 50, WindowMs: 10000}, 100, 0)
	if calm.saturated() {
		t.Fatal("a calm step is saturated")
	}
	shed, cut, short := calm, calm, fluid(schedule.Step{ID: "s", FromRate: 50, ToRate: 50, WindowMs: 10000}, 10, 0)
	shed.shed, cut.cut, short.whole = 1, 1, false
	if !shed.saturated() || !cut.saturated() {
		t.Error("a shed or a cut request is no saturation")
	}
	if short.saturated() {
		t.Error("a window that was cut short says nothing of growth")
	}
}

func TestInFlightIsAveragedOverQuartersAndTimedAtTheLimit(t *testing.T) {
	flights := inFlight{limit: 2}
	flights.beginStep()
	flights.change(after(0), 1)
	flights.beginWindow(after(1000), 4*time.Second)
	flights.change(after(1500), 1)  // 2 in flight: the limit
	flights.change(after(3500), -1) // two seconds at it
	flights.change(after(4500), 1)
	means, atLimit := flights.endWindow(after(5000))
	if want := [quarters]float64{1.5, 2, 1.5, 1.5}; means != want {
		t.Errorf("the means are %v, not %v", means, want)
	}
	if atLimit != 2500*time.Millisecond || flights.max != 2 {
		t.Errorf("at the limit for %v, at most %d in flight", atLimit, flights.max)
	}
}
