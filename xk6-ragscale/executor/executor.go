package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/errext"
	"go.k6.io/k6/errext/exitcodes"
	"go.k6.io/k6/lib"
	"go.k6.io/k6/lib/executor"
	"go.k6.io/k6/metrics"

	"ragscale.dev/xk6-ragscale/arrival"
	"ragscale.dev/xk6-ragscale/output"
	"ragscale.dev/xk6-ragscale/record"
)

// RecordLost is k6's exit code when the record of the run could not be written.
const RecordLost exitcodes.ExitCode = 120

var errRecordLost = errors.New("the record of the run could not be written")

// Executor runs the steps of one scenario.
type Executor struct {
	*executor.BaseExecutor
	config *Config
	state  *lib.ExecutionState
	logger *logrus.Entry
}

// run is one Run of the executor.
type run struct {
	*Executor
	ctx        context.Context
	plan       *arrival.Plan
	recorder   *record.Recorder
	pool       *pool
	rule       *stopRule
	interrupts *interrupts

	users sync.WaitGroup // virtual users that are active
	// broken is closed, after brokenBy was set, when the run cannot go on.
	broken     chan struct{}
	breakOnce  sync.Once
	brokenBy   error
	scriptErrs scriptErrors
}

// Run runs every step, and returns once the record is complete.
func (e *Executor) Run(parent context.Context, _ chan<- metrics.SampleContainer) error {
	recorder := output.Recorder()
	if recorder == nil {
		return fmt.Errorf("the executor %s needs the output it records to: --out %s=<folder>", Type, output.Name)
	}
	limits, err := e.config.limits()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(lib.WithScenarioState(parent, &lib.ScenarioState{
		Name: e.config.Name, Executor: Type, StartTime: time.Now(),
		ProgressFn: func() (float64, []string) { return 0, nil },
	}))
	defer cancel()
	r := &run{
		Executor: e, ctx: ctx, plan: e.config.plan(), recorder: recorder, pool: newPool(e.config.MaxInFlight),
		rule: newStopRule(e.config.StopWhen), interrupts: takeInterrupts(), broken: make(chan struct{}),
		scriptErrs: scriptErrors{logger: e.logger},
	}
	defer r.interrupts.release()
	recorder.Begin(e.config.Stage, limits, e.config.MaxInFlight, time.Now())
	if err := r.startUsers(); err != nil {
		return err
	}
	background := r.inBackground(ctx)
	reason := r.runSteps()
	cancel()
	background.Wait()
	r.users.Wait()
	return r.finish(parent, reason)
}

func (r *run) finish(parent context.Context, reason record.Reason) error {
	if parent.Err() != nil && r.brokenBy == nil {
		return nil // k6 aborted the run and knows why; the output ends the record with that
	}
	if r.brokenBy != nil {
		reason = record.Failed
	}
	if err := r.recorder.Finish(reason, time.Now()); err != nil {
		return errext.WithExitCodeIfNone(err, RecordLost)
	}
	return r.brokenBy
}

// fail ends the run with an error.
func (r *run) fail(err error) {
	r.breakOnce.Do(func() {
		r.brokenBy = err
		close(r.broken)
	})
}

// inBackground runs what goes on beside the steps: virtual users made ahead of need, and an eye on the disk.
func (r *run) inBackground(ctx context.Context) *sync.WaitGroup {
	var group sync.WaitGroup
	group.Go(func() { r.makeUsers(ctx) })
	group.Go(func() {
		select {
		case <-r.recorder.Failed():
			r.fail(errRecordLost)
		case <-ctx.Done():
		}
	})
	return &group
}
