package client

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ragscale.dev/xk6-ragscale/arrival"
	"ragscale.dev/xk6-ragscale/record"
)

func newClient() *Client {
	return New(Settings{DialContext: (&net.Dialer{Timeout: time.Second}).DialContext})
}

// serve answers every request by a handler, and gives the server's URL.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// hijacked answers with raw bytes and closes the connection.
func hijacked(raw string, reset bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = connection.Write([]byte(raw))
		if reset {
			_ = connection.(*net.TCPConn).SetLinger(0)
		}
		_ = connection.Close()
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestEveryWayToFailHasItsLabel(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		label   string
		status  int
	}{
		{"an answer", status(200), "", 200},
		{"an error", status(500), "http_500", 500},
		{"backpressure", status(429), "http_429", 429},
		{"a redirect", status(302), "http_302", 302},
		{"no answer within the timeout", hang, "timeout", 0},
		{"a body that stops coming", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("half"))
			w.(http.Flusher).Flush()
			hang(w, r)
		}, "timeout", 200},
		{"closed without an answer", hijacked("", false), "closed_early", 0},
		{"closed within the headers", hijacked(ok+"Content-Length: 3\r\n", false), "closed_early", 0},
		{"closed within the body", hijacked(ok+"Content-Length: 10\r\n\r\nhalf", false), "closed_early", 200},
		{"closed within a chunk", hijacked(ok+"Transfer-Encoding: chunked\r\n\r\n8\r\nhalf", false), "closed_early", 200},
		{"reset", hijacked("", true), "reset", 0},
		{"not HTTP", hijacked("SSH-2.0-OpenSSH\r\n\r\n", false), "malformed", 0},
		{"a broken chunk", hijacked(ok+"Transfer-Encoding: chunked\r\n\r\nzz\r\nhalf", false), "malformed", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var outcome record.Outcome
			result := newClient().Do(t.Context(), Request{URL: serve(t, c.handler), Timeout: 300 * time.Millisecond}, &outcome)
			if result.Error != c.label || outcome.Error != c.label || result.OK != (c.label == "") || result.Status != c.status {
				t.Errorf("the result is %+v, the outcome's error %q; want %q and status %d", result, outcome.Error, c.label, c.status)
			}
			if outcome.Sent.IsZero() || outcome.End.Before(outcome.Sent) {
				t.Errorf("sent %v, ended %v", outcome.Sent, outcome.End)
			}
		})
	}
}

func TestAServerThatIsNotThereIsALabelOfItsOwn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	tlsless := httptest.NewServer(status(200))
	defer tlsless.Close()
	for _, url := range []string{"http://" + listener.Addr().String(), "http://host.invalid", strings.Replace(tlsless.URL, "http", "https", 1)} {
		var outcome record.Outcome
		if result := newClient().Do(t.Context(), Request{URL: url, Timeout: 5 * time.Second}, &outcome); result.Error != LabelConnect {
			t.Errorf("%s: %q", url, result.Error)
		}
	}
}

func TestWhatCutARequestOffDecidesItsLabel(t *testing.T) {
	for cause, label := range map[error]string{arrival.ErrDrained: LabelTimeout, arrival.ErrAborted: LabelAborted, context.Canceled: LabelAborted} {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
		var outcome record.Outcome
		if result := newClient().Do(ctx, Request{URL: serve(t, hang)}, &outcome); result.Error != label {
			t.Errorf("%v: %q, not %q", cause, result.Error, label)
		}
	}
}

func TestTheStatusesThatAreExpectedAreSuccess(t *testing.T) {
	for code, ok := range map[int]bool{404: true, 200: false} {
		var outcome record.Outcome
		result := newClient().Do(t.Context(), Request{URL: serve(t, status(code)), ExpectStatus: []int{404, 201}}, &outcome)
		if result.OK != ok {
			t.Errorf("%d: ok is %v", code, result.OK)
		}
	}
}

func TestABodyIsSentAndReadWhole(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.Host, r.Header.Get("X-Key"), body)
	})
	var outcome record.Outcome
	result := newClient().Do(t.Context(), Request{
		Method: "PUT", URL: url, Header: http.Header{"X-Key": {"k"}, "Host": {"example.test"}}, Body: []byte("hello"), KeepBody: true,
	}, &outcome)
	if result.Body == nil || *result.Body != "PUT example.test k hello" {
		t.Errorf("the answer is %+v", result)
	}
}

func TestRequestsThatNameNoUserAgentHaveTheClients(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.UserAgent()) })
	c := New(Settings{DialContext: (&net.Dialer{}).DialContext, UserAgent: "ragscale"})
	for want, header := range map[string]http.Header{"ragscale": nil, "other": {"User-Agent": {"other"}}} {
		var outcome record.Outcome
		if result := c.Do(t.Context(), Request{URL: url, Header: header, KeepBody: true}, &outcome); *result.Body != want {
			t.Errorf("the user agent is %q, not %q", *result.Body, want)
		}
	}
}

func TestConnectionsAreKeptAndCounted(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100_000)) })
	c, outcome := newClient(), record.Outcome{}
	for range 5 {
		c.Do(t.Context(), Request{Method: "POST", URL: url, Body: []byte("x")}, &outcome)
	}
	if outcome.NewConnections != 1 || outcome.ReusedConnections != 4 {
		t.Errorf("%d connections were new and %d reused", outcome.NewConnections, outcome.ReusedConnections)
	}
}

func TestHTTP2IsSpokenWhereItIsOffered(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	trusting := server.Client().Transport.(*http.Transport).TLSClientConfig
	c := New(Settings{DialContext: (&net.Dialer{}).DialContext, TLS: trusting.Clone()})
	var outcome record.Outcome
	for range 3 {
		if result := c.Do(t.Context(), Request{URL: server.URL, KeepBody: true}, &outcome); result.Body == nil || *result.Body != "HTTP/2.0" {
			t.Fatalf("the answer is %+v", result)
		}
	}
	if outcome.NewConnections != 1 || outcome.ReusedConnections != 2 {
		t.Errorf("%d connections were new and %d reused", outcome.NewConnections, outcome.ReusedConnections)
	}
}

func TestServerTimingGivesTheStagesTimes(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Server-Timing", `embed;dur=1.5, retrieve;desc="a, b";dur="2"`)
		w.Header().Add("Server-Timing", `total;dur=9, generate;DUR=300.25, rerank, gateway;dur=-1, latency;dur=7`)
	})
	var outcome record.Outcome
	newClient().Do(t.Context(), Request{URL: url}, &outcome)
	want := map[record.Metric]time.Duration{record.Embed: 1500 * time.Microsecond, record.Retrieve: 2 * time.Millisecond, record.Generate: 300250 * time.Microsecond}
	for metric := record.Latency; metric <= record.Generate; metric++ {
		value, known := outcome.Value(metric)
		if wanted, told := want[metric]; known != told || value != wanted {
			t.Errorf("%s is %v, %v", metric, value, known)
		}
	}
}
