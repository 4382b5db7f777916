package executor

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"ragscale.dev/xk6-ragscale/arrival"
	"ragscale.dev/xk6-ragscale/record"
	"ragscale.dev/xk6-ragscale/schedule"
)

// stepRun is one step under way.
type stepRun struct {
	schedule.Step
	// ctx is that of every request of the step.
	ctx     context.Context
	cutting atomic.Bool
	cut     atomic.Int64
}

// settleLimit is how long a script may go on once its request was cut off.
const settleLimit = 10 * time.Second

// runSteps runs the steps one after another and says why it ended.
func (r *run) runSteps() record.Reason {
	inARow := 0
	for _, step := range r.config.Steps {
		saturated, ended := r.runStep(step)
		if ended != "" {
			return ended
		}
		if !saturated {
			inARow = 0
			continue
		}
		inARow++
		if s := r.config.StopWhen; s != nil && s.SaturatedSteps != nil && inARow >= *s.SaturatedSteps {
			return record.Stopped
		}
	}
	return record.Finished
}

// runStep runs one step: arrivals until its window ends, then the drain. `ended` is why the run is over, or "".
func (r *run) runStep(step schedule.Step) (saturated bool, ended record.Reason) {
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	under := &stepRun{Step: step, ctx: ctx}
	stop := make(chan struct{})
	watching, unwatch := context.WithCancel(context.Background())
	go func() {
		select {
		case <-r.interrupts.once:
		case <-r.rule.channel():
		case <-r.broken:
		case <-r.ctx.Done():
		case <-watching.Done():
			return
		}
		close(stop)
	}()
	ticks := r.tick(watching)
	whole := r.arrive(under, stop)
	r.drain(under, cancel)
	unwatch()
	<-ticks

	stopped, ended := r.over()
	if whole {
		stopped = "" // whatever ended the run came during the drain
	}
	return r.recorder.EndStep(time.Now(), under.cut.Load(), stopped), ended
}

// tick ends an interval of the record every second until the context is done; what it returns is then closed.
func (r *run) tick(ctx context.Context) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				r.recorder.Tick(now)
			case <-ctx.Done():
				return
			}
		}
	}()
	return done
}

// arrive launches the step's arrivals at their instants; false when something stopped it before the
// window's end.
func (r *run) arrive(step *stepRun, stop <-chan struct{}) (whole bool) {
	defer holdThread()()
	arrivals := schedule.New(r.config.Arrivals, step.Step, r.config.Seed)
	start := time.Now()
	r.recorder.BeginStep(step.Step, start)
	windowAt, end := start.Add(step.Warmup()), start.Add(step.Warmup()+step.Window())
	begun := false
	endWindow := func(whole bool) bool {
		now := end
		if !whole {
			now = time.Now()
		}
		r.recorder.EndWindow(now, whole)
		return whole
	}
	for index := uint64(0); ; index++ {
		offset, more := arrivals.Next()
		if !begun && (!more || offset >= step.Warmup()) {
			if !waitUntil(windowAt, stop) {
				return endWindow(false)
			}
			r.recorder.BeginWindow(windowAt)
			begun = true
		}
		if !more {
			return endWindow(waitUntil(end, stop))
		}
		due := start.Add(offset)
		if !waitUntil(due, stop) {
			return endWindow(false)
		}
		r.launch(job{step: step, index: index, window: begun, scheduled: due})
	}
}

func (r *run) launch(next job) {
	// Counted first: the virtual user may be done before this goroutine goes on.
	now := time.Now()
	if r.pool.full() {
		r.recorder.Arrive(now, next.window, true)
		r.rule.observe(now, true)
		return
	}
	r.recorder.Arrive(now, next.window, false)
	r.pool.launch(next)
}

// drain waits until nothing is in flight, and cuts off what is left at the drain limit.
func (r *run) drain(step *stepRun, cancel context.CancelCauseFunc) {
	hurry := make(chan struct{})
	watching, unwatch := context.WithCancel(context.Background())
	defer unwatch()
	go func() {
		select {
		case <-r.interrupts.twice:
		case <-r.broken:
		case <-r.ctx.Done():
		case <-watching.Done():
			return
		}
		close(hurry)
	}()
	if r.pool.waitIdle(time.Now().Add(step.Drain()), hurry) {
		return
	}
	label, cause := "timeout", arrival.ErrDrained
	select {
	case <-hurry:
		label, cause = "aborted", arrival.ErrAborted
	default:
	}
	step.cutting.Store(true)
	cancel(cause)
	for _, waiting := range r.pool.abandon() {
		outcome := &record.Outcome{}
		outcome.Fail(label)
		r.depart(waiting, outcome, time.Now())
	}
	if !r.pool.waitIdle(time.Now().Add(settleLimit), nil) {
		r.fail(fmt.Errorf("%d iterations of the script went on for %s after their requests were cut off", r.pool.busy(), settleLimit))
	}
}

// over says what has ended the run, in words and as a reason; "" and "" when nothing has.
func (r *run) over() (stopped string, ended record.Reason) {
	select {
	case <-r.broken:
		return r.brokenBy.Error(), record.Failed
	default:
	}
	select {
	case <-r.interrupts.once:
		return "interrupted", record.Interrupted
	default:
	}
	if reason := r.rule.reason(); reason != "" {
		return reason, record.Stopped
	}
	if r.ctx.Err() != nil {
		return arrival.ErrAborted.Error(), record.Failed
	}
	return "", ""
}
