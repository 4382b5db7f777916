// Command generator measures what the load generator itself costs, as real processes:
//
//	efficiency: requests per second of CPU time, against stock k6 making the same requests with its default summary
//	memory:     the peak of resident memory at 1 and at 8 million samples
//
// It prints a table and, with -json, one JSON document. Stock k6 is the same binary with another script.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	k6 := flag.String("k6", os.Getenv("RAGSCALE_K6"), "the k6 binary with the extension")
	scripts := flag.String("scripts", "scripts", "the folder of the scripts")
	pairs := flag.Int("pairs", 10, "alternating pairs of runs")
	requests := flag.Int("requests", 4000, "requests of each run")
	rate := flag.Int("rate", 400, "requests a second")
	skip := flag.String("skip", "", "efficiency or memory, to leave it out")
	asJSON := flag.Bool("json", false, "print one JSON document")
	flag.Parse()
	if err := run(settings{*k6, *scripts, *pairs, *requests, *rate}, *skip, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "generator:", err)
		os.Exit(1)
	}
}

type settings struct {
	k6, scripts           string
	pairs, requests, rate int
}

type results struct {
	Efficiency *efficiency `json:"efficiency,omitempty"`
	Memory     *memory     `json:"memory,omitempty"`
}

func run(s settings, skip string, asJSON bool) error {
	if s.k6 == "" {
		return fmt.Errorf("name the k6 binary: -k6 FILE, or RAGSCALE_K6")
	}
	if _, err := os.Stat(filepath.Join(s.scripts, "ours.js")); err != nil {
		return err
	}
	var all results
	var err error
	if skip != "efficiency" {
		if all.Efficiency, err = measureEfficiency(s); err != nil {
			return err
		}
	}
	if skip != "memory" {
		if all.Memory, err = measureMemory(s); err != nil {
			return err
		}
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(all)
	}
	all.print()
	return nil
}

func (r results) print() {
	if e := r.Efficiency; e != nil {
		fmt.Printf("requests per CPU-second, %d pairs of %d requests at %d/s\n", e.Pairs, e.Requests, e.Rate)
		fmt.Printf("  ragscale   %7.0f   (%.0f µs a request)\n", e.OursPerCPUSecond, 1e6/e.OursPerCPUSecond)
		fmt.Printf("  stock k6   %7.0f   (%.0f µs a request)\n", e.StockPerCPUSecond, 1e6/e.StockPerCPUSecond)
		fmt.Printf("  ratio      %7.2f   median; %.0f %% interval %.2f to %.2f\n", e.Ratio, 100*e.Confidence, e.Low, e.High)
	}
	if m := r.Memory; m != nil {
		fmt.Println("peak resident memory")
		for _, point := range m.Points {
			fmt.Printf("  %4.1f M samples   %6.1f MB\n", float64(point.Samples)/1e6, float64(point.PeakBytes)/1e6)
		}
		fmt.Printf("  ratio          %6.2f\n", m.Ratio)
	}
}
