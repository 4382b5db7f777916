package schedule

import "math"

// Source is a seeded stream of random numbers whose n-th word depends on the key and n alone
// (SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
type Source struct {
	key     uint64
	counter uint64
}

// NewSource gives the stream of one purpose ("arrivals", "queries") within one step of one seed.
func NewSource(seed uint64, step, purpose string) Source {
	key := mix(seed + golden)
	for _, name := range [...]string{step, purpose} {
		for i := range len(name) {
			key = mix(key ^ uint64(name[i]))
		}
		key = mix(key + golden) // keeps ("ab", "c") apart from ("a", "bc")
	}
	return Source{key: key}
}

const golden = 0x9e3779b97f4a7c15

func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// At is the uniform number in [0, 1) at place n of the stream; it does not advance it.
func (s *Source) At(n uint64) float64 {
	return float64(mix(s.key+(n+1)*golden)>>11) / (1 << 53)
}

// Uniform is the stream's next number in [0, 1).
func (s *Source) Uniform() float64 {
	u := s.At(s.counter)
	s.counter++
	return u
}

// Exponential has mean 1.
func (s *Source) Exponential() float64 { return -math.Log1p(-s.Uniform()) }

// normal has mean 0 and variance 1 (Box–Muller).
func (s *Source) normal() float64 {
	radius := math.Sqrt(2 * s.Exponential())
	return radius * math.Cos(2*math.Pi*s.Uniform())
}

// Gamma has the given shape and mean 1 (Marsaglia and Tsang, "A simple method for generating gamma
// variables", ACM TOMS 26, 2000; shapes below 1 by their section 6).
func (s *Source) Gamma(shape float64) float64 {
	boost := 1.0
	k := shape
	if k < 1 {
		boost = math.Pow(1-s.Uniform(), 1/k)
		k++
	}
	d := k - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := s.normal()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log1p(-s.Uniform()) < x*x/2+d-d*v+d*math.Log(v) {
			return boost * d * v / shape
		}
	}
}
