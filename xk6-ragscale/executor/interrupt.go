package executor

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// interrupts says how often somebody has asked the run to end.
type interrupts struct {
	// once is closed at the first request: no more arrivals. twice at the second: do not wait for anything.
	once, twice chan struct{}
	release     func()
}

// sameGesture is how soon after the first signal another belongs to it: Ctrl-C reaches a whole process
// group, and a parent may pass it on as well.
const sameGesture = 250 * time.Millisecond

// takeInterrupts takes SIGINT and SIGTERM over from k6, which would cancel every request in flight at the
// first and exit with an error; here the first ends a run in good order. A third ends the process.
func takeInterrupts() *interrupts {
	i := &interrupts{once: make(chan struct{}), twice: make(chan struct{})}
	caught := make(chan os.Signal, 4)
	done := make(chan struct{})
	// Ignoring drops k6's own subscription; there is no other way to.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	var releaseOnce sync.Once
	i.release = func() {
		releaseOnce.Do(func() {
			signal.Stop(caught)
			close(done)
		})
	}
	go func() {
		var first time.Time
		for {
			select {
			case <-done:
				return
			case <-caught:
			}
			switch {
			case first.IsZero():
				first = time.Now()
				close(i.once)
			case time.Since(first) > sameGesture:
				close(i.twice)
				signal.Stop(caught) // the default again: the next one kills
				return
			}
		}
	}()
	return i
}
