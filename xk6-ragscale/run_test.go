package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ragscale.dev/xk6-ragscale/schedule"
)

func TestEveryScheduledRequestIsSentAndRecorded(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	url := server(t, func(http.ResponseWriter, *http.Request) { served.Add(1) })
	r := run(t, plan(url, object{"steps": []object{step("s1", nil), step("s2", object{"toRate": 200})}}))
	if r.exit != 0 || r.reason() != "finished" || len(r.starts) != 1 || r.starts[0]["k6"] != "1.8.1" || r.starts[0]["stage"] != "embed" {
		t.Fatalf("exit %d, start %v, end %v, stderr: %s", r.exit, r.starts, r.end, r.stderr)
	}
	counts := r.counts(t)
	for i, want := range []float64{100, 150} {
		s := r.steps[i]
		addsUp(t, s)
		if s["scheduled"] != want || s["succeeded"] != want || s["windowMs"] != 1000.0 {
			t.Errorf("%s: %v", s["step"], s)
		}
		for _, metric := range []string{"latency", "schedule_delay"} {
			if tag := s["step"].(string) + ".embed." + metric; float64(counts[tag]) != want {
				t.Errorf("the log has %d of %s", counts[tag], tag)
			}
		}
	}
	if served.Load() != 250+20+20 {
		t.Errorf("the server saw %d requests", served.Load())
	}
	scheduled := 0.0
	for _, interval := range r.intervals {
		scheduled += interval["scheduled"].(float64)
	}
	if scheduled != 290 {
		t.Errorf("the intervals count %v arrivals", scheduled)
	}
}

func TestArrivalsAndQueriesAreThoseOfTheSchedule(t *testing.T) {
	t.Parallel()
	type seen struct {
		Step, Stage, Phase string
		Index              int
		ScheduledMs        float64
		Query              int
	}
	var mutex sync.Mutex
	var all []seen
	url := server(t, func(_ http.ResponseWriter, r *http.Request) {
		var one seen
		_ = json.NewDecoder(r.Body).Decode(&one)
		mutex.Lock()
		all = append(all, one)
		mutex.Unlock()
	})
	r := run(t, plan(url, object{"call": "identify", "seed": 9, "arrivals": object{"kind": "gamma", "burstiness": 2}}))
	startedAt := r.step(t)["startedAt"].(float64)
	slices.SortFunc(all, func(a, b seen) int { return a.Index - b.Index })

	exponent := 0.9
	picker, queries := schedule.NewPicker(100, &exponent), schedule.NewSource(9, "s1", "queries")
	arrivals := schedule.New(schedule.Arrivals{Kind: schedule.Gamma, Burstiness: 2},
		schedule.Step{ID: "s1", FromRate: 100, ToRate: 100, WarmupMs: 200, WindowMs: 1000}, 9)
	count := 0
	for offset, more := arrivals.Next(); more; offset, more = arrivals.Next() {
		if count >= len(all) {
			break
		}
		got := all[count]
		phase := "warmup"
		if offset >= 200*time.Millisecond {
			phase = "window"
		}
		due := startedAt + float64(offset)/1e6
		if got.Index != count || got.Step != "s1" || got.Stage != "embed" || got.Phase != phase || got.Query != picker.Pick(&queries, uint64(count)) || got.ScheduledMs < due-0.01 || got.ScheduledMs > due+0.01 {
			t.Fatalf("arrival %d, due %v ms after the start, is %+v", count, float64(offset)/1e6, got)
		}
		count++
	}
	if count != len(all) {
		t.Errorf("%d arrivals were scheduled and %d seen", count, len(all))
	}
}

func TestArrivalsBeyondTheLimitAreShedAndTheStepIsSaturated(t *testing.T) {
	t.Parallel()
	r := run(t, plan(server(t, slowly(500*time.Millisecond)), object{
		"maxInFlight": 5, "stopWhen": object{"failedShare": nil, "minRequests": nil, "saturatedSteps": 1},
		"steps": []object{step("s1", nil), step("s2", nil)},
	}))
	s := r.step(t)
	if s["saturated"] != true || s["shed"].(float64) < 50 || s["maxInFlightSeen"] != 5.0 || s["limitReachedMs"].(float64) < 500 || s["stopped"] != nil {
		t.Errorf("the step is %v", s)
	}
	if r.reason() != "stopped" || r.exit != 0 {
		t.Errorf("after one saturated step the run ended with %q, exit %d", r.reason(), r.exit)
	}
}

func TestWhatIsInFlightAtTheWindowsEndMayFinish(t *testing.T) {
	t.Parallel()
	s := run(t, plan(server(t, slowly(400*time.Millisecond)), nil)).step(t)
	if s["succeeded"] != 100.0 || s["cut"] != 0.0 || s["drainedMs"].(float64) < 100 || s["saturated"] != false {
		t.Errorf("the step is %v", s)
	}
}

func TestWhatIsUnfinishedAtTheDrainLimitTimesOut(t *testing.T) {
	t.Parallel()
	s := run(t, plan(server(t, slowly(time.Minute)), object{"timeoutMs": 60000, "maxInFlight": 500, "steps": []object{step("s1", object{"drainMs": 200})}})).step(t)
	if s["succeeded"] != 0.0 || s["cut"] != 100.0 || s["errors"].(object)["timeout"] != 100.0 || s["saturated"] != true {
		t.Errorf("the step is %v", s)
	}
}

func TestARequestTimesOutByItself(t *testing.T) {
	t.Parallel()
	s := run(t, plan(server(t, slowly(time.Minute)), object{"timeoutMs": 100})).step(t)
	if s["errors"].(object)["timeout"] != 100.0 || s["cut"] != 0.0 || s["saturated"] != false {
		t.Errorf("the step is %v", s)
	}
}

func TestARunInWhichMostRequestsFailStops(t *testing.T) {
	t.Parallel()
	url := server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	r := run(t, plan(url, object{
		"stopWhen": object{"failedShare": 0.9, "minRequests": 30, "saturatedSteps": nil},
		"steps":    []object{step("s1", object{"windowMs": 20000}), step("s2", nil)},
	}))
	s := r.step(t)
	if s["stopped"] != "30 of the last 30 requests failed" || s["windowMs"].(float64) > 5000 || r.reason() != "stopped" || r.exit != 0 {
		t.Errorf("the step is %v, the end %v", s, r.end)
	}
}

func TestVirtualUsersAreMadeWhenTheyAreNeeded(t *testing.T) {
	t.Parallel()
	s := run(t, plan(server(t, slowly(300*time.Millisecond)), object{"preAllocatedVUs": 0, "maxInFlight": 100})).step(t)
	if s["succeeded"] != 100.0 || s["shed"] != 0.0 {
		t.Errorf("the step is %v", s)
	}
}

func TestCtrlCEndsTheRunInGoodOrder(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	slow := slowly(500 * time.Millisecond)
	p := start(t, plan(server(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		slow(w, r)
	}), object{"maxInFlight": 200, "steps": []object{step("s1", object{"windowMs": 30000}), step("s2", nil)}}))
	for served.Load() < 60 {
		time.Sleep(5 * time.Millisecond)
	}
	// Twice in a moment is one gesture: a terminal and a parent may both pass it on.
	_ = p.Process.Signal(syscall.SIGINT)
	_ = p.Process.Signal(syscall.SIGINT)
	r := p.finish()
	s := r.step(t)
	if r.exit != 0 || r.reason() != "interrupted" || s["stopped"] != "interrupted" || s["failed"] != 0.0 || s["succeeded"].(float64) < 30 {
		t.Errorf("exit %d, end %v, step %v, stderr: %s", r.exit, r.end, s, r.stderr)
	}
	if got := r.counts(t)["s1.embed.latency"]; float64(got) != s["succeeded"] {
		t.Errorf("the log has %d latencies of %v", got, s["succeeded"])
	}
}

func TestASecondCtrlCWaitsForNothing(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	hang := slowly(time.Minute)
	p := start(t, plan(server(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		hang(w, r)
	}), object{"timeoutMs": 60000, "maxInFlight": 500, "steps": []object{step("s1", object{"windowMs": 30000, "drainMs": 60000})}}))
	for served.Load() < 60 {
		time.Sleep(5 * time.Millisecond)
	}
	_ = p.Process.Signal(syscall.SIGINT)
	time.Sleep(400 * time.Millisecond)
	_ = p.Process.Signal(syscall.SIGINT)
	r := p.finish()
	s := r.step(t)
	if r.exit != 0 || r.reason() != "interrupted" || s["errors"].(object)["aborted"] != s["scheduled"] {
		t.Errorf("exit %d, end %v, step %v", r.exit, r.end, s)
	}
}

func TestCtrlCDuringADrainBeginsNoFurtherStep(t *testing.T) {
	t.Parallel()
	p := start(t, plan(server(t, slowly(1500*time.Millisecond)), object{"maxInFlight": 200, "steps": []object{step("s1", object{"windowMs": 300}), step("s2", nil)}}))
	p.onLine = func(line object) {
		if line["type"] == "interval" && line["phase"] == "window" {
			_ = p.Process.Signal(syscall.SIGINT)
		}
	}
	r := p.finish()
	s := r.step(t)
	if r.exit != 0 || r.reason() != "interrupted" || s["stopped"] != nil || s["succeeded"] != 30.0 {
		t.Errorf("exit %d, end %v, step %v", r.exit, r.end, s)
	}
}

func TestNothingLoadsOnWhenNobodyReads(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	url := server(t, func(http.ResponseWriter, *http.Request) { served.Add(1) })
	p := startDeaf(t, plan(url, object{"steps": []object{step("s1", object{"windowMs": 60000})}}))
	for served.Load() < 30 {
		time.Sleep(5 * time.Millisecond)
	}
	_ = p.stdout.Close()
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the run goes on")
	}
}

func TestCtrlCBeforeTheFirstStepIsSaid(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{}, 1)
	hang := slowly(time.Minute)
	p := start(t, plan(server(t, func(w http.ResponseWriter, r *http.Request) {
		waiting <- struct{}{}
		hang(w, r)
	}), object{"call": "setup"}))
	<-waiting
	_ = p.Process.Signal(syscall.SIGINT)
	r := p.finish()
	if r.exit != 105 || r.reason() != "interrupted" || len(r.steps) != 0 {
		t.Errorf("exit %d, end %v, stderr: %s", r.exit, r.end, r.stderr)
	}
}

func TestWhatAKilledRunLeftCanBeReadToItsLastLine(t *testing.T) {
	t.Parallel()
	p := start(t, plan(server(t, slowly(0)), object{"steps": []object{step("s1", object{"windowMs": 30000})}}))
	intervals := 0
	for line := range p.lines {
		if line["type"] == "interval" && line["phase"] == "window" {
			intervals++
		}
		if intervals == 2 {
			break
		}
	}
	_ = p.Process.Kill()
	r := p.finish()
	if got := r.counts(t)["s1.embed.latency"]; got < 100 {
		t.Errorf("the log of a killed run has %d latencies", got)
	}
	lines, err := os.ReadFile(filepath.Join(p.folder, "load.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		if strings.HasSuffix(line, "\n") && !json.Valid([]byte(line)) {
			t.Errorf("%q is not JSON", line)
		}
	}
}

func TestADiskThatFillsEndsTheRunWithAnError(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	for _, file := range []string{"latency.hlog", "load.ndjson"} {
		folder := t.TempDir()
		if err := os.Symlink("/dev/full", filepath.Join(folder, file)); err != nil {
			t.Fatal(err)
		}
		r := startIn(t, plan(server(t, slowly(0)), object{"steps": []object{step("s1", object{"windowMs": 60000})}}), folder).finish()
		if r.exit == 0 || len(r.end) != 0 || !strings.Contains(r.stderr, "no space left") || !strings.Contains(r.stderr, file) {
			t.Errorf("%s: exit %d, end %v, stderr: %s", file, r.exit, r.end, r.stderr)
		}
	}
}

func TestALostDiskDuringTheRunIsExit120(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	folder := t.TempDir()
	if err := os.Symlink("/dev/full", filepath.Join(folder, "load.ndjson")); err != nil {
		t.Fatal(err)
	}
	r := startIn(t, plan(server(t, slowly(0)), object{"steps": []object{step("s1", object{"windowMs": 60000})}}), folder).finish()
	if r.exit != 120 {
		t.Errorf("exit %d, stderr: %s", r.exit, r.stderr)
	}
}
