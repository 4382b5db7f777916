package main

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

type efficiency struct {
	Pairs             int     `json:"pairs"`
	Requests          int     `json:"requests"`
	Rate              int     `json:"rate"`
	OursPerCPUSecond  float64 `json:"oursPerCpuSecond"`
	StockPerCPUSecond float64 `json:"stockPerCpuSecond"`
	// Ratio is the median of the pairs' ratios; Low to High holds the true median with this confidence.
	Ratio      float64   `json:"ratio"`
	Low        float64   `json:"low"`
	High       float64   `json:"high"`
	Confidence float64   `json:"confidence"`
	Ratios     []float64 `json:"ratios"`
}

const users = 200

// measureEfficiency runs pairs, the order within a pair alternating.
func measureEfficiency(s settings) (*efficiency, error) {
	var served atomic.Int64
	embedding := []byte("[[" + strings.TrimSuffix(strings.Repeat("0.0123456,", 384), ",") + "]]")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(embedding)
	}))
	defer server.Close()
	work := shape{URL: server.URL + "/embed", Rate: s.rate, Seconds: float64(s.requests) / float64(s.rate), Users: users}

	perCPUSecond := func(script string, recorded bool) (float64, error) {
		before := served.Load()
		used, err := runK6(s, script, work, recorded)
		if err != nil {
			return 0, err
		}
		made := served.Load() - before
		if float64(made) < 0.98*float64(s.requests) {
			return 0, fmt.Errorf("%s made %d requests of %d: this machine is too slow for the rate", script, made, s.requests)
		}
		return float64(made) / used.cpu.Seconds(), nil
	}
	var ours, stock, ratios []float64
	for pair := range s.pairs {
		var o, k float64
		var err error
		for turn := range 2 {
			if (pair+turn)%2 == 0 {
				o, err = perCPUSecond("ours.js", true)
			} else {
				k, err = perCPUSecond("stock.js", false)
			}
			if err != nil {
				return nil, err
			}
		}
		ours, stock, ratios = append(ours, o), append(stock, k), append(ratios, o/k)
		fmt.Fprintf(os.Stderr, "pair %d: %.0f and %.0f requests per CPU-second, ratio %.2f\n", pair+1, o, k, o/k)
	}
	e := &efficiency{
		Pairs: s.pairs, Requests: s.requests, Rate: s.rate, OursPerCPUSecond: median(ours), StockPerCPUSecond: median(stock),
		Ratio: median(ratios), Ratios: ratios,
	}
	e.Low, e.High, e.Confidence = medianInterval(ratios)
	return e, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// medianInterval is the narrowest pair of order statistics that holds the median with 95 % or more, where
// there are enough values, whatever their distribution; and what it holds it with.
func medianInterval(values []float64) (low, high, confidence float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	below := func(rank int) (p float64) { // P(fewer than `rank` values lie below the median)
		for i := range rank {
			lg := func(x int) float64 { v, _ := math.Lgamma(float64(x) + 1); return v }
			p += math.Exp(lg(n) - lg(i) - lg(n-i) - float64(n)*math.Ln2)
		}
		return p
	}
	rank := 1
	for 2*(rank+1) <= n && 1-2*below(rank+1) >= 0.95 {
		rank++
	}
	return sorted[rank-1], sorted[n-rank], 1 - 2*below(rank)
}
