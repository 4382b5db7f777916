package record

import (
	"time"

	"ragscale.dev/xk6-ragscale/schedule"
)

// evidence is what decides whether a step was saturated.
type evidence struct {
	step schedule.Step
	// shed and cut are arrivals that could not be sent, and requests that the drain limit cut off.
	shed, cut int64
	// arrived and departed count what was sent and what ended within the window, whenever it had arrived.
	arrived, departed int64
	// inFlight is the mean number of requests under way in each quarter of the window.
	inFlight [quarters]float64
	// whole says that the window ran to its end.
	whole bool
}

// saturated says whether the system fell behind the arrivals:
//
//   - an arrival was shed, or a request was still unfinished at the drain limit; or
//   - fewer than 95 % as many requests departed during the window as arrived, while the time in system
//     that Little's law implies (mean in flight ÷ mean rate) grew from each quarter of the window to the
//     next, by 15 % or more into the last. A backlog that grows in a straight line from nothing grows by
//     40 % there; one that has only yet to settle, as after too short a warm-up, has stopped growing. Dividing by the
//     rate keeps a ramp, whose requests in flight must grow, from looking saturated.
func (e evidence) saturated() bool {
	if e.shed > 0 || e.cut > 0 {
		return true
	}
	if !e.whole || float64(e.departed) >= 0.95*float64(e.arrived) {
		return false
	}
	quarter := e.step.Window() / quarters
	var wait [quarters]float64
	for q := range wait {
		from := e.step.Warmup() + time.Duration(q)*quarter
		rate := (e.step.Expected(from+quarter) - e.step.Expected(from)) / quarter.Seconds()
		if rate == 0 {
			return false
		}
		wait[q] = e.inFlight[q] / rate
	}
	for q := 1; q < quarters; q++ {
		if wait[q] <= wait[q-1] {
			return false
		}
	}
	return wait[quarters-1] >= 1.15*wait[quarters-2]
}
