// Package output is k6's output `ragscale`: `--out ragscale=<folder>` opens the record that the executor
// and the module write to. It takes none of k6's own samples: an outcome is recorded where it happens.
package output

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"go.k6.io/k6/errext"
	"go.k6.io/k6/metrics"
	"go.k6.io/k6/output"

	"ragscale.dev/xk6-ragscale/record"
)

// Name is that of the output on k6's command line.
const Name = "ragscale"

var opened atomic.Pointer[record.Recorder]

// Recorder is the record of this process; nil without `--out ragscale=<folder>`.
func Recorder() *record.Recorder { return opened.Load() }

type ragscaleOutput struct{ params output.Params }

var _ output.WithStopWithTestError = (*ragscaleOutput)(nil)

// New makes the output of a run folder.
func New(params output.Params) (output.Output, error) {
	if params.ConfigArgument == "" {
		return nil, fmt.Errorf("name the run folder: --out ragscale=<folder>")
	}
	return &ragscaleOutput{params}, nil
}

func (o *ragscaleOutput) Description() string {
	return fmt.Sprintf("ragscale (%s)", o.params.ConfigArgument)
}

func (o *ragscaleOutput) Start() error {
	recorder, err := record.Open(o.params.ConfigArgument, o.params.StdOut, k6Version(), time.Now())
	if err != nil {
		return err
	}
	if !opened.CompareAndSwap(nil, recorder) {
		return fmt.Errorf("the output ragscale can be given once")
	}
	return nil
}

func (o *ragscaleOutput) AddMetricSamples([]metrics.SampleContainer) {}

func (o *ragscaleOutput) Stop() error { return o.StopWithTestError(nil) }

// StopWithTestError ends the record where the executor did not get to: a run that failed or was
// interrupted before its first step.
func (o *ragscaleOutput) StopWithTestError(testRunErr error) error {
	recorder := opened.Swap(nil)
	if recorder == nil {
		return nil
	}
	reason := record.Finished
	var aborted errext.HasAbortReason
	switch {
	case testRunErr == nil:
	case errors.As(testRunErr, &aborted) && aborted.AbortReason() == errext.AbortedByUser:
		reason = record.Interrupted
	default:
		reason = record.Failed
	}
	return recorder.Finish(reason, time.Now())
}

// k6Version is the version of k6 that is linked in, without the v.
func k6Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == "go.k6.io/k6" {
				return strings.TrimPrefix(dependency.Version, "v")
			}
		}
	}
	return "unknown"
}
