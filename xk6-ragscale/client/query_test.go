package client

import (
	"testing"
	"time"

	"ragscale.dev/xk6-ragscale/record"
)

const (
	sources  = "event: sources\ndata: {\"sources\":[{\"id\":7}]}\n\n"
	token    = "event: token\ndata: {\"text\":\"a\"}\n\n"
	finished = "event: done\ndata: {\"answer\":\"aa\",\"usage\":{\"prompt_tokens\":40,\"completion_tokens\":3},\"timings\":{\"embed\":1,\"retrieve\":2,\"generate\":10},\"cache\":{\"embedding\":\"hit\",\"retrieval\":\"miss\",\"answer\":\"off\"}}\n\n"
)

func TestAQueryIsReadToItsLastEvent(t *testing.T) {
	const gap = 20 * time.Millisecond
	url := serve(t, streamed(gap, sources, "event: token\ndata: {\"text\":\"\"}\n\n", token, token, finished))
	var outcome record.Outcome
	scheduled := time.Now().Add(-50 * time.Millisecond)
	result := newClient().Query(t.Context(), Request{URL: url, KeepBody: true}, scheduled, &outcome)
	if !result.OK || *result.Text != "aa" || *result.Sources != `[{"id":7}]` || result.Chunks != 2 || *result.OutputTokens != 3 {
		t.Fatalf("the result is %+v", result)
	}
	ttft, _ := outcome.Value(record.TTFT)
	ragTTFT, _ := outcome.Value(record.RagTTFT)
	if ttft < 3*gap || ragTTFT-ttft != outcome.Sent.Sub(scheduled) {
		t.Errorf("ttft is %v, rag_ttft %v, and %v passed before it was sent", ttft, ragTTFT, outcome.Sent.Sub(scheduled))
	}
	for metric, want := range map[record.Metric]time.Duration{record.Embed: time.Millisecond, record.Retrieve: 2 * time.Millisecond, record.Generate: 10 * time.Millisecond} {
		if got, known := outcome.Value(metric); !known || got != want {
			t.Errorf("%s is %v, not %v", metric, got, want)
		}
	}
	if own, _ := outcome.Value(record.Gateway); own != outcome.End.Sub(outcome.Sent)-13*time.Millisecond {
		t.Errorf("the gateway's own time is %v", own)
	}
	if outcome.Cache != [3]record.CacheState{record.CacheHit, record.CacheMiss, record.CacheOff} {
		t.Errorf("the caches' states are %v", outcome.Cache)
	}
}

func TestWhatTheGatewaySaysOfItsOwnTimeIsTaken(t *testing.T) {
	url := serve(t, streamed(0, token+"event: done\ndata: {\"answer\":\"a\",\"timings\":{\"embed\":1,\"gateway\":0.5}}\n\n"))
	var outcome record.Outcome
	newClient().Query(t.Context(), Request{URL: url}, time.Time{}, &outcome)
	if own, _ := outcome.Value(record.Gateway); own != 500*time.Microsecond {
		t.Errorf("the gateway's own time is %v", own)
	}
}

func TestQueriesThatFail(t *testing.T) {
	for name, c := range map[string]struct{ stream, label string }{
		"closed before done":          {sources + token, LabelClosedEarly},
		"an error event":              {token + "event: error\ndata: {\"error\":{\"code\":\"upstream\",\"message\":\"embed is down\"}}\n\n", LabelStreamError},
		"a token that is no JSON":     {"event: token\ndata: x\n\n", LabelMalformed},
		"a token without text":        {"event: token\ndata: {}\n\n", LabelMalformed},
		"a last event without answer": {token + "event: done\ndata: {}\n\n", LabelMalformed},
		"not streamed, an error":      {`{"error":{"code":"x","message":"y"}}`, LabelStreamError},
	} {
		var outcome record.Outcome
		if result := newClient().Query(t.Context(), Request{URL: serve(t, streamed(0, c.stream))}, time.Time{}, &outcome); result.Error != c.label {
			t.Errorf("%s: %q, not %q", name, result.Error, c.label)
		}
	}
}

func TestAQueryThatIsNotStreamedIsReadAsWell(t *testing.T) {
	url := serve(t, streamed(0, `{"answer":"aa","sources":[{"id":7}],"usage":{"prompt_tokens":40,"completion_tokens":3},"timings":{"embed":1},"cache":{"answer":"miss"}}`))
	var outcome record.Outcome
	result := newClient().Query(t.Context(), Request{URL: url, KeepBody: true}, time.Time{}, &outcome)
	embed, _ := outcome.Value(record.Embed)
	if !result.OK || *result.Text != "aa" || *result.Sources != `[{"id":7}]` || result.TTFT != nil || embed != time.Millisecond || outcome.Cache[record.AnswerCache] != record.CacheMiss {
		t.Errorf("the result is %+v", result)
	}
}
