package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// binary is k6 with the extension, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait more than they work.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(withBinary(m))
}

func withBinary(m *testing.M) int {
	folder, err := os.MkdirTemp("", "k6-ragscale-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "k6-ragscale")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	return m.Run()
}

type object = map[string]any

// plan is a short one at 100 a second; what is given replaces or adds to its fields.
func plan(url string, changes object) object {
	whole := object{
		"stage": "embed", "seed": 1, "arrivals": object{"kind": "constant"}, "maxInFlight": 50, "timeoutMs": 2000, "preAllocatedVUs": 10,
		"queries": object{"count": 100, "zipf": 0.9}, "steps": []object{step("s1", nil)},
		"call": "request", "url": url,
	}
	maps.Copy(whole, changes)
	return whole
}

func step(id string, changes object) object {
	whole := object{"id": id, "fromRate": 100, "toRate": 100, "warmupMs": 200, "windowMs": 1000, "drainMs": 2000}
	maps.Copy(whole, changes)
	return whole
}

type process struct {
	*exec.Cmd
	t      *testing.T
	folder string
	stdout io.ReadCloser
	stderr bytes.Buffer
	lines  chan object
	// onLine, where it is set, sees each line as finish reads it.
	onLine func(object)
}

func start(t *testing.T, plan object) *process {
	t.Helper()
	return startIn(t, plan, t.TempDir())
}

func startIn(t *testing.T, plan object, folder string, environment ...string) *process {
	t.Helper()
	p := prepare(t, plan, folder, environment...)
	go func() {
		defer close(p.lines)
		for scanner := bufio.NewScanner(p.stdout); scanner.Scan(); {
			var line object
			if json.Unmarshal(scanner.Bytes(), &line) == nil {
				p.lines <- line
			}
		}
	}()
	return p
}

// startDeaf starts a run whose stdout nobody reads yet.
func startDeaf(t *testing.T, plan object) *process {
	t.Helper()
	return prepare(t, plan, t.TempDir())
}

func prepare(t *testing.T, plan object, folder string, environment ...string) *process {
	t.Helper()
	file := filepath.Join(folder, "plan.json")
	document, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, folder: folder, lines: make(chan object, 1000)}
	p.Cmd = exec.Command(binary, "run", "--quiet", "--summary-mode=disabled", "--no-thresholds", "--no-usage-report",
		"--address", "", "--out", "ragscale="+folder, "testdata/load.js")
	p.Env = append(os.Environ(), "RAGSCALE_PLAN="+file, "K6_AUTO_EXTENSION_RESOLUTION=false")
	p.Env = append(p.Env, environment...)
	p.Stderr = &p.stderr
	if p.stdout, err = p.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// record is what a finished run left, its lines by their type.
type record struct {
	exit                   int
	stderr                 string
	starts, intervals, end []object
	steps                  []object
	folder                 string
}

func (p *process) finish() record {
	p.t.Helper()
	r := record{folder: p.folder}
	timeout := time.AfterFunc(30*time.Second, func() { _ = p.Process.Kill() })
	defer timeout.Stop()
	for line := range p.lines {
		if p.onLine != nil {
			p.onLine(line)
		}
		switch line["type"] {
		case "start":
			r.starts = append(r.starts, line)
		case "interval":
			r.intervals = append(r.intervals, line)
		case "step":
			r.steps = append(r.steps, line)
		case "end":
			r.end = append(r.end, line)
		}
	}
	_ = p.Wait()
	r.exit, r.stderr = p.ProcessState.ExitCode(), p.stderr.String()
	return r
}

func run(t *testing.T, plan object) record {
	t.Helper()
	return start(t, plan).finish()
}

// step is the only step's line, which must add up.
func (r record) step(t *testing.T) object {
	t.Helper()
	if len(r.steps) != 1 {
		t.Fatalf("there are %d lines of steps; exit %d, stderr: %s", len(r.steps), r.exit, r.stderr)
	}
	addsUp(t, r.steps[0])
	return r.steps[0]
}

func addsUp(t *testing.T, step object) {
	t.Helper()
	n := func(field string) float64 { return step[field].(float64) }
	errors := 0.0
	for _, count := range step["errors"].(object) {
		errors += count.(float64)
	}
	if n("scheduled") != n("sent")+n("shed") || n("sent") != n("succeeded")+n("failed")-n("shed") || errors != n("failed") {
		t.Errorf("the step does not add up: %v", step)
	}
}

func (r record) reason() string {
	if len(r.end) != 1 {
		return fmt.Sprintf("%d end lines", len(r.end))
	}
	return r.end[0]["reason"].(string)
}

// counts are those of the log's histograms by tag; a half-written last line is left out.
func (r record) counts(t *testing.T) map[string]int64 {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(r.folder, "latency.hlog"))
	if err != nil {
		t.Fatal(err)
	}
	whole := log[:bytes.LastIndexByte(log, '\n')+1]
	counts := map[string]int64{}
	for reader := hdrhistogram.NewHistogramLogReader(bytes.NewReader(whole)); ; {
		histogram, err := reader.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if histogram == nil {
			return counts
		}
		counts[histogram.Tag()] += histogram.TotalCount()
	}
}

func server(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// slowly answers after a while, or when the client is gone.
func slowly(after time.Duration) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it seen that the client goes
		select {
		case <-time.After(after):
		case <-r.Context().Done():
		}
	}
}

func TestTheVersionShowsTheExtension(t *testing.T) {
	version, err := exec.Command(binary, "version").Output()
	if err != nil || !strings.Contains(string(version), "v1.8.1") || !strings.Contains(string(version), "k6/x/ragscale") {
		t.Errorf("version says %s, %v", version, err)
	}
}
