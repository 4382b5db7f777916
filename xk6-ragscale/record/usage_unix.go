//go:build unix

package record

import (
	"bytes"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// processUsage is the CPU time of this process since it started, in seconds, and its resident memory in
// bytes: of this moment where the kernel tells it, else the highest so far.
func processUsage() (cpuSeconds float64, rssBytes int64) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, 0
	}
	cpuSeconds = float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := bytes.Fields(statm); len(fields) > 1 {
			if pages, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil {
				return cpuSeconds, pages * int64(os.Getpagesize())
			}
		}
	}
	rssBytes = int64(usage.Maxrss)
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" {
		rssBytes *= 1024 // kilobytes everywhere but on Darwin
	}
	return cpuSeconds, rssBytes
}
