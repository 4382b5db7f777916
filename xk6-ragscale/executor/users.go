package executor

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/errext"
	"go.k6.io/k6/lib"

	"ragscale.dev/xk6-ragscale/arrival"
	"ragscale.dev/xk6-ragscale/record"
)

// startUsers takes the virtual users that k6 made before the run.
func (r *run) startUsers() error {
	for range r.config.preAllocated() {
		user, err := r.state.GetPlannedVU(r.logger, false)
		if err != nil {
			return err
		}
		r.startUser(user)
	}
	return nil
}

// makeUsers makes virtual users while the pool is short of them: making one takes milliseconds, which an
// arrival that is due should not wait for.
func (r *run) makeUsers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.pool.more:
		}
		for r.pool.isShort() && ctx.Err() == nil {
			user, err := r.state.GetUnplannedVU(ctx, r.logger)
			if err != nil {
				if ctx.Err() == nil {
					r.fail(err)
				}
				return
			}
			r.startUser(user)
		}
	}
}

func (r *run) startUser(user lib.InitializedVU) {
	var iterations atomic.Uint64
	r.users.Add(1)
	r.state.ModCurrentlyActiveVUsCount(+1)
	active := user.Activate(&lib.VUActivationParams{
		RunContext: r.ctx, Exec: r.config.GetExec(), Scenario: r.config.Name, Env: r.config.GetEnv(), Tags: r.config.GetTags(),
		GetNextIterationCounters: func() (uint64, uint64) {
			next := iterations.Add(1) - 1
			return next, next
		},
		DeactivateCallback: func(returned lib.InitializedVU) {
			r.state.ReturnVU(returned, true)
			r.users.Done()
		},
	})
	w := &worker{slot: arrival.Of(user.GetID()), run: active.RunOnce, jobs: make(chan job, 1)}
	go r.serve(w)
	r.pool.add(w)
}

// serve runs a worker's iterations until the run is over.
func (r *run) serve(w *worker) {
	for {
		select {
		case next := <-w.jobs:
			for found := true; found; {
				r.iterate(w, next)
				next, found = r.pool.release(w)
			}
		case <-r.ctx.Done():
			return
		}
	}
}

// iterate runs the script once for an arrival and records how that ended.
func (r *run) iterate(w *worker, next job) {
	w.slot.Begin(next.step.ctx, r.plan, next.step.ID, next.window, next.index, next.scheduled)
	err := w.run()
	w.slot.End()
	now := time.Now()
	outcome := &w.slot.Outcome
	switch {
	case err != nil && r.ctx.Err() != nil:
		outcome.Fail("aborted")
		r.state.AddInterruptedIterations(1)
	case errext.IsInterruptError(err):
		outcome.Fail("aborted")
		r.fail(err) // the script called exec.test.abort()
	case err != nil:
		outcome.Fail("script")
		r.scriptErrs.log(err)
	case outcome.Sent.IsZero() && outcome.Error == "":
		outcome.Fail("script")
		r.scriptErrs.log(errors.New("an iteration of the script made no request"))
	default:
		if outcome.Error == "" {
			outcome.Set(record.Latency, outcome.End.Sub(next.scheduled))
		}
		r.state.AddFullIterations(1)
	}
	r.depart(next, outcome, now)
}

func (r *run) depart(ended job, outcome *record.Outcome, now time.Time) {
	if ended.window && outcome.Error == "timeout" && ended.step.cutting.Load() {
		ended.step.cut.Add(1)
	}
	r.recorder.Depart(now, ended.scheduled, ended.window, outcome)
	r.rule.observe(now, outcome.Error != "")
}

// scriptErrors shows the first few errors of a script: the rest are the same ones again.
type scriptErrors struct {
	logger *logrus.Entry
	count  atomic.Int64
}

const scriptErrorsShown = 5

func (s *scriptErrors) log(err error) {
	if s.count.Add(1) > scriptErrorsShown {
		return
	}
	var exception errext.Exception
	if errors.As(err, &exception) {
		s.logger.WithField("source", "stacktrace").Error(exception.StackTrace())
		return
	}
	s.logger.Error(err.Error())
}
