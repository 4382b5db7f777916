package module

import (
	"time"

	"github.com/grafana/sobek"

	"ragscale.dev/xk6-ragscale/client"
)

type streamView struct {
	OK           bool        `js:"ok"`
	Status       int         `js:"status"`
	Error        string      `js:"error"`
	Body         *string     `js:"body"`
	Text         *string     `js:"text"`
	Sources      sobek.Value `js:"sources"`
	FinishReason string      `js:"finishReason"`
	TTFTMs       *float64    `js:"ttftMs"`
	TTFOMs       *float64    `js:"ttfoMs"`
	TPOTMs       *float64    `js:"tpotMs"`
	InputTokens  *int64      `js:"inputTokens"`
	CachedTokens *int64      `js:"cachedTokens"`
	OutputTokens *int64      `js:"outputTokens"`
	Chunks       int64       `js:"chunks"`
}

func (i *instance) streamViewOf(result client.StreamResult) *streamView {
	return &streamView{
		OK: result.OK, Status: result.Status, Error: result.Error, Body: result.Body,
		Text: result.Text, Sources: i.parsed(result.Sources), FinishReason: result.FinishReason,
		TTFTMs: inMs(result.TTFT), TTFOMs: inMs(result.TTFO), TPOTMs: inMs(result.TPOT),
		InputTokens: result.InputTokens, CachedTokens: result.CachedTokens, OutputTokens: result.OutputTokens, Chunks: result.Chunks,
	}
}

// parsed is JSON that Go has validated as a value of the script's.
func (i *instance) parsed(json *string) sobek.Value {
	if json == nil {
		return sobek.Null()
	}
	runtime := i.vu.Runtime()
	parse, ok := sobek.AssertFunction(runtime.GlobalObject().Get("JSON").ToObject(runtime).Get("parse"))
	if !ok {
		i.throw("the script has replaced JSON.parse")
	}
	value, err := parse(sobek.Undefined(), runtime.ToValue(*json))
	if err != nil {
		panic(err)
	}
	return value
}

func inMs(duration *time.Duration) *float64 {
	if duration == nil {
		return nil
	}
	ms := float64(*duration) / float64(time.Millisecond)
	return &ms
}

// chat makes a request in the OpenAI format and times its tokens.
func (i *instance) chat(options *sobek.Object) *streamView {
	c := i.call(options)
	return i.streamViewOf(i.client().Chat(c.ctx, c.request, c.outcome))
}

// query asks the reference gateway and times its tokens.
func (i *instance) query(options *sobek.Object) *streamView {
	c := i.call(options)
	return i.streamViewOf(i.client().Query(c.ctx, c.request, c.scheduled, c.outcome))
}
