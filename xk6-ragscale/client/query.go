package client

import (
	"context"
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"ragscale.dev/xk6-ragscale/record"
	"ragscale.dev/xk6-ragscale/sse"
)

// Query asks the reference gateway: a stream of the events sources, token, done and error, or the same as
// one JSON document. Beside what Chat measures, rag_ttft is scheduled → first token, and `timings` give the
// stages' times. `scheduled` is zero for a query that belongs to no arrival.
func (c *Client) Query(ctx context.Context, request Request, scheduled time.Time, outcome *record.Outcome) StreamResult {
	return c.stream(ctx, request, outcome, func(s *stream) error {
		if err := s.read(s.queryEvent, s.queryDone); err != nil {
			return err
		}
		if !s.first.IsZero() && !scheduled.IsZero() {
			s.measured(record.RagTTFT, s.first.Sub(scheduled))
		}
		s.gatewayTime()
		return nil
	})
}

func (s *stream) queryEvent(event sse.Event) (last bool, err error) {
	document, err := parseObject(event.Data)
	if err != nil {
		return false, err
	}
	switch string(event.Name) {
	case "sources":
		s.sources(document)
	case "token":
		text := document.Get("text")
		if text.Type != gjson.String {
			return false, fmt.Errorf("%w: a token without text", errMalformed)
		}
		if text.Str != "" {
			s.token(answer, text.Str)
		}
	case "done":
		return true, s.queryDone(document)
	case "error":
		return false, fmt.Errorf("%w: %s", errStream, document.Get("error.message").Str)
	}
	return false, nil
}

func (s *stream) sources(document gjson.Result) {
	if sources := document.Get("sources"); s.request.KeepBody && sources.IsArray() {
		raw := sources.Raw
		s.result.Sources = &raw
	}
}

// queryDone takes the last event, or the whole of an answer that was not streamed.
func (s *stream) queryDone(document gjson.Result) error {
	if problem := document.Get("error"); problem.IsObject() {
		return fmt.Errorf("%w: %s", errStream, problem.Get("message").Str)
	}
	text := document.Get("answer")
	if text.Type != gjson.String {
		return fmt.Errorf("%w: no answer", errMalformed)
	}
	s.sources(document)
	s.usage(document.Get("usage"))
	document.Get("timings").ForEach(func(stage, ms gjson.Result) bool {
		if ms.Type == gjson.Number {
			setStage(s.outcome, stage.Str, ms.Num)
		}
		return true
	})
	document.Get("cache").ForEach(func(name, state gjson.Result) bool {
		if cache, known := record.CacheByName(name.Str); known {
			s.outcome.Cache[cache] = cacheState(state.Str)
		}
		return true
	})
	if s.request.KeepBody && s.text.Len() == 0 {
		s.text.WriteString(text.Str)
	}
	return nil
}

func cacheState(word string) record.CacheState {
	switch word {
	case "hit":
		return record.CacheHit
	case "miss":
		return record.CacheMiss
	}
	return record.CacheOff
}

// gatewayTime files what the query spent outside of the stages, where the gateway did not say it: in the
// gateway itself and on the way to it.
func (s *stream) gatewayTime() {
	if _, told := s.outcome.Value(record.Gateway); told {
		return
	}
	rest := s.outcome.End.Sub(s.sent)
	stages := 0
	for _, stage := range []record.Metric{record.Embed, record.Retrieve, record.Rerank, record.Generate} {
		if spent, known := s.outcome.Value(stage); known {
			rest -= spent
			stages++
		}
	}
	if stages > 0 {
		s.outcome.Set(record.Gateway, rest)
	}
}
