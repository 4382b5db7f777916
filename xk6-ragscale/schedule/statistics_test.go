package schedule_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/mathext"

	"ragscale.dev/xk6-ragscale/schedule"
)

func flat(rate float64, window time.Duration) schedule.Step {
	return schedule.Step{ID: "s1", FromRate: rate, ToRate: rate, WindowMs: float64(window.Milliseconds())}
}

// instants are a schedule's, in seconds after the step's start.
func instants(arrivals schedule.Arrivals, step schedule.Step, seed uint64) (all []float64) {
	s := schedule.New(arrivals, step, seed)
	for offset, more := s.Next(); more; offset, more = s.Next() {
		all = append(all, offset.Seconds())
	}
	return all
}

func gapsOf(instants []float64) (gaps []float64) {
	for i := 1; i < len(instants); i++ {
		gaps = append(gaps, instants[i]-instants[i-1])
	}
	return gaps
}

// kolmogorovSmirnov is the largest distance between the samples' distribution and a law, times √n: above
// 1.95 it would occur by chance once in a thousand. Below a microsecond it does not look: instants are whole
// nanoseconds, and 1 % of the gaps of gamma arrivals of burstiness 4 are shorter than one.
func kolmogorovSmirnov(samples []float64, cumulative func(float64) float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	n := float64(len(sorted))
	distance := 0.0
	for i, x := range sorted {
		if x < 1e-6 {
			continue
		}
		p := cumulative(x)
		distance = max(distance, math.Abs(p-float64(i)/n), math.Abs(float64(i+1)/n-p))
	}
	return distance * math.Sqrt(n)
}

// dispersion is the variance of the counts in windows of a length, divided by their mean, and its relative
// standard error were the counts normal.
func dispersion(instants []float64, total, window float64) (index, standardError float64) {
	counts := make([]float64, int(total/window))
	for _, t := range instants {
		if w := int(t / window); w < len(counts) {
			counts[w]++
		}
	}
	mean, variance := 0.0, 0.0
	for _, c := range counts {
		mean += c / float64(len(counts))
	}
	for _, c := range counts {
		variance += (c - mean) * (c - mean) / float64(len(counts)-1)
	}
	return variance / mean, math.Sqrt(2 / float64(len(counts)-1))
}

func TestGapsHaveTheDistributionOfTheirKind(t *testing.T) {
	const rate = 50.0
	gamma := func(burstiness float64) func(float64) float64 {
		return func(gap float64) float64 { return mathext.GammaIncReg(1/burstiness, gap*rate/burstiness) }
	}
	for _, c := range []struct {
		name     string
		arrivals schedule.Arrivals
		law      func(float64) float64
	}{
		{"poisson", schedule.Arrivals{Kind: schedule.Poisson}, func(gap float64) float64 { return -math.Expm1(-gap * rate) }},
		{"gamma of burstiness 4", schedule.Arrivals{Kind: schedule.Gamma, Burstiness: 4}, gamma(4)},
		{"gamma of burstiness 2", schedule.Arrivals{Kind: schedule.Gamma, Burstiness: 2}, gamma(2)},
		{"gamma of burstiness 0.25", schedule.Arrivals{Kind: schedule.Gamma, Burstiness: 0.25}, gamma(0.25)},
		{"gamma of burstiness 1 is poisson", schedule.Arrivals{Kind: schedule.Gamma, Burstiness: 1}, func(gap float64) float64 { return -math.Expm1(-gap * rate) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 5; seed++ {
				gaps := gapsOf(instants(c.arrivals, flat(rate, 1000*time.Second), seed))
				if d := kolmogorovSmirnov(gaps, c.law); d > 1.95 {
					t.Errorf("seed %d: the gaps are %.2f from the law (√n·D); 1.95 is once in a thousand", seed, d)
				}
			}
		})
	}
}

func TestConsecutiveGapsAreIndependent(t *testing.T) {
	for _, arrivals := range []schedule.Arrivals{{Kind: schedule.Poisson}, {Kind: schedule.Gamma, Burstiness: 4}} {
		gaps := gapsOf(instants(arrivals, flat(50, 2000*time.Second), 1))
		for lag := 1; lag <= 5; lag++ {
			if r := correlation(gaps[:len(gaps)-lag], gaps[lag:]); math.Abs(r) > 4/math.Sqrt(float64(len(gaps))) {
				t.Errorf("%s: gaps %d apart correlate by %.4f", arrivals.Kind, lag, r)
			}
		}
	}
}

func correlation(a, b []float64) float64 {
	n := float64(len(a))
	var sa, sb, saa, sbb, sab float64
	for i := range a {
		sa, sb, saa, sbb, sab = sa+a[i], sb+b[i], saa+a[i]*a[i], sbb+b[i]*b[i], sab+a[i]*b[i]
	}
	return (sab/n - sa/n*sb/n) / math.Sqrt((saa/n-sa/n*sa/n)*(sbb/n-sb/n*sb/n))
}

// For an equilibrium renewal process of rate λ whose gaps have squared coefficient of variation b and are
// gamma, the variance of the count in t is b·λt + (1 − b²)/6 + o(1) (Cox, "Renewal Theory", 1962, 4.5).
func TestIndexOfDispersionIsThatOfTheKindFromTenMillisecondsToTenSeconds(t *testing.T) {
	const rate, total = 50.0, 20_000.0
	windows := []float64{0.01, 0.1, 1, 10}
	run := func(arrivals schedule.Arrivals) []float64 {
		return instants(arrivals, flat(rate, total*time.Second), 7)
	}

	t.Run("poisson: 1 at every scale", func(t *testing.T) {
		all := run(schedule.Arrivals{Kind: schedule.Poisson})
		for _, w := range windows {
			if index, se := dispersion(all, total, w); math.Abs(index-1) > 4*se+0.005 {
				t.Errorf("in windows of %v s the index is %.4f ± %.4f, not 1", w, index, se)
			}
		}
	})
	t.Run("constant: the counts of a window differ by one at most", func(t *testing.T) {
		all := run(schedule.Arrivals{Kind: schedule.Constant})
		if got, want := len(all), int(rate*total); got != want {
			t.Errorf("%d arrivals, not %d", got, want)
		}
		for _, w := range windows {
			mean := rate * w
			fraction := mean - math.Floor(mean)
			if index, _ := dispersion(all, total, w); math.Abs(index-fraction*(1-fraction)/mean) > 0.001 {
				t.Errorf("in windows of %v s the index is %.4f, not %.4f", w, index, fraction*(1-fraction)/mean)
			}
		}
	})
	for _, burstiness := range []float64{0.25, 2, 4} {
		t.Run("gamma: tends to its burstiness", func(t *testing.T) {
			all := run(schedule.Arrivals{Kind: schedule.Gamma, Burstiness: burstiness})
			for _, w := range []float64{1, 10} {
				want := burstiness + (1-burstiness*burstiness)/(6*rate*w)
				if index, se := dispersion(all, total, w); math.Abs(index-want) > want*(4*se+0.005) {
					t.Errorf("burstiness %v, windows of %v s: the index is %.3f ± %.3f, not %.3f", burstiness, w, index, want*se, want)
				}
			}
			index, _ := dispersion(all, total, 0.01)
			if low, high := min(1, burstiness), max(1, burstiness); index < low-0.01 || index > high+0.01 {
				t.Errorf("burstiness %v: at 10 ms the index is %.3f, outside of %v and %v", burstiness, index, low, high)
			}
		})
	}
	t.Run("gamma of shape 4: exact at every scale", func(t *testing.T) {
		all := run(schedule.Arrivals{Kind: schedule.Gamma, Burstiness: 0.25})
		for _, w := range windows {
			want := erlangDispersion(4, rate*w)
			if index, se := dispersion(all, total, w); math.Abs(index-want) > want*(4*se+0.005) {
				t.Errorf("in windows of %v s the index is %.4f, not %.4f", w, index, want)
			}
		}
	})
}

// erlangDispersion is exact for gaps of k exponential phases: the count is ⌊(J + U)/k⌋ with J the phases
// passed, Poisson, and U the phase in which the window begins, uniform on 0 … k − 1.
func erlangDispersion(k int, mean float64) float64 {
	phases := float64(k) * mean
	limit := int(phases + 12*math.Sqrt(phases) + 30)
	var first, second float64
	for j := range limit {
		logP := float64(j)*math.Log(phases) - phases
		lgamma, _ := math.Lgamma(float64(j) + 1)
		p := math.Exp(logP-lgamma) / float64(k)
		for u := range k {
			count := float64((j + u) / k)
			first, second = first+p*count, second+p*count*count
		}
	}
	return (second - first*first) / first
}

func TestARampFollowsItsIntegratedRate(t *testing.T) {
	for _, step := range []schedule.Step{
		{ID: "up", FromRate: 10, ToRate: 200, WarmupMs: 60_000, WindowMs: 600_000},
		{ID: "down", FromRate: 200, ToRate: 0, WarmupMs: 30_000, WindowMs: 600_000},
		{ID: "from nothing", FromRate: 0, ToRate: 100, WarmupMs: 5_000, WindowMs: 900_000},
	} {
		for _, arrivals := range []schedule.Arrivals{{Kind: schedule.Poisson}, {Kind: schedule.Gamma, Burstiness: 3}, {Kind: schedule.Constant}} {
			all := instants(arrivals, step, 3)
			variance := map[string]float64{schedule.Poisson: 1, schedule.Gamma: 3, schedule.Constant: 0}[arrivals.Kind]
			for _, share := range []float64{0.1, 0.25, 0.5, 0.75, 1} {
				at := time.Duration(share * float64(step.Warmup()+step.Window()))
				want := step.Expected(at)
				got := float64(len(all) - len(slices.DeleteFunc(slices.Clone(all), func(x float64) bool { return x < at.Seconds() })))
				if math.Abs(got-want) > 4*math.Sqrt(variance*want)+1 {
					t.Errorf("%s, %s: %.0f arrivals until %v, the integrated rate is %.1f", arrivals.Kind, step.ID, got, at, want)
				}
			}
			if arrivals.Kind == schedule.Poisson {
				rescaled := make([]float64, len(all))
				for i, x := range all {
					rescaled[i] = step.Expected(time.Duration(x * 1e9))
				}
				if d := kolmogorovSmirnov(gapsOf(rescaled), func(gap float64) float64 { return -math.Expm1(-gap) }); d > 1.95 {
					t.Errorf("%s: rescaled by the integrated rate the gaps are %.2f from exponential", step.ID, d)
				}
			}
		}
	}
}
