package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// shape is what a script is told.
type shape struct {
	URL     string  `json:"url"`
	Rate    int     `json:"rate"`
	Seconds float64 `json:"seconds"`
	Users   int     `json:"users"`
}

// cost is what one process took.
type cost struct {
	cpu       time.Duration
	peakBytes int64
	stdout    []byte
}

// runK6 runs a script to its end. `recorded` runs it as ragscale does; else as stock k6 does by default.
func runK6(s settings, script string, work shape, recorded bool) (cost, error) {
	folder, err := os.MkdirTemp("", "ragscale-bench-")
	if err != nil {
		return cost{}, err
	}
	defer os.RemoveAll(folder)
	told, err := json.Marshal(work)
	if err != nil {
		return cost{}, err
	}
	arguments := []string{"run", "--quiet", "--no-usage-report", "--address", ""}
	if recorded {
		arguments = append(arguments, "--summary-mode=disabled", "--no-thresholds", "--out", "ragscale="+folder)
	}
	command := exec.Command(s.k6, append(arguments, filepath.Join(s.scripts, script))...)
	command.Env = append(os.Environ(), "BENCH="+string(told), "K6_AUTO_EXTENSION_RESOLUTION=false")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return cost{}, fmt.Errorf("%s: %w: %s", script, err, stderr.String())
	}
	usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return cost{}, fmt.Errorf("this system does not tell what a process used")
	}
	return cost{
		cpu:       command.ProcessState.UserTime() + command.ProcessState.SystemTime(),
		peakBytes: usage.Maxrss * 1024,
		stdout:    stdout.Bytes(),
	}, nil
}

// stepOf is the line of the only step of a recorded run.
func stepOf(stdout []byte) (step struct{ Succeeded, Failed, Chunks int64 }, err error) {
	lines := bufio.NewScanner(bytes.NewReader(stdout))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var kind struct{ Type string }
		if json.Unmarshal(lines.Bytes(), &kind) == nil && kind.Type == "step" {
			return step, json.Unmarshal(lines.Bytes(), &step)
		}
	}
	return step, fmt.Errorf("the run has no step")
}
