// Package module is `k6/x/ragscale`, what load scripts import (docs/architecture.md).
package module

import (
	"fmt"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/js/common"
	"go.k6.io/k6/js/modules"

	"ragscale.dev/xk6-ragscale/arrival"
	"ragscale.dev/xk6-ragscale/record"
)

// Name is what scripts import.
const Name = "k6/x/ragscale"

// Module is the module of the process.
type Module struct{}

// instance is the module of one virtual user.
type instance struct {
	vu   modules.VU
	slot *arrival.Slot
	// unscheduled takes the outcome of requests that belong to no arrival, as in setup(): they are not recorded.
	unscheduled record.Outcome
}

var _ modules.Module = (*Module)(nil)

// NewModuleInstance is called once for each virtual user.
func (*Module) NewModuleInstance(vu modules.VU) modules.Instance { return &instance{vu: vu} }

// Exports are the functions of the module.
func (i *instance) Exports() modules.Exports {
	return modules.Exports{Named: map[string]any{
		"arrival": i.native(func(sobek.FunctionCall) any { return i.arrival() }),
		"pick":    i.native(func(sobek.FunctionCall) any { return i.pick() }),
		"request": i.native(func(call sobek.FunctionCall) any { return i.request(i.optionsOf(call)) }),
		"chat":    i.native(func(call sobek.FunctionCall) any { return i.chat(i.optionsOf(call)) }),
		"query":   i.native(func(call sobek.FunctionCall) any { return i.query(i.optionsOf(call)) }),
		"bodies":  i.bodies,
		"recall":  i.recall,
		"fail":    i.fail,
	}}
}

// native makes a function that every request calls one that JavaScript calls without reflection, which
// costs a tenth of the request.
func (i *instance) native(function func(sobek.FunctionCall) any) func(sobek.FunctionCall) sobek.Value {
	return func(call sobek.FunctionCall) sobek.Value { return i.vu.Runtime().ToValue(function(call)) }
}

func (i *instance) optionsOf(call sobek.FunctionCall) *sobek.Object {
	options, ok := call.Argument(0).(*sobek.Object)
	if !ok {
		i.throw("options are missing: give at least url")
	}
	return options
}

// throw ends the script's call with an exception.
func (i *instance) throw(format string, values ...any) {
	common.Throw(i.vu.Runtime(), fmt.Errorf(format, values...))
}

// current is the slot of the arrival that this iteration serves; nil when there is none.
func (i *instance) current() *arrival.Slot {
	if i.slot == nil {
		state := i.vu.State()
		if state == nil || state.VUID == 0 {
			return nil // the script's own body, setup() or teardown()
		}
		i.slot = arrival.Of(state.VUID)
	}
	if !i.slot.Active() {
		return nil
	}
	return i.slot
}

func (i *instance) scheduled(function string) *arrival.Slot {
	slot := i.current()
	if slot == nil {
		i.throw("%s() belongs in an iteration of the executor ragscale-open", function)
	}
	return slot
}

type arrivalView struct {
	Step        string  `js:"step"`
	Stage       string  `js:"stage"`
	Phase       string  `js:"phase"`
	Index       int64   `js:"index"`
	ScheduledMs float64 `js:"scheduledMs"`
}

func (i *instance) arrival() *arrivalView {
	slot := i.scheduled("arrival")
	phase := record.WarmupPhase
	if slot.Window {
		phase = record.WindowPhase
	}
	return &arrivalView{
		Step: slot.Step, Stage: slot.Plan.Stage, Phase: string(phase), Index: int64(slot.Index),
		ScheduledMs: float64(slot.Scheduled.UnixMicro()) / 1000,
	}
}

func (i *instance) pick() int {
	slot := i.scheduled("pick")
	if slot.Plan.Picker == nil {
		i.throw("pick() needs `queries` in the scenario")
	}
	return slot.Pick()
}

func (i *instance) recall(value float64) {
	slot := i.scheduled("recall")
	if !(value >= 0 && value <= 1) {
		i.throw("recall() takes a number from 0 to 1, not %v", value)
	}
	slot.Outcome.Recall, slot.Outcome.HasRecall = value, true
}

// fail lets a script that looked into an answer call it a failure.
func (i *instance) fail(label string) {
	if !errorLabel.MatchString(label) {
		i.throw("fail() takes a label of small letters, digits and _, not %q", label)
	}
	i.scheduled("fail").Outcome.Fail(label)
}

// outcome is where a request's outcome goes, and the request's defaults.
func (i *instance) outcome() (*record.Outcome, *arrival.Slot, time.Duration) {
	if slot := i.current(); slot != nil {
		return &slot.Outcome, slot, slot.Plan.Timeout
	}
	i.unscheduled.Reset()
	return &i.unscheduled, nil, 0
}

func isNullish(value sobek.Value) bool { return common.IsNullish(value) }
