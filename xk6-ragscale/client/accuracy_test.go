package client

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"ragscale.dev/xk6-ragscale/record"
)

// A server that keeps when it wrote each token, on the same clock, says how far off the measured times are.
// How far they may be off is for a test on a quiet machine to judge; here they are shown, and held to what
// cannot be otherwise: nothing is measured before it was written.
func TestTokensAreMeasuredAfterTheyWereWrittenAndSoonAfter(t *testing.T) {
	const streams, tokens = 100, 20
	const gap = 5 * time.Millisecond
	written := make([][]time.Time, streams)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(r.Header.Get("Stream"))
		for range tokens {
			time.Sleep(gap)
			written[id] = append(written[id], time.Now())
			_, _ = w.Write([]byte(content("a")))
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write([]byte(`data: {"choices":[],"usage":{"completion_tokens":` + strconv.Itoa(tokens) + "}}\n\n" + done))
	})
	late, relative := make([]time.Duration, streams), make([]float64, streams)
	c := newClient()
	var group sync.WaitGroup
	for id := range streams {
		time.Sleep(2 * time.Millisecond)
		group.Go(func() {
			var outcome record.Outcome
			result := c.Chat(t.Context(), Request{URL: url, Header: http.Header{"Stream": {strconv.Itoa(id)}}}, &outcome)
			if !result.OK {
				t.Errorf("stream %d: %s", id, result.Error)
				return
			}
			late[id] = outcome.Sent.Add(*result.TTFT).Sub(written[id][0])
			exact := written[id][tokens-1].Sub(written[id][0]) / (tokens - 1)
			relative[id] = float64(*result.TPOT-exact) / float64(exact)
		})
	}
	group.Wait()
	slices.Sort(late)
	slices.Sort(relative)
	if late[0] < 0 {
		t.Errorf("a first token was measured %v before it was written", -late[0])
	}
	t.Logf("ttft is late by %v at the median and %v at P99; tpot is off by %.2f %% at the median", late[streams/2], late[streams-2], 100*relative[streams/2])
}
