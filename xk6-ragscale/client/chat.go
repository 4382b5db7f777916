package client

import (
	"context"
	"fmt"

	"github.com/tidwall/gjson"

	"ragscale.dev/xk6-ragscale/record"
	"ragscale.dev/xk6-ragscale/sse"
)

// Chat makes a request in the OpenAI format, chat or completions, and times the tokens of its answer.
//
// ttft is sending → first non-empty token on any channel, reasoning included; ttfo → first that is not
// reasoning; tpot is (last token − first) ÷ (tokens − 1), tokens as `usage` counts them. A chunk with a
// role alone, or with nothing, bears no token.
func (c *Client) Chat(ctx context.Context, request Request, outcome *record.Outcome) StreamResult {
	return c.stream(ctx, request, outcome, func(s *stream) error { return s.read(s.chatEvent, s.chatWhole) })
}

func (s *stream) chatEvent(event sse.Event) (last bool, err error) {
	if string(event.Data) == "[DONE]" {
		return true, nil
	}
	chunk, err := parseObject(event.Data)
	if err != nil {
		return false, err
	}
	if err := chatError(chunk); err != nil {
		return false, err
	}
	chunk.Get("choices").ForEach(func(_, choice gjson.Result) bool {
		s.choice(choice, choice.Get("delta"))
		return true
	})
	s.usage(chunk.Get("usage"))
	return false, nil
}

// choice files the token that one choice of a chunk bears, if it bears one.
func (s *stream) choice(choice, delta gjson.Result) {
	if reason := choice.Get("finish_reason"); reason.Type == gjson.String {
		s.result.FinishReason = reason.Str
		s.complete = true
	}
	// Completions have their text beside `delta`, not in it.
	if text := delta.Get("content").Str + choice.Get("text").Str; text != "" {
		s.token(answer, text)
		return
	}
	if delta.Get("refusal").Str != "" || toolCall(delta) {
		s.token(answer, "")
		return
	}
	if delta.Get("reasoning_content").Str != "" || delta.Get("reasoning").Str != "" {
		s.token(reasoning, "")
	}
}

func toolCall(delta gjson.Result) (bears bool) {
	delta.Get("tool_calls").ForEach(func(_, call gjson.Result) bool {
		bears = call.Get("function.name").Str != "" || call.Get("function.arguments").Str != ""
		return !bears
	})
	return bears
}

func chatError(document gjson.Result) error {
	if problem := document.Get("error"); problem.Exists() && problem.Type != gjson.Null {
		return fmt.Errorf("%w: %s", errStream, problem.Raw)
	}
	if document.Get("object").Str == "error" {
		return fmt.Errorf("%w: %s", errStream, document.Get("message").Str)
	}
	return nil
}

// chatWhole takes an answer that was not streamed: its tokens were all there at once, so it has neither
// ttft nor tpot.
func (s *stream) chatWhole(document gjson.Result) error {
	if err := chatError(document); err != nil {
		return err
	}
	choice := document.Get("choices.0")
	if !choice.IsObject() {
		return fmt.Errorf("%w: no choices", errMalformed)
	}
	s.result.FinishReason = choice.Get("finish_reason").Str
	if s.request.KeepBody {
		s.text.WriteString(choice.Get("message.content").Str + choice.Get("text").Str)
	}
	s.usage(document.Get("usage"))
	return nil
}
