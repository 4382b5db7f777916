package client

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"ragscale.dev/xk6-ragscale/record"
)

// streamed answers with pieces of a stream, each flushed, `gap` after one another.
func streamed(gap time.Duration, pieces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, piece := range pieces {
			time.Sleep(gap)
			_, _ = w.Write([]byte(piece))
			w.(http.Flusher).Flush()
		}
	}
}

func delta(fields string) string {
	return `data: {"choices":[{"index":0,"delta":{` + fields + `},"finish_reason":null}]}` + "\n\n"
}

const (
	role   = `"role":"assistant","content":""`
	done   = "data: [DONE]\n\n"
	finish = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	usage  = `data: {"choices":[],"usage":{"prompt_tokens":40,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":32}}}` + "\n\n"
)

func content(text string) string { return delta(fmt.Sprintf(`"content":%q`, text)) }

func TestStreamsOfTheOpenAIFormat(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		error        string
		text, finish string
		chunks       int64
		output       int64 // −1: not told
	}{
		{"the usual", delta(role) + content("a") + content("b") + finish + usage + done, "", "ab", "stop", 2, 5},
		{"CRLF", strings.ReplaceAll(content("a")+finish+done, "\n", "\r\n"), "", "a", "stop", 1, -1},
		{"no space after data:", strings.ReplaceAll(content("a")+finish+done, "data: ", "data:"), "", "a", "stop", 1, -1},
		{"data over several lines", "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"a\"}}]}\n\n" + done, "", "a", "", 1, -1},
		{"comments and signs of life", ": ping\n\ndata:\n\n" + content("a") + ": ping\n\n" + done, "", "a", "", 1, -1},
		{"role alone and empty chunks bear no token", delta(role) + content("") + delta("") + content("a") + done, "", "a", "", 1, -1},
		{"reasoning bears tokens that are not of the answer", delta(`"reasoning_content":"hm"`) + delta(`"reasoning":"hm"`) + content("a") + done, "", "a", "", 3, -1},
		{"a call of a tool bears tokens", delta(`"tool_calls":[{"index":0,"function":{"name":"f"}}]`) + delta(`"tool_calls":[{"index":0,"function":{"arguments":""}}]`) + done, "", "", "", 1, -1},
		{"completions", `data: {"choices":[{"text":"a","finish_reason":null}]}` + "\n\n" + `data: {"choices":[{"text":"b","finish_reason":"length"}]}` + "\n\n" + done, "", "ab", "length", 2, -1},
		{"usage on every chunk: the last counts", `data: {"choices":[{"delta":{"content":"a"}}],"usage":{"completion_tokens":1}}` + "\n\n" + `data: {"choices":[{"delta":{"content":"b"}}],"usage":{"completion_tokens":2}}` + "\n\n" + done, "", "ab", "", 2, 2},
		{"usage null", `data: {"choices":[{"delta":{"content":"a"}}],"usage":null}` + "\n\n" + done, "", "a", "", 1, -1},
		{"no [DONE] but a reason to finish", content("a") + finish, "", "a", "stop", 1, -1},
		{"[DONE] without a line end", content("a") + "data: [DONE]", "", "a", "", 1, -1},
		{"closed before any end", content("a") + content("b"), "closed_early", "", "", 0, -1},
		{"closed within a chunk", content("a") + `data: {"choi`, "closed_early", "", "", 0, -1},
		{"nothing at all", "", "closed_early", "", "", 0, -1},
		{"not JSON", content("a") + "data: {oops\n\n" + done, "malformed", "", "", 0, -1},
		{"JSON that is no object", content("a") + "data: 7\n\n" + done, "malformed", "", "", 0, -1},
		{"an error within the stream", content("a") + `data: {"error":{"message":"out of memory","code":500}}` + "\n\n" + done, "stream_error", "", "", 0, -1},
		{"an error of the old form", `data: {"object":"error","message":"bad","code":400}` + "\n\n", "stream_error", "", "", 0, -1},
		{"a field called error that is null", `data: {"error":null,"choices":[{"delta":{"content":"a"}}]}` + "\n\n" + done, "", "a", "", 1, -1},
		{"not streamed", `{"choices":[{"message":{"content":"ab"},"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":5}}`, "", "ab", "stop", 0, 5},
		{"not streamed, and an error", `{"error":{"message":"no"}}`, "stream_error", "", "", 0, -1},
		{"not streamed, and no answer", `{"hello":"world"}`, "malformed", "", "", 0, -1},
		{"not streamed, and half of it", `{"choices":[{"message"`, "malformed", "", "", 0, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var outcome record.Outcome
			result := newClient().Chat(t.Context(), Request{URL: serve(t, streamed(0, c.stream)), KeepBody: true}, &outcome)
			if result.Error != c.error || outcome.Error != c.error {
				t.Fatalf("the error is %q, not %q", result.Error, c.error)
			}
			if c.error != "" {
				return
			}
			output := int64(-1)
			if result.OutputTokens != nil {
				output = *result.OutputTokens
			}
			if *result.Text != c.text || result.FinishReason != c.finish || result.Chunks != c.chunks || output != c.output {
				t.Errorf("read %q, finish %q, %d chunks, %d tokens; want %q, %q, %d, %d", *result.Text, result.FinishReason, result.Chunks, output, c.text, c.finish, c.chunks, c.output)
			}
		})
	}
}

func TestAnAnswerThatIsNoStreamAtAllKeepsItsStatus(t *testing.T) {
	for code, label := range map[int]string{500: "http_500", 503: "http_503", 429: "http_429"} {
		var outcome record.Outcome
		if result := newClient().Chat(t.Context(), Request{URL: serve(t, status(code))}, &outcome); result.Error != label || result.Status != code {
			t.Errorf("%d: %+v", code, result)
		}
	}
}

func TestTokensAreTimedAsTheDefinitionsSay(t *testing.T) {
	const gap = 20 * time.Millisecond
	url := serve(t, streamed(gap, delta(role), delta(`"reasoning_content":"hm"`), content("a"), content("b"), finish+usage+done))
	var outcome record.Outcome
	result := newClient().Chat(t.Context(), Request{URL: url}, &outcome)
	if !result.OK {
		t.Fatal(result.Error)
	}
	ttft, ttfo, tpot := *result.TTFT, *result.TTFO, *result.TPOT
	if ttft < 2*gap || ttfo < 3*gap || ttfo-ttft < gap/2 {
		t.Errorf("ttft is %v and ttfo %v: the first token came after %v, the first of the answer after %v", ttft, ttfo, 2*gap, 3*gap)
	}
	sum := time.Duration(0)
	for _, between := range outcome.Gaps {
		sum += between
	}
	if len(outcome.Gaps) != 2 || tpot != sum/4 {
		t.Errorf("gaps are %v and tpot %v; it should be a fourth of their sum, for five tokens", outcome.Gaps, tpot)
	}
	if *result.InputTokens != 40 || *result.CachedTokens != 32 || !outcome.Counted {
		t.Errorf("usage is %v, %v", *result.InputTokens, *result.CachedTokens)
	}
	if latency := outcome.End.Sub(outcome.Sent); latency < 5*gap {
		t.Errorf("the last byte came after %v at the earliest, not %v", 5*gap, latency)
	}
}

func TestWithoutUsageOrWithOneTokenThereIsNoTimePerToken(t *testing.T) {
	for name, stream := range map[string]string{
		"no usage":                content("a") + content("b") + done,
		"one token":               content("a") + `data: {"choices":[],"usage":{"completion_tokens":1}}` + "\n\n" + done,
		"all tokens in one chunk": content("a b c") + usage + done,
	} {
		var outcome record.Outcome
		if result := newClient().Chat(t.Context(), Request{URL: serve(t, streamed(0, stream))}, &outcome); !result.OK || result.TPOT != nil {
			t.Errorf("%s: %v, tpot %v", name, result.Error, result.TPOT)
		}
	}
}

func TestAServerThatKeepsTheConnectionAfterItsLastWordHoldsNobodyUp(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		streamed(0, content("a")+done)(w, r)
		hang(w, r)
	})
	var outcome record.Outcome
	if result := newClient().Chat(t.Context(), Request{URL: url, Timeout: 10 * time.Second}, &outcome); !result.OK || outcome.End.Sub(outcome.Sent) > lingerLimit {
		t.Errorf("%+v after %v", result.Result, outcome.End.Sub(outcome.Sent))
	}
}

func TestStreamsThatHangTimeOut(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		streamed(0, content("a"))(w, r)
		hang(w, r)
	})
	var outcome record.Outcome
	if result := newClient().Chat(t.Context(), Request{URL: url, Timeout: 200 * time.Millisecond}, &outcome); result.Error != LabelTimeout {
		t.Errorf("%+v", result)
	}
}

// Whatever bytes a server sends, the call ends, and as one of the labels.
func TestNoStreamOfBytesBreaksTheReading(t *testing.T) {
	labels := map[string]bool{"": true, LabelMalformed: true, LabelClosedEarly: true, LabelStreamError: true}
	pieces := []string{content("a"), delta(role), usage, finish, done, "data: ", "\n", "\r\n", "{", "}", `"`, "event: token\n", ":", "\x00\xff", `{"text":"x"}`, `{"choices":[{"delta":7}]}`, `{"usage":[1]}`}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 3))
		stream := ""
		for range random.IntN(12) {
			stream += pieces[random.IntN(len(pieces))]
		}
		url := serve(t, streamed(0, stream))
		var outcome record.Outcome
		if result := newClient().Chat(t.Context(), Request{URL: url}, &outcome); !labels[result.Error] {
			t.Errorf("chat: %q is %q", stream, result.Error)
		}
		outcome.Reset()
		if result := newClient().Query(t.Context(), Request{URL: url}, time.Time{}, &outcome); !labels[result.Error] {
			t.Errorf("query: %q is %q", stream, result.Error)
		}
	}
}
