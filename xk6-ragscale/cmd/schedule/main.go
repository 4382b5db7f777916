// Command schedule prints when a step's requests are due: one line each, in milliseconds after the step's
// start. It runs nothing, so that the statistics of a schedule can be examined offline.
//
//	schedule '{ "seed": 1, "arrivals": { "kind": "poisson" }, "step": { "id": "s1", "fromRate": 50, "toRate": 50, "warmupMs": 0, "windowMs": 10000 } }'
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"ragscale.dev/xk6-ragscale/schedule"
)

type request struct {
	Seed     uint64            `json:"seed"`
	Arrivals schedule.Arrivals `json:"arrivals"`
	Step     schedule.Step     `json:"step"`
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "schedule:", err)
		os.Exit(2)
	}
}

func run(arguments []string, out io.Writer) error {
	if len(arguments) != 1 {
		return fmt.Errorf("give one JSON document: seed, arrivals, step")
	}
	var asked request
	if err := json.Unmarshal([]byte(arguments[0]), &asked); err != nil {
		return err
	}
	if err := asked.Arrivals.Validate(); err != nil {
		return err
	}
	if err := asked.Step.Validate(); err != nil {
		return err
	}
	buffered := bufio.NewWriter(out)
	arrivals := schedule.New(asked.Arrivals, asked.Step, asked.Seed)
	for offset, more := arrivals.Next(); more; offset, more = arrivals.Next() {
		fmt.Fprintf(buffered, "%.6f\n", float64(offset)/1e6)
	}
	return buffered.Flush()
}
