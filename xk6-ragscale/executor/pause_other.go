//go:build !linux

package executor

import "time"

func holdThread() (release func()) { return func() {} }

// pause needs no help where Go's timers wait with the kernel's own precision.
func pause(d time.Duration) { time.Sleep(d) }
