// Package executor is k6's executor `ragscale-open`: an open model of load, in which requests are due at
// instants that do not depend on how fast earlier ones are answered.
package executor

import (
	"fmt"
	"math"
	"regexp"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/lib"
	"go.k6.io/k6/lib/executor"

	"ragscale.dev/xk6-ragscale/arrival"
	"ragscale.dev/xk6-ragscale/record"
	"ragscale.dev/xk6-ragscale/schedule"
)

// Type is the executor's name in a scenario.
const Type = "ragscale-open"

// Config is the scenario of a load plan (docs/architecture.md, "The load plan").
type Config struct {
	executor.BaseConfig
	Stage       string             `json:"stage"`
	Seed        uint64             `json:"seed"`
	Arrivals    schedule.Arrivals  `json:"arrivals"`
	Steps       []schedule.Step    `json:"steps"`
	MaxInFlight int                `json:"maxInFlight"`
	TimeoutMs   float64            `json:"timeoutMs"`
	StopWhen    *StopWhen          `json:"stopWhen"`
	Good        map[string]float64 `json:"good"`
	Queries     *Queries           `json:"queries"`
	// PreAllocatedVUs is how many virtual users are made before the first step; more are made ahead of need.
	PreAllocatedVUs *int `json:"preAllocatedVUs"`
}

// StopWhen ends a run early.
type StopWhen struct {
	// FailedShare ends the run when more than this share of the last MinRequests arrivals failed.
	FailedShare *float64 `json:"failedShare"`
	MinRequests *int     `json:"minRequests"`
	// SaturatedSteps ends the run after this many saturated steps in a row.
	SaturatedSteps *int `json:"saturatedSteps"`
}

// Queries is what pick() draws from.
type Queries struct {
	Count int      `json:"count"`
	Zipf  *float64 `json:"zipf"`
}

const (
	defaultMinRequests     = 50
	defaultPreAllocatedVUs = 64
)

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// NewConfig reads a scenario.
func NewConfig(name string, rawJSON []byte) (lib.ExecutorConfig, error) {
	config := &Config{BaseConfig: executor.NewBaseConfig(name, Type)}
	if err := lib.StrictJSONUnmarshal(rawJSON, config); err != nil {
		return nil, err
	}
	return config, nil
}

// Validate says everything that is wrong with the scenario.
func (c *Config) Validate() []error {
	errs := c.BaseConfig.Validate()
	check := func(ok bool, format string, values ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, values...))
		}
	}
	check(plainName.MatchString(c.Stage), "stage must be a word, not %q", c.Stage)
	check(c.MaxInFlight > 0 && c.MaxInFlight <= 1<<20, "maxInFlight must be from 1 to 1,048,576, not %d", c.MaxInFlight)
	check(c.TimeoutMs >= 0 && c.TimeoutMs < math.MaxInt64/1e6, "timeoutMs must be 0 or more, not %v", c.TimeoutMs)
	check(c.PreAllocatedVUs == nil || *c.PreAllocatedVUs >= 0, "preAllocatedVUs must be 0 or more")
	check(c.Queries == nil || c.Queries.Count > 0, "queries.count must be more than 0")
	check(c.Queries == nil || c.Queries.Zipf == nil || (*c.Queries.Zipf >= 0 && *c.Queries.Zipf <= 100), "queries.zipf must be from 0 to 100")
	check(len(c.Steps) > 0, "steps must not be empty")
	if err := c.Arrivals.Validate(); err != nil {
		errs = append(errs, err)
	}
	known := map[string]bool{}
	for _, step := range c.Steps {
		if err := step.Validate(); err != nil {
			errs = append(errs, err)
		}
		check(plainName.MatchString(step.ID), "step ids must be words, not %q", step.ID)
		check(!known[step.ID], "two steps are called %q", step.ID)
		known[step.ID] = true
	}
	if s := c.StopWhen; s != nil {
		check(s.FailedShare == nil || (*s.FailedShare >= 0 && *s.FailedShare <= 1), "stopWhen.failedShare must be from 0 to 1")
		check(s.MinRequests == nil || (*s.MinRequests > 0 && *s.MinRequests <= 1e6), "stopWhen.minRequests must be from 1 to 1,000,000")
		check(s.SaturatedSteps == nil || *s.SaturatedSteps > 0, "stopWhen.saturatedSteps must be more than 0")
	}
	if _, err := c.limits(); err != nil {
		errs = append(errs, err)
	}
	return errs
}

func (c *Config) limits() (record.Limits, error) {
	limits := record.Limits{}
	for name, limitMs := range c.Good {
		metric, known := record.MetricByName(name)
		if !known {
			return nil, fmt.Errorf("good: there is no metric %q", name)
		}
		if metric == record.TTFT && c.Stage == "pipeline" {
			metric = record.RagTTFT
		}
		limits[metric] = time.Duration(limitMs * float64(time.Millisecond))
	}
	return limits, nil
}

func (c *Config) plan() *arrival.Plan {
	plan := &arrival.Plan{Stage: c.Stage, Seed: c.Seed, Timeout: time.Duration(c.TimeoutMs * float64(time.Millisecond))}
	if c.Queries != nil {
		plan.Picker = schedule.NewPicker(c.Queries.Count, c.Queries.Zipf)
	}
	return plan
}

func (c *Config) preAllocated() int {
	if c.PreAllocatedVUs == nil {
		return min(defaultPreAllocatedVUs, c.MaxInFlight)
	}
	return min(*c.PreAllocatedVUs, c.MaxInFlight)
}

func (c *Config) duration() (total time.Duration) {
	for _, step := range c.Steps {
		total += step.Warmup() + step.Window() + step.Drain()
	}
	return total
}

// GetExecutionRequirements tells k6 how many virtual users to make.
func (c *Config) GetExecutionRequirements(*lib.ExecutionTuple) []lib.ExecutionStep {
	planned := c.preAllocated()
	return []lib.ExecutionStep{
		{TimeOffset: 0, PlannedVUs: uint64(planned), MaxUnplannedVUs: uint64(c.MaxInFlight - planned)},
		{TimeOffset: c.duration() + c.GetGracefulStop()},
	}
}

// GetDescription is one line about the scenario.
func (c *Config) GetDescription(*lib.ExecutionTuple) string {
	return fmt.Sprintf("%s: %d steps of %s arrivals, %s in all, up to %d in flight", c.Stage, len(c.Steps), c.Arrivals.Kind, c.duration(), c.MaxInFlight)
}

// IsDistributable is false: a plan is already one process's share of the load.
func (c *Config) IsDistributable() bool { return false }

// HasWork is always true.
func (c *Config) HasWork(*lib.ExecutionTuple) bool { return true }

// NewExecutor makes the executor.
func (c *Config) NewExecutor(state *lib.ExecutionState, logger *logrus.Entry) (lib.Executor, error) {
	return &Executor{BaseExecutor: executor.NewBaseExecutor(c, state, logger), config: c, state: state, logger: logger}, nil
}
