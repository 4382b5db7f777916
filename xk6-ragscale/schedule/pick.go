package schedule

import (
	"math"
	"sort"
)

// Picker draws which query an arrival asks: uniformly, or by Zipf's law, where query i (from 0) is asked
// with a probability proportional to 1/(i+1)^exponent.
type Picker struct {
	count      int
	cumulative []float64 // nil when uniform
}

// NewPicker draws among `count` queries; an exponent of nil or 0 is uniform.
func NewPicker(count int, exponent *float64) *Picker {
	p := &Picker{count: max(1, count)}
	if exponent == nil || *exponent == 0 {
		return p
	}
	p.cumulative = make([]float64, p.count)
	sum := 0.0
	for i := range p.cumulative {
		sum += math.Pow(float64(i+1), -*exponent)
		p.cumulative[i] = sum
	}
	return p
}

// Pick is the query of the arrival `index` of a step, 0 … count − 1. The source is that of the step's queries.
func (p *Picker) Pick(queries *Source, index uint64) int {
	u := queries.At(index)
	if p.cumulative == nil {
		return min(int(u*float64(p.count)), p.count-1)
	}
	target := u * p.cumulative[p.count-1]
	return min(sort.Search(p.count, func(i int) bool { return p.cumulative[i] > target }), p.count-1)
}
