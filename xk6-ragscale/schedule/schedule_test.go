package schedule_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"ragscale.dev/xk6-ragscale/schedule"
)

func TestAScheduleDependsOnSeedStepAndKindAlone(t *testing.T) {
	poisson := schedule.Arrivals{Kind: schedule.Poisson}
	step := flat(100, 10*time.Second)
	first := instants(poisson, step, 1)
	if !slices.Equal(first, instants(poisson, step, 1)) {
		t.Error("the same seed, step and kind gave two schedules")
	}
	other := step
	other.ID = "s2"
	for name, differing := range map[string][]float64{
		"another seed": instants(poisson, step, 2),
		"another step": instants(poisson, other, 1),
		"another kind": instants(schedule.Arrivals{Kind: schedule.Gamma, Burstiness: 1}, step, 1),
	} {
		if slices.Equal(first, differing) {
			t.Errorf("%s gave the same schedule", name)
		}
	}
}

func TestInstantsAscendAndEndWithTheWindow(t *testing.T) {
	step := schedule.Step{ID: "s1", FromRate: 500, ToRate: 20, WarmupMs: 700, WindowMs: 2300, DrainMs: 5000}
	for _, arrivals := range []schedule.Arrivals{{Kind: schedule.Poisson}, {Kind: schedule.Constant}, {Kind: schedule.Gamma, Burstiness: 8}, {Kind: schedule.Trace, OffsetsMs: []float64{0, 1, 1, 2999, 3000, 9000}}} {
		all := instants(arrivals, step, 1)
		if len(all) == 0 || !slices.IsSorted(all) || all[0] < 0 || all[len(all)-1] >= 3 {
			t.Errorf("%s: %d instants, the first %v and the last %v", arrivals.Kind, len(all), all[0], all[len(all)-1])
		}
	}
}

func TestATraceIsReplayedAsItIs(t *testing.T) {
	got := instants(schedule.Arrivals{Kind: schedule.Trace, OffsetsMs: []float64{0, 12.5, 12.5, 900, 1500}}, flat(5, time.Second), 1)
	if want := []float64{0, 0.0125, 0.0125, 0.9}; !slices.Equal(got, want) {
		t.Errorf("instants are %v, not %v", got, want)
	}
}

func TestConstantArrivalsOfAWindowAreAsManyAsItsRateSays(t *testing.T) {
	for _, rate := range []float64{1, 3, 7, 50, 333, 1000} {
		step := flat(rate, 3*time.Second)
		step.WarmupMs = 1000
		inWindow := 0
		for _, x := range instants(schedule.Arrivals{Kind: schedule.Constant}, step, 1) {
			if x >= 1 {
				inWindow++
			}
		}
		if inWindow != int(3*rate) {
			t.Errorf("%v a second for 3 s gave %d arrivals", rate, inWindow)
		}
	}
}

func TestAStepWithoutARateHasNoArrivals(t *testing.T) {
	for _, arrivals := range []schedule.Arrivals{{Kind: schedule.Poisson}, {Kind: schedule.Constant}, {Kind: schedule.Gamma, Burstiness: 2}} {
		if all := instants(arrivals, flat(0, time.Second), 1); len(all) != 0 {
			t.Errorf("%s: %d arrivals at a rate of 0", arrivals.Kind, len(all))
		}
	}
}

func TestTheRateGoesInAStraightLineOverTheWindow(t *testing.T) {
	step := schedule.Step{ID: "s1", FromRate: 10, ToRate: 30, WarmupMs: 1000, WindowMs: 4000}
	for at, want := range map[time.Duration]float64{
		-time.Second: 0, 0: 10, 999 * time.Millisecond: 10, 3 * time.Second: 20, 4999999999: 30, 5 * time.Second: 0,
	} {
		if got := step.RateAt(at); math.Abs(got-want) > 1e-6 {
			t.Errorf("the rate at %v is %v, not %v", at, got, want)
		}
	}
}

func TestWhatCannotBeScheduledIsRefusedInWords(t *testing.T) {
	for want, err := range map[string]error{
		"poisson, constant, gamma or trace": schedule.Arrivals{Kind: "uniform"}.Validate(),
		"burstiness above 0":                schedule.Arrivals{Kind: schedule.Gamma}.Validate(),
		"need offsetsMs":                    schedule.Arrivals{Kind: schedule.Trace}.Validate(),
		"offsets must ascend":               schedule.Arrivals{Kind: schedule.Trace, OffsetsMs: []float64{3, 2}}.Validate(),
		"needs an id":                       schedule.Step{WindowMs: 1}.Validate(),
		"rates must be":                     schedule.Step{ID: "s", FromRate: math.NaN(), WindowMs: 1}.Validate(),
		"windowMs more than 0":              schedule.Step{ID: "s"}.Validate(),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; it should say %q", err, want)
		}
	}
}

func TestQueriesAreDrawnByZipfsLaw(t *testing.T) {
	const count, draws = 200, 400_000
	for _, exponent := range []float64{0, 0.5, 0.9, 1, 1.4} {
		picker := schedule.NewPicker(count, &exponent)
		source := schedule.NewSource(5, "s1", "queries")
		seen := make([]float64, count)
		for index := range uint64(draws) {
			seen[picker.Pick(&source, index)]++
		}
		total := 0.0
		for i := range count {
			total += math.Pow(float64(i+1), -exponent)
		}
		chiSquared := 0.0
		for i := range count {
			want := draws * math.Pow(float64(i+1), -exponent) / total
			chiSquared += (seen[i] - want) * (seen[i] - want) / want
		}
		// Mean 199, standard deviation √(2·199) = 20.
		if chiSquared > 199+4*20 {
			t.Errorf("exponent %v: χ² is %.0f over 199 degrees of freedom", exponent, chiSquared)
		}
	}
}

func TestAQueryDependsOnSeedStepAndIndexAlone(t *testing.T) {
	exponent := 0.9
	picker := schedule.NewPicker(1000, &exponent)
	draw := func(seed uint64, step string) (all []int) {
		source := schedule.NewSource(seed, step, "queries")
		for _, index := range []uint64{9, 3, 3, 0, 9, 1 << 40} {
			all = append(all, picker.Pick(&source, index))
		}
		return all
	}
	first := draw(1, "s1")
	if !slices.Equal(first, draw(1, "s1")) || first[0] != first[4] || first[1] != first[2] {
		t.Errorf("the same arrival drew two queries: %v", first)
	}
	if slices.Equal(first, draw(2, "s1")) || slices.Equal(first, draw(1, "s2")) {
		t.Error("another seed or step drew the same queries")
	}
}

func TestOneQueryOrNoExponentIsUniform(t *testing.T) {
	source := schedule.NewSource(1, "s1", "queries")
	if got := schedule.NewPicker(1, nil).Pick(&source, 12); got != 0 {
		t.Errorf("the only query is 0, not %d", got)
	}
	picker, seen := schedule.NewPicker(10, nil), make([]int, 10)
	for index := range uint64(100_000) {
		seen[picker.Pick(&source, index)]++
	}
	for query, times := range seen {
		if times < 9600 || times > 10400 {
			t.Errorf("query %d was drawn %d times of 10,000", query, times)
		}
	}
}
