package executor

import (
	"testing"
	"time"
)

func TestAnArrivalWaitsForAVirtualUserToBeMadeButNotBeyondTheLimit(t *testing.T) {
	p := newPool(3)
	for index := range uint64(3) {
		if p.full() {
			t.Fatalf("full with %d in flight of 3", index)
		}
		p.launch(job{index: index})
	}
	if !p.full() || p.busy() != 3 {
		t.Errorf("%d in flight of 3, full: %v", p.busy(), p.full())
	}
	select {
	case <-p.more:
	default:
		t.Error("nobody was told to make virtual users")
	}
	w := &worker{jobs: make(chan job, 1)}
	p.add(w)
	if got := <-w.jobs; got.index != 0 {
		t.Errorf("the new one serves arrival %d, not the first that waits", got.index)
	}
	next, found := p.release(w)
	if !found || next.index != 1 {
		t.Errorf("then it serves %v, %v", next.index, found)
	}
	if abandoned := p.abandon(); len(abandoned) != 1 || abandoned[0].index != 2 || p.busy() != 1 {
		t.Errorf("abandoned %v with %d left in flight", abandoned, p.busy())
	}
}

func TestTheVirtualUserThatWasBusyLastIsBusyNext(t *testing.T) {
	p := newPool(3)
	workers := []*worker{{jobs: make(chan job, 1)}, {jobs: make(chan job, 1)}}
	for _, w := range workers {
		p.add(w)
	}
	p.launch(job{})
	p.launch(job{})
	for _, w := range workers {
		<-w.jobs
		p.release(w)
	}
	p.launch(job{index: 7})
	if len(workers[1].jobs) != 1 {
		t.Error("the one that has rested longer was chosen")
	}
}

func TestTheDrainEndsWithTheLastRequestOrAtItsLimit(t *testing.T) {
	p := newPool(3)
	w := &worker{jobs: make(chan job, 1)}
	p.add(w)
	p.launch(job{})
	if p.waitIdle(time.Now(), nil) {
		t.Error("idle with a request in flight")
	}
	hurry := make(chan struct{})
	close(hurry)
	if p.waitIdle(time.Now().Add(time.Hour), hurry) {
		t.Error("idle in a hurry")
	}
	go p.release(w)
	if !p.waitIdle(time.Now().Add(time.Hour), nil) {
		t.Error("not idle after the last request")
	}
}
