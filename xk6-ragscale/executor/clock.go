package executor

import "time"

// finePause is how long before an instant waiting goes over from a timer, which can be interrupted but is
// coarse, to a pause, which is fine but cannot.
const finePause = 2 * time.Millisecond

// waitUntil returns at an instant, true, or as soon as stop is closed, false.
func waitUntil(instant time.Time, stop <-chan struct{}) bool {
	select {
	case <-stop:
		return false
	default:
	}
	remaining := time.Until(instant)
	if remaining > finePause {
		timer := time.NewTimer(remaining - finePause)
		defer timer.Stop()
		select {
		case <-stop:
			return false
		case <-timer.C:
		}
		remaining = time.Until(instant)
	}
	for remaining > 0 {
		pause(remaining)
		remaining = time.Until(instant)
	}
	return true
}
