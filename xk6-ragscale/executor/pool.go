package executor

import (
	"sync"
	"time"

	"ragscale.dev/xk6-ragscale/arrival"
)

// job is one arrival on its way to a virtual user.
type job struct {
	step      *stepRun
	index     uint64
	window    bool
	scheduled time.Time
}

// worker is a virtual user and the goroutine that runs its iterations.
type worker struct {
	slot *arrival.Slot
	run  func() error
	jobs chan job // of capacity 1: handing over never waits
}

// pool hands arrivals to idle virtual users, the most recently idle first: a few stay busy and warm, the
// rest sleep. An arrival that finds none idle waits for one to be made as long as fewer than `limit`
// requests are in flight; beyond the limit it is refused.
type pool struct {
	limit int
	// more is told when virtual users should be made; it has room for one word.
	more chan struct{}
	// idle is told when nothing is in flight any more; it has room for one word.
	idle chan struct{}

	mutex    sync.Mutex
	free     []*worker
	waiting  []job
	inFlight int
	made     int
}

func newPool(limit int) *pool {
	return &pool{limit: limit, more: make(chan struct{}, 1), idle: make(chan struct{}, 1)}
}

func tell(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

// full says whether the next arrival is refused. Only launch adds to what is in flight, so what this says
// holds for the goroutine that launches.
func (p *pool) full() bool { return p.busy() >= p.limit }

// launch hands an arrival over. It never waits.
func (p *pool) launch(next job) {
	p.mutex.Lock()
	p.inFlight++
	var chosen *worker
	if last := len(p.free) - 1; last >= 0 {
		chosen = p.free[last]
		p.free = p.free[:last]
	} else {
		p.waiting = append(p.waiting, next)
	}
	short := p.short()
	p.mutex.Unlock()
	if chosen != nil {
		chosen.jobs <- next
	}
	if short {
		tell(p.more)
	}
}

// short says whether a virtual user should be made: somebody waits, or fewer than a fifth are idle. The
// caller holds the mutex.
func (p *pool) short() bool {
	return p.made < p.limit && (len(p.waiting) > 0 || len(p.free)*5 < p.made)
}

func (p *pool) isShort() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.short()
}

// add takes in a new virtual user; its first job, if one waits already.
func (p *pool) add(w *worker) {
	p.mutex.Lock()
	p.made++
	next, found := p.nextFor(w)
	p.mutex.Unlock()
	if found {
		w.jobs <- next
	}
}

// release takes a worker back after a job, and gives it the next one if one waits.
func (p *pool) release(w *worker) (next job, found bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.settle(1)
	return p.nextFor(w)
}

func (p *pool) nextFor(w *worker) (next job, found bool) {
	if len(p.waiting) == 0 {
		p.free = append(p.free, w)
		return job{}, false
	}
	next = p.waiting[0]
	p.waiting = p.waiting[1:]
	return next, true
}

func (p *pool) settle(count int) {
	p.inFlight -= count
	if p.inFlight == 0 {
		tell(p.idle)
	}
}

// abandon takes back the arrivals that no virtual user has begun.
func (p *pool) abandon() []job {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	abandoned := p.waiting
	p.waiting = nil
	p.settle(len(abandoned))
	return abandoned
}

// busy is how many requests are in flight.
func (p *pool) busy() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.inFlight
}

// waitIdle waits until nothing is in flight, and says whether that came before the deadline and before
// `hurry` was closed.
func (p *pool) waitIdle(deadline time.Time, hurry <-chan struct{}) bool {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for p.busy() > 0 {
		select {
		case <-p.idle:
		case <-hurry:
			return false
		case <-timer.C:
			return false
		}
	}
	return true
}
