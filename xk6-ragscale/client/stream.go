package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"ragscale.dev/xk6-ragscale/record"
	"ragscale.dev/xk6-ragscale/sse"
)

// StreamResult is what a script sees of a stream of tokens. Numbers that the stream did not give are nil.
type StreamResult struct {
	Result
	// Text is the answer without reasoning, Sources the JSON of the gateway's sources; nil unless asked for.
	Text, Sources *string
	FinishReason  string

	TTFT, TTFO, TPOT                        *time.Duration
	InputTokens, CachedTokens, OutputTokens *int64
	Chunks                                  int64
}

// stream is a stream of tokens under way.
type stream struct {
	*exchange
	result *StreamResult

	now         func() time.Time
	first, last time.Time
	firstOutput time.Time
	text        strings.Builder
	// complete says that the server itself marked the end.
	complete bool
	// usage as the server told it last; nil when it did not.
	input, cached, output *int64
}

// channel is what a token is part of.
type channel int

const (
	reasoning channel = iota
	answer
)

// token files a chunk that bears one token or more.
func (s *stream) token(on channel, text string) {
	now := s.now()
	if s.first.IsZero() {
		s.first = now
	} else {
		s.outcome.Gaps = append(s.outcome.Gaps, now.Sub(s.last))
	}
	s.last = now
	s.outcome.Chunks++
	if on == answer {
		if s.firstOutput.IsZero() {
			s.firstOutput = now
		}
		if s.request.KeepBody {
			s.text.WriteString(text)
		}
	}
}

// usage takes `{ prompt_tokens, completion_tokens, prompt_tokens_details: { cached_tokens } }`.
func (s *stream) usage(usage gjson.Result) {
	if !usage.IsObject() {
		return
	}
	for path, into := range map[string]**int64{"prompt_tokens": &s.input, "completion_tokens": &s.output, "prompt_tokens_details.cached_tokens": &s.cached} {
		if value := usage.Get(path); value.Type == gjson.Number && value.Int() >= 0 {
			count := value.Int()
			*into = &count
		}
	}
}

// file hands the outcome what was measured.
func (s *stream) file() {
	o := s.outcome
	o.Streamed = true
	o.InputTokens += valueOf(s.input)
	o.CachedTokens += valueOf(s.cached)
	if s.output != nil {
		o.Counted = true
		o.OutputTokens += *s.output
	}
	if !s.first.IsZero() {
		s.result.TTFT = s.measured(record.TTFT, s.first.Sub(s.sent))
	}
	if !s.firstOutput.IsZero() {
		s.result.TTFO = s.measured(record.TTFO, s.firstOutput.Sub(s.sent))
	}
	// With all tokens in one chunk there is no time between them to be measured.
	if s.output != nil && *s.output > 1 && s.last.After(s.first) {
		s.result.TPOT = s.measured(record.TPOT, s.last.Sub(s.first)/time.Duration(*s.output-1))
	}
	s.result.InputTokens, s.result.CachedTokens, s.result.OutputTokens = s.input, s.cached, s.output
	s.result.Chunks = o.Chunks
	if s.request.KeepBody {
		text := s.text.String()
		s.result.Text = &text
	}
}

func (s *stream) measured(metric record.Metric, value time.Duration) *time.Duration {
	s.outcome.Set(metric, value)
	return &value
}

func valueOf(count *int64) int64 {
	if count == nil {
		return 0
	}
	return *count
}

// lingerLimit is how long the connection of a stream that has said its last word may take to end the
// answer. One that does not is closed, as clients do, and the last word was the last byte.
const lingerLimit = 250 * time.Millisecond

// read reads a stream: `event` takes each event and says whether it was the last one, `whole` an answer
// that is a JSON document and no stream.
func (s *stream) read(event func(sse.Event) (last bool, err error), whole func(gjson.Result) error) error {
	reader := sse.NewReader(&bounded{source: s.response.Body, left: maxBody})
	defer reader.Release()
	first, err := reader.Peek()
	if err != nil {
		return err
	}
	if first == '{' || first == '[' || strings.Contains(s.response.Header.Get("Content-Type"), "json") {
		return s.readWhole(reader.Rest(), whole)
	}
	for {
		next, err := reader.Next()
		if errors.Is(err, io.EOF) {
			s.outcome.End = s.now()
			if !s.complete {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if errors.Is(err, sse.ErrTooLong) {
			return fmt.Errorf("%w: %w", errMalformed, err)
		}
		if err != nil {
			return err
		}
		if len(next.Data) == 0 {
			continue // a sign of life
		}
		last, err := event(next)
		if err != nil {
			return err
		}
		if last {
			s.complete = true
			s.outcome.End = s.now()
			s.linger(reader)
			return nil
		}
	}
}

// linger reads on to the answer's end, so that its connection can be used again.
func (s *stream) linger(reader *sse.Reader) {
	timer := time.AfterFunc(lingerLimit, s.cancel)
	defer timer.Stop()
	if _, err := io.Copy(io.Discard, reader.Rest()); err == nil {
		s.outcome.End = s.now()
	}
}

func (s *stream) readWhole(body io.Reader, whole func(gjson.Result) error) error {
	var buffer bytes.Buffer
	if _, err := buffer.ReadFrom(body); err != nil {
		return err
	}
	s.outcome.End = s.now()
	document, err := parseObject(buffer.Bytes())
	if err != nil {
		return err
	}
	return whole(document)
}

// parseObject parses a JSON object; anything else is malformed.
func parseObject(data []byte) (gjson.Result, error) {
	if !gjson.ValidBytes(data) {
		return gjson.Result{}, fmt.Errorf("%w: not JSON", errMalformed)
	}
	parsed := gjson.ParseBytes(data)
	if !parsed.IsObject() {
		return gjson.Result{}, fmt.Errorf("%w: not a JSON object", errMalformed)
	}
	return parsed, nil
}

// stream sends a request and reads its answer by `read`.
func (c *Client) stream(ctx context.Context, request Request, outcome *record.Outcome, read func(*stream) error) StreamResult {
	var result StreamResult
	c.run(ctx, request, outcome, &result.Result, func(x *exchange) error {
		s := &stream{exchange: x, result: &result, now: time.Now}
		if err := read(s); err != nil {
			return err
		}
		s.file()
		return nil
	})
	return result
}
