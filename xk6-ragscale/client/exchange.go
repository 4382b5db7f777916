package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"

	"ragscale.dev/xk6-ragscale/record"
)

// Request is one HTTP request.
type Request struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	// Timeout runs from the sending; 0: none.
	Timeout time.Duration
	// KeepBody asks for the answer's body, or a stream's text, in the result.
	KeepBody bool
	// ExpectStatus are the statuses that count as success; empty: 200 to 299.
	ExpectStatus []int
}

// Result is what a script sees of an exchange.
type Result struct {
	OK     bool
	Status int
	// Error is a label, "" when OK.
	Error string
	// Body is the answer's; nil unless it was asked for and there is one.
	Body *string
}

// maxBody bounds an answer: beyond it the answer is malformed.
const maxBody = 64 << 20

// exchange is a request under way.
type exchange struct {
	ctx      context.Context
	cancel   context.CancelFunc
	request  Request
	outcome  *record.Outcome
	response *http.Response
	sent     time.Time
}

// Do makes one exchange and reads its answer to the end.
func (c *Client) Do(ctx context.Context, request Request, outcome *record.Outcome) Result {
	var result Result
	c.run(ctx, request, outcome, &result, func(x *exchange) error {
		body, err := x.readBody(request.KeepBody)
		if err != nil {
			return err
		}
		outcome.End = time.Now()
		stagesOfHeader(outcome, x.response.Header)
		if request.KeepBody {
			text := string(body)
			result.Body = &text
		}
		return nil
	})
	return result
}

// run sends a request, hands an answer of an expected status to `read`, and files what went wrong.
func (c *Client) run(parent context.Context, request Request, outcome *record.Outcome, result *Result, read func(*exchange) error) {
	ctx, cancel := withTimeout(parent, request.Timeout)
	defer cancel()
	x := &exchange{ctx: ctx, cancel: cancel, request: request, outcome: outcome}
	err := c.send(x)
	if err == nil {
		defer x.response.Body.Close() //nolint:errcheck // nothing is left to lose
		result.Status = x.response.StatusCode
		if !x.expected() {
			x.explain(result)
			return
		}
		err = read(x)
	}
	if err != nil {
		outcome.End = time.Now()
		result.Error = labelOf(ctx, err)
		outcome.Fail(result.Error)
		return
	}
	result.OK = true
}

func (c *Client) send(x *exchange) error {
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Reused {
			x.outcome.ReusedConnections++
		} else {
			x.outcome.NewConnections++
		}
	}}
	method := x.request.Method
	if method == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(x.ctx, trace), method, x.request.URL, nil)
	if err != nil {
		return err
	}
	if x.request.Header != nil {
		request.Header = x.request.Header
		if host := request.Header.Get("Host"); host != "" {
			request.Host = host
		}
	}
	if c.userAgent != "" && request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", c.userAgent)
	}
	if body := x.request.Body; body != nil {
		request.ContentLength = int64(len(body))
		request.Body = io.NopCloser(bytes.NewReader(body))
		// Lets the transport try once more where a kept connection turns out to be closed already.
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	x.sent = time.Now()
	if x.outcome.Sent.IsZero() {
		x.outcome.Sent = x.sent
	}
	// Not through http.Client: a redirect is an answer, and there are no cookies.
	x.response, err = c.transport.RoundTrip(request)
	return err
}

func (x *exchange) expected() bool {
	status := x.response.StatusCode
	if len(x.request.ExpectStatus) > 0 {
		return slices.Contains(x.request.ExpectStatus, status)
	}
	return status >= 200 && status <= 299
}

// explain files an answer whose status is a failure. Its body is read all the same, so that the connection
// can be used again.
func (x *exchange) explain(result *Result) {
	body, err := x.readBody(x.request.KeepBody)
	x.outcome.End = time.Now()
	result.Error = statusLabel(x.response.StatusCode)
	if err == nil && x.request.KeepBody {
		text := string(body)
		result.Body = &text
	}
	x.outcome.Fail(result.Error)
}

var buffers = sync.Pool{New: func() any { return &bytes.Buffer{} }}

// readBody reads the answer to its end; what it read is returned only if it is kept.
func (x *exchange) readBody(keep bool) ([]byte, error) {
	body := &bounded{source: x.response.Body, left: maxBody}
	if !keep {
		_, err := io.Copy(io.Discard, body)
		return nil, err
	}
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(body); err != nil {
		return nil, err
	}
	return bytes.Clone(buffer.Bytes()), nil
}

// bounded reads an answer that may not be longer than so many bytes.
type bounded struct {
	source io.Reader
	left   int64
}

func (b *bounded) Read(into []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: longer than %d bytes", errMalformed, maxBody)
	}
	read, err := b.source.Read(into)
	b.left -= int64(read)
	return read, err
}

// withTimeout is context.WithTimeout, where 0 is no timeout.
func withTimeout(parent context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout > 0 {
		return context.WithTimeout(parent, timeout)
	}
	return context.WithCancel(parent)
}
