package record

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"ragscale.dev/xk6-ragscale/schedule"
)

var start = time.UnixMilli(1_790_000_000_000)

func after(ms float64) time.Time { return start.Add(time.Duration(ms * 1e6)) }

// steady is a step of one second's warm-up and four seconds' window.
var steady = schedule.Step{ID: "s1", FromRate: 100, ToRate: 100, WarmupMs: 1000, WindowMs: 4000, DrainMs: 1000}

type recorded struct {
	*Recorder
	folder string
	stdout *bytes.Buffer
}

func open(t *testing.T, folder string) recorded {
	t.Helper()
	stdout := &bytes.Buffer{}
	recorder, err := Open(folder, stdout, "1.8.1", start)
	if err != nil {
		t.Fatal(err)
	}
	return recorded{recorder, folder, stdout}
}

// request lets one request go from an instant to an instant, in milliseconds after the step's start.
func (r recorded) request(from, to float64, window bool, change func(*Outcome)) (latency time.Duration) {
	r.Arrive(after(from), window, false)
	outcome := &Outcome{Sent: after(from), End: after(to)}
	latency = outcome.End.Sub(outcome.Sent)
	outcome.Set(Latency, latency)
	if change != nil {
		change(outcome)
	}
	r.Depart(after(to), after(from), window, outcome)
	return latency
}

// histograms are those of the log, merged by tag.
func (r recorded) histograms(t *testing.T) map[string]*hdrhistogram.Histogram {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(r.folder, "latency.hlog"))
	if err != nil {
		t.Fatal(err)
	}
	merged := map[string]*hdrhistogram.Histogram{}
	reader := hdrhistogram.NewHistogramLogReader(bytes.NewReader(log))
	for {
		interval, err := reader.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if interval == nil {
			return merged
		}
		if merged[interval.Tag()] == nil {
			merged[interval.Tag()] = newHistogram()
		}
		if dropped := merged[interval.Tag()].Merge(interval); dropped != 0 {
			t.Errorf("%d values of %s do not fit", dropped, interval.Tag())
		}
	}
}

func (r recorded) lines(t *testing.T, kind string) (lines []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.folder, "load.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(text), r.stdout.String()) {
		t.Error("stdout and load.ndjson differ")
	}
	for line := range strings.Lines(string(text)) {
		var document map[string]any
		if err := json.Unmarshal([]byte(line), &document); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if document["type"] == kind {
			lines = append(lines, document)
		}
	}
	return lines
}

func nearestRank[T cmp.Ordered](sorted []T, percent float64) T {
	const rounding = 1e-9 // of 99.9/100
	return sorted[max(0, int(math.Ceil(percent/100*float64(len(sorted))-rounding))-1)]
}

func TestPercentilesAreWithinATenthOfAPercentOfTheExactOnes(t *testing.T) {
	for name, draw := range map[string]func(*rand.Rand) float64{
		"exponential, 10 ms":            func(r *rand.Rand) float64 { return 10e6 * r.ExpFloat64() },
		"lognormal, 100 ms":             func(r *rand.Rand) float64 { return 100e6 * math.Exp(1.5*r.NormFloat64()) },
		"over nine orders of magnitude": func(r *rand.Rand) float64 { return math.Pow(10, 3+9*r.Float64()) },
		"microseconds, as gaps are":     func(r *rand.Rand) float64 { return 100 + 1e5*r.Float64() },
	} {
		random, histogram := rand.New(rand.NewPCG(1, 1)), newHistogram()
		var exact []int64
		for range 50_000 {
			value := int64(draw(random))
			exact = append(exact, value)
			recordValue(histogram, time.Duration(value))
		}
		slices.Sort(exact)
		for _, percent := range []float64{1, 50, 90, 95, 99, 99.9} {
			got, want := float64(histogram.ValueAtQuantile(percent)), float64(nearestRank(exact, percent))
			if math.Abs(got-want) > 0.001*want {
				t.Errorf("%s: P%v is %v, exactly %v", name, percent, got, want)
			}
		}
	}
}

func TestTheLogHoldsWhatWasRecordedBucketForBucketAndMergesExactly(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	whole, first, second := newHistogram(), open(t, t.TempDir()), open(t, t.TempDir())
	both := open(t, t.TempDir())
	for _, r := range []recorded{first, second, both} {
		r.Begin("embed", nil, 1000, start)
		r.BeginStep(steady, start)
		r.BeginWindow(after(1000))
	}
	for i := range 20_000 {
		at := 1000 + float64(i)/5
		latency := 5 * random.ExpFloat64()
		half := []recorded{first, second}[i%2]
		for _, r := range []recorded{half, both} {
			exact := r.request(at, at+latency, true, nil)
			if r == both {
				recordValue(whole, exact)
			}
			if i%5000 > 4997 {
				r.Tick(after(at))
			}
		}
	}
	merged := newHistogram()
	for _, r := range []recorded{first, second, both} {
		r.EndWindow(after(5000), true)
		r.EndStep(after(5100), 0, "")
		if err := r.Finish(Finished, after(5100)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []recorded{first, second} {
		merged.Merge(r.histograms(t)["s1.embed.latency"])
	}
	for name, histogram := range map[string]*hdrhistogram.Histogram{"one run": both.histograms(t)["s1.embed.latency"], "two merged runs": merged} {
		if !histogram.Equals(whole) {
			t.Errorf("the log of %s holds %d values, not the same as the %d recorded", name, histogram.TotalCount(), whole.TotalCount())
		}
	}
}

func TestEveryArrivalOfTheWindowEndsAsOneOfSucceededOrFailed(t *testing.T) {
	r := open(t, t.TempDir())
	r.Begin("pipeline", Limits{RagTTFT: 50 * time.Millisecond, Latency: 100 * time.Millisecond}, 3, start)
	r.BeginStep(steady, start)
	r.request(0, 10, false, nil)
	r.request(500, 510, false, func(o *Outcome) { o.Fail("http_500") })
	r.BeginWindow(after(1000))
	r.request(1000, 1040, true, func(o *Outcome) {
		o.Set(RagTTFT, 20*time.Millisecond)
		o.Cache = [cacheCount]CacheState{CacheHit, CacheMiss, CacheOff}
		o.Streamed, o.Counted, o.OutputTokens, o.Chunks, o.InputTokens, o.CachedTokens = true, true, 30, 10, 400, 300
		o.Gaps = []time.Duration{time.Millisecond, 2 * time.Millisecond}
		o.Recall, o.HasRecall = 0.8, true
		o.NewConnections = 1
	})
	r.request(1100, 1220, true, func(o *Outcome) {
		o.Set(RagTTFT, 20*time.Millisecond)
		o.Streamed, o.Chunks, o.ReusedConnections = true, 7, 1
	})
	r.request(1200, 1210, true, func(o *Outcome) { o.Fail("http_429"); o.Gaps = []time.Duration{time.Hour} })
	r.Arrive(after(1300), true, true)
	r.EndWindow(after(5000), true)
	if !r.EndStep(after(5020), 0, "") {
		t.Error("an arrival was shed and the step is not saturated")
	}
	if err := r.Finish(Finished, after(5020)); err != nil {
		t.Fatal(err)
	}
	step := r.lines(t, "step")[0]
	for field, want := range map[string]any{
		"scheduled": 4.0, "sent": 3.0, "succeeded": 2.0, "failed": 2.0, "shed": 1.0, "good": 1.0, "saturated": true, "stopped": nil,
		"windowMs": 4000.0, "drainedMs": 20.0, "inputTokens": 400.0, "cachedTokens": 300.0, "outputTokens": 30.0, "chunks": 10.0, "unmeasuredTokens": 1.0,
		"errors": map[string]any{"http_429": 1.0, "shed": 1.0}, "recall": map[string]any{"sum": 0.8, "count": 1.0},
		"cache":       map[string]any{"embedding": map[string]any{"hit": 1.0, "miss": 0.0}, "retrieval": map[string]any{"hit": 0.0, "miss": 1.0}},
		"connections": map[string]any{"new": 1.0, "reused": 1.0}, "maxInFlightSeen": 1.0,
	} {
		if got, _ := json.Marshal(step[field]); string(got) != string(must(json.Marshal(want))) {
			t.Errorf("%s is %s, not %v", field, got, want)
		}
	}
	counts := map[string]int64{}
	for tag, histogram := range r.histograms(t) {
		counts[tag] = histogram.TotalCount()
	}
	want := map[string]int64{"s1.pipeline.latency": 2, "s1.pipeline.schedule_delay": 3, "s1.pipeline.rag_ttft": 2, "s1.pipeline.itl_gap": 2}
	if string(must(json.Marshal(counts))) != string(must(json.Marshal(want))) {
		t.Errorf("the log counts %v, not %v", counts, want)
	}
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

func TestIntervalsCountEverythingOfTheirSecondAndBelongToOnePhase(t *testing.T) {
	r := open(t, t.TempDir())
	r.Begin("embed", nil, 10, start)
	ramp := steady
	ramp.ToRate = 300
	r.BeginStep(ramp, start)
	r.request(100, 110, false, nil)
	r.BeginWindow(after(1000))
	r.Tick(after(1001)) // too close to the change of phase
	r.request(1100, 1130, true, nil)
	r.request(1200, 1230, true, func(o *Outcome) { o.Fail("reset") })
	r.Arrive(after(1900), true, false)
	r.Tick(after(2000))
	r.EndWindow(after(5000), true)
	r.EndStep(after(5500), 0, "")
	if err := r.Finish(Finished, after(5500)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range r.lines(t, "interval") {
		got = append(got, strings.Join([]string{
			line["phase"].(string), number(line["elapsedMs"]), number(line["rate"]), number(line["scheduled"]),
			number(line["succeeded"]), number(line["failed"]), number(line["inFlight"]), string(must(json.Marshal(line["errors"]))),
		}, " "))
	}
	want := []string{"warmup 1000 100 1 1 0 0 {}", `window 2000 125 3 1 1 1 {"reset":1}`, "window 5000 225 0 0 0 1 {}", "drain 5500 0 0 0 0 1 {}"}
	if !slices.Equal(got, want) {
		t.Errorf("intervals\n%s\nare not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func number(value any) string { return string(must(json.Marshal(value))) }

func TestASecondStageGoesOnInTheSameFiles(t *testing.T) {
	folder := t.TempDir()
	for _, stage := range []string{"embed", "retrieve"} {
		r := open(t, folder)
		r.Begin(stage, nil, 10, start)
		r.BeginStep(steady, start)
		r.BeginWindow(after(1000))
		r.request(1100, 1130, true, nil)
		r.EndWindow(after(5000), true)
		r.EndStep(after(5000), 0, "")
		if err := r.Finish(Finished, after(5000)); err != nil {
			t.Fatal(err)
		}
		if stage == "retrieve" {
			both := r.histograms(t)
			if both["s1.embed.latency"].TotalCount() != 1 || both["s1.retrieve.latency"].TotalCount() != 1 {
				t.Errorf("the log holds %v", both)
			}
		}
	}
}

func TestADiskThatFillsFailsTheRecord(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	folder := t.TempDir()
	if err := os.Symlink("/dev/full", filepath.Join(folder, "load.ndjson")); err != nil {
		t.Fatal(err)
	}
	r := open(t, folder)
	r.Begin("embed", nil, 10, start)
	select {
	case <-r.Failed():
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
	r.BeginStep(steady, start)
	r.Tick(after(1000))
	for range 2 {
		if err := r.Finish(Finished, after(2000)); err == nil || !strings.Contains(err.Error(), "no space left") || !strings.Contains(err.Error(), "load.ndjson") {
			t.Errorf("the error is %v", err)
		}
	}
	if r.stdout.Len() != 0 {
		t.Errorf("a line that was not kept was shown: %s", r.stdout)
	}
}
