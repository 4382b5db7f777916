package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = connection.Write([]byte(text))
		_ = connection.Close()
	}
}

func events(stream string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(stream))
	}
}

const chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"

func TestEveryFailureIsCountedByItsLabel(t *testing.T) {
	t.Parallel()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, c := range map[string]struct {
		call, label string
		handler     http.HandlerFunc
	}{
		"a server that answers 500": {"request", "http_500", status(500)},
		"a server that answers 429": {"request", "http_429", status(429)},
		"a server that answers 503": {"chat", "http_503", status(503)},
		"a server that hangs":       {"request", "timeout", slowly(time.Minute)},
		"a stream that hangs": {"chat", "timeout", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(chunk))
			w.(http.Flusher).Flush()
			slowly(time.Minute)(w, r)
		}},
		"a server that closes early":       {"request", "closed_early", raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")},
		"a stream that closes early":       {"chat", "closed_early", events(chunk)},
		"a query that closes early":        {"query", "closed_early", events("event: token\ndata: {\"text\":\"a\"}\n\n")},
		"a server that streams rubbish":    {"chat", "malformed", events(chunk + "data: {oops\n\n")},
		"a stream that tells of an error":  {"chat", "stream_error", events(chunk + "data: {\"error\":{\"message\":\"x\"}}\n\n")},
		"a query that tells of an error":   {"query", "stream_error", events("event: error\ndata: {\"error\":{\"code\":\"x\",\"message\":\"y\"}}\n\n")},
		"a script that throws":             {"throws", "script", status(200)},
		"a script that makes no request":   {"nothing", "script", status(200)},
		"a script that refuses the answer": {"fail", "wrong_answer", status(200)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plan(server(t, c.handler), object{"call": c.call, "timeoutMs": 150, "steps": []object{step("s1", object{"fromRate": 40, "toRate": 40, "warmupMs": 0, "windowMs": 500})}})
			r := run(t, p)
			s := r.step(t)
			if r.exit != 0 || s["errors"].(object)[c.label] != 20.0 {
				t.Errorf("errors are %v, exit %d, stderr: %s", s["errors"], r.exit, r.stderr)
			}
			if n := r.counts(t)["s1.embed.latency"]; n != 0 {
				t.Errorf("the log has %d latencies of failures", n)
			}
		})
	}
}

func TestAServerThatIsNotThereIsConnect(t *testing.T) {
	t.Parallel()
	s := run(t, plan("http://127.0.0.1:1", nil)).step(t)
	if s["errors"].(object)["connect"] != 100.0 {
		t.Errorf("errors are %v", s["errors"])
	}
}

func TestScriptsSeeWhatAStreamMeasured(t *testing.T) {
	t.Parallel()
	var seen atomic.Value
	streams := events(chunk + chunk + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n")
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) == "{}" {
			streams(w, r)
			return
		}
		seen.Store(string(body))
	})
	s := run(t, plan(url, object{"call": "stream", "stage": "generate"})).step(t)
	if s["succeeded"] != 100.0 || s["outputTokens"] != 200.0 || s["inputTokens"] != 900.0 || s["chunks"] != 200.0 || s["unmeasuredTokens"] != 0.0 {
		t.Errorf("the step is %v", s)
	}
	var result object
	if err := json.Unmarshal([]byte(seen.Load().(string)), &result); err != nil {
		t.Fatal(err)
	}
	if result["ok"] != true || result["status"] != 200.0 || result["error"] != "" || result["text"] != "aa" || result["outputTokens"] != 2.0 || result["cachedTokens"] != nil || result["sources"] != nil {
		t.Errorf("the script saw %v", result)
	}
	if ttft, ok := result["ttftMs"].(float64); !ok || ttft <= 0 {
		t.Errorf("ttftMs is %v", result["ttftMs"])
	}
}

func TestRecallIsSummedOverTheWindow(t *testing.T) {
	t.Parallel()
	s := run(t, plan(server(t, slowly(0)), object{"call": "recall", "stage": "retrieve"})).step(t)
	if recall := s["recall"].(object); recall["sum"] != 25.0 || recall["count"] != 100.0 {
		t.Errorf("recall is %v", recall)
	}
}

func TestSecretsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	var right atomic.Int64
	url := server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Api-Key") == "s3cret" {
			right.Add(1)
		}
	})
	p := plan(url, object{"options": object{"headersEnv": object{"api-key": "TEST_KEY"}}})
	r := startIn(t, p, t.TempDir(), "TEST_KEY=s3cret").finish()
	if r.step(t)["succeeded"] != 100.0 || right.Load() != 120 {
		t.Errorf("%d requests had the key", right.Load())
	}
	files, _ := filepath.Glob(filepath.Join(r.folder, "*"))
	for _, file := range files {
		if text, _ := os.ReadFile(file); strings.Contains(string(text), "s3cret") {
			t.Errorf("%s holds the secret", file)
		}
	}
	without := run(t, p)
	if without.step(t)["errors"].(object)["script"] != 100.0 || !strings.Contains(without.stderr, "TEST_KEY is not set") {
		t.Errorf("without the variable: %s", without.stderr)
	}
}

func TestPlansThatCannotBeRunAreRefusedInWords(t *testing.T) {
	t.Parallel()
	for want, changes := range map[string]object{
		"poisson, constant, gamma or trace": {"arrivals": object{"kind": "uniform"}},
		"maxInFlight must be":               {"maxInFlight": 0},
		"two steps are called":              {"steps": []object{step("s1", nil), step("s1", nil)}},
		"step ids must be words":            {"steps": []object{step("s,1", nil)}},
		"there is no metric":                {"good": object{"speed": 3}},
		"unknown field":                     {"colour": "blue"},
		"steps must not be empty":           {"steps": []object{}},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if r := run(t, plan("http://127.0.0.1:1", changes)); r.exit == 0 || !strings.Contains(r.stderr, want) {
				t.Errorf("exit %d, stderr: %s", r.exit, r.stderr)
			}
		})
	}
}

func TestTheExecutorSaysThatItNeedsItsOutput(t *testing.T) {
	t.Parallel()
	p := start(t, plan(server(t, slowly(0)), nil))
	_ = p.finish()
	without := exec.Command(binary, "run", "--quiet", "--summary-mode=disabled", "--address", "", "testdata/load.js")
	without.Env = p.Env
	output, err := without.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "--out ragscale=<folder>") {
		t.Errorf("%v: %s", err, output)
	}
}
