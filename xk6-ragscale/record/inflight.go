package record

import "time"

const quarters = 4

// inFlight follows how many requests are under way: its maximum, how long it stood at the limit, and its
// mean over each quarter of the window.
type inFlight struct {
	limit, now, max int
	atLimitSince    time.Time
	atLimit         time.Duration

	windowStart, changed time.Time
	window               time.Duration
	area                 [quarters]float64 // requests × seconds
}

func (f *inFlight) beginStep() {
	*f = inFlight{limit: f.limit, now: f.now, max: f.now}
}

func (f *inFlight) beginWindow(now time.Time, window time.Duration) {
	f.windowStart, f.changed, f.window = now, now, window
	f.atLimit, f.max = 0, f.now
	if f.now >= f.limit {
		f.atLimitSince = now
	}
}

func (f *inFlight) change(now time.Time, by int) {
	f.settle(now)
	wasAtLimit := f.now >= f.limit
	f.now += by
	f.max = max(f.max, f.now)
	if isAtLimit := f.now >= f.limit; isAtLimit && !wasAtLimit {
		f.atLimitSince = now
	} else if wasAtLimit && !isAtLimit {
		f.atLimit += now.Sub(f.atLimitSince)
	}
}

// settle books the time since the last change on the quarters that it fell in.
func (f *inFlight) settle(now time.Time) {
	if f.window == 0 {
		return
	}
	from, to := f.changed.Sub(f.windowStart), min(now.Sub(f.windowStart), f.window)
	quarter := f.window / quarters
	for from < to {
		q := min(int(from/quarter), quarters-1)
		end := to
		if q < quarters-1 {
			end = min(to, time.Duration(q+1)*quarter)
		}
		f.area[q] += float64(f.now) * (end - from).Seconds()
		from = end
	}
	f.changed = now
}

// endWindow gives the mean of each quarter and how long the limit was reached.
func (f *inFlight) endWindow(now time.Time) (means [quarters]float64, atLimit time.Duration) {
	f.settle(now)
	for q := range means {
		means[q] = f.area[q] / (f.window / quarters).Seconds()
	}
	atLimit = f.atLimit
	if f.now >= f.limit {
		atLimit += now.Sub(f.atLimitSince)
	}
	return means, atLimit
}
