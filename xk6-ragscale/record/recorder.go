// Package record keeps what a run measured, in constant memory: HdrHistogram intervals in latency.hlog,
// counts in load.ndjson and on stdout (docs/architecture.md, "What k6 writes").
//
// Nothing here is sampled or queued per request: an arrival's outcome is folded into histograms and
// counters as it ends, and once a second what gathered is handed to a goroutine that writes it.
package record

import (
	"io"
	"sync"
	"time"

	"ragscale.dev/xk6-ragscale/schedule"
)

// Recorder folds outcomes and writes them. Its methods may be called from any goroutine.
type Recorder struct {
	output *writer
	k6     string

	stage  string
	limits Limits

	mutex   sync.Mutex
	current *interval
	flights inFlight
	step    stepState

	// spareMutex is apart from mutex: the writer must never wait for whoever waits for the writer.
	spareMutex sync.Mutex
	spare      []*interval
}

type stepState struct {
	schedule.Step
	phase              Phase
	started, windowAt  time.Time
	windowEnd, cutAt   time.Time
	cpuSeconds         float64 // until the window's start; once it has ended, of the window
	totals             totals
	arrived, departed  int64
	quarterMeans       [quarters]float64
	limitReached       time.Duration
	windowWhole, begun bool
}

// Open creates or continues latency.hlog and load.ndjson in a folder. Lines go to stdout too.
func Open(folder string, stdout io.Writer, k6Version string, now time.Time) (*Recorder, error) {
	output, err := openWriter(folder, stdout, now)
	if err != nil {
		return nil, err
	}
	return &Recorder{output: output, k6: k6Version, current: newInterval()}, nil
}

// Begin starts the record of a stage.
func (r *Recorder) Begin(stage string, limits Limits, maxInFlight int, now time.Time) {
	r.mutex.Lock()
	r.stage, r.limits, r.flights.limit = stage, limits, maxInFlight
	r.mutex.Unlock()
	r.output.line(startLine{Type: "start", Schema: schemaName, At: wallMs(now), K6: r.k6, Stage: stage})
}

// Failed is closed once something could not be written; Finish then says what.
func (r *Recorder) Failed() <-chan struct{} { return r.output.failed }

// BeginStep starts a step at its warm-up.
func (r *Recorder) BeginStep(step schedule.Step, now time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.flights.beginStep()
	r.step = stepState{Step: step, phase: WarmupPhase, started: now, cutAt: now, totals: newTotals(), begun: true}
}

// BeginWindow says that arrivals count from now on.
func (r *Recorder) BeginWindow(now time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.cut(now)
	r.step.phase, r.step.windowAt = WindowPhase, now
	r.step.cpuSeconds, _ = processUsage()
	r.flights.beginWindow(now, r.step.Window())
}

// EndWindow says that no more arrivals come; `whole` is false when the window was cut short. Where the
// window had not begun it is empty.
func (r *Recorder) EndWindow(now time.Time, whole bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.cut(now)
	if r.step.phase == WindowPhase {
		r.step.quarterMeans, r.step.limitReached = r.flights.endWindow(now)
		cpu, _ := processUsage()
		r.step.cpuSeconds = cpu - r.step.cpuSeconds
	} else {
		r.step.windowAt = now
	}
	r.step.phase, r.step.windowEnd, r.step.windowWhole = DrainPhase, now, whole
}

// EndStep writes the step's line and says whether the step was saturated. `cut` is how many of the
// window's requests the drain limit cut off; `stopped` is why the step ended early, or "".
func (r *Recorder) EndStep(now time.Time, cut int64, stopped string) (saturated bool) {
	r.mutex.Lock()
	r.cut(now)
	line := r.stepLine(now, cut, stopped)
	r.step.begun = false
	r.mutex.Unlock()
	r.output.line(line)
	return line.Saturated
}

// Arrive counts an arrival at its instant: one that goes out, or one that is shed.
func (r *Recorder) Arrive(now time.Time, window, shed bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.current.scheduled++
	if window {
		r.step.totals.scheduled++
	}
	if shed {
		r.fail("shed", window)
		if window {
			r.step.totals.shed++
		}
		return
	}
	r.current.sent++
	if r.step.phase == WindowPhase {
		r.step.arrived++
	}
	r.flights.change(now, +1)
}

// Depart folds how an arrival that went out ended.
func (r *Recorder) Depart(now, scheduled time.Time, window bool, outcome *Outcome) {
	good := window && r.limits.Good(outcome)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.flights.change(now, -1)
	if r.step.phase == WindowPhase {
		r.step.departed++
	}
	if window {
		if !outcome.Sent.IsZero() {
			r.current.record(ScheduleDelay, outcome.Sent.Sub(scheduled))
		}
		r.step.totals.connections.New += outcome.NewConnections
		r.step.totals.connections.Reused += outcome.ReusedConnections
	}
	if outcome.Error != "" {
		r.fail(outcome.Error, window)
		return
	}
	r.succeed(outcome, window, good)
}

func (r *Recorder) fail(label string, window bool) {
	r.current.failed++
	r.current.errors[label]++
	if window {
		r.step.totals.failed++
		r.step.totals.errors[label]++
	}
}

func (r *Recorder) succeed(outcome *Outcome, window, good bool) {
	r.current.succeeded++
	if latency, known := outcome.Value(Latency); known {
		recordValue(r.current.latency, latency)
	}
	if ttft, known := outcome.Value(TTFT); known {
		recordValue(r.current.ttft, ttft)
	}
	if !window {
		return
	}
	for metric, value := range outcome.values {
		if Metric(metric) != ScheduleDelay && outcome.has[metric] {
			r.current.record(Metric(metric), value)
		}
	}
	for _, gap := range outcome.Gaps {
		r.current.record(ITLGap, gap)
	}
	r.step.totals.succeed(outcome, good)
}

// sliver is how short an interval may not be: a tick that close to a change of phase is left out.
const sliver = 200 * time.Millisecond

// Tick hands the interval that ends now to the writer; it is called once a second.
func (r *Recorder) Tick(now time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if now.Sub(r.step.cutAt) >= sliver {
		r.cut(now)
	}
}

// cut ends the current interval; the caller holds the mutex.
func (r *Recorder) cut(now time.Time) {
	if !r.step.begun || !now.After(r.step.cutAt) {
		return
	}
	full := r.current
	r.current = r.empty()
	// The middle of the interval: a ramp's rate at its end would be ahead of its counts.
	middle := r.step.cutAt.Add(now.Sub(r.step.cutAt) / 2)
	r.output.interval(full, intervalLine{
		Type: "interval", At: wallMs(now), Step: r.step.ID, Stage: r.stage, Phase: r.step.phase,
		ElapsedMs: ms(now.Sub(r.step.started)), Rate: r.step.RateAt(middle.Sub(r.step.started)), InFlight: r.flights.now,
	}, r.step.cutAt, now, r.reuse)
	r.step.cutAt = now
}

func (r *Recorder) empty() *interval {
	r.spareMutex.Lock()
	defer r.spareMutex.Unlock()
	last := len(r.spare) - 1
	if last < 0 {
		return newInterval()
	}
	spare := r.spare[last]
	r.spare = r.spare[:last]
	return spare
}

func (r *Recorder) reuse(written *interval) {
	written.reset()
	r.spareMutex.Lock()
	defer r.spareMutex.Unlock()
	r.spare = append(r.spare, written)
}

// Finish ends the record, waits until all of it is on the disk, and returns the first error of writing.
// A second call does nothing but return that error again.
func (r *Recorder) Finish(reason Reason, now time.Time) error {
	return r.output.close(endLine{Type: "end", At: wallMs(now), Reason: reason})
}

func wallMs(t time.Time) float64 { return float64(t.UnixMicro()) / 1000 }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
