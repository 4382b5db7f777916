package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
)

type memory struct {
	Points []memoryPoint `json:"points"`
	// Ratio is the last peak to the first.
	Ratio float64 `json:"ratio"`
}

type memoryPoint struct {
	Samples   int64 `json:"samples"`
	PeakBytes int64 `json:"peakBytes"`
}

const (
	tokensPerStream  = 10_000
	streamsPerSecond = 20
)

// measureMemory streams tokens at one rate for one time and for eight times as long.
func measureMemory(s settings) (*memory, error) {
	stream := streamOf(tokensPerStream)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write(stream)
	}))
	defer server.Close()
	var m memory
	for _, millions := range []float64{1, 8} {
		work := shape{URL: server.URL, Rate: streamsPerSecond, Users: 64, Seconds: millions * 1e6 / tokensPerStream / streamsPerSecond}
		used, err := runK6(s, "tokens.js", work, true)
		if err != nil {
			return nil, err
		}
		step, err := stepOf(used.stdout)
		if err != nil {
			return nil, err
		}
		if step.Failed > 0 {
			return nil, fmt.Errorf("%d of %d streams failed: this machine is too slow for them", step.Failed, step.Failed+step.Succeeded)
		}
		point := memoryPoint{Samples: step.Chunks - step.Succeeded, PeakBytes: used.peakBytes}
		fmt.Fprintf(os.Stderr, "%d samples: %d bytes at the peak, %.1f s of CPU\n", point.Samples, point.PeakBytes, used.cpu.Seconds())
		m.Points = append(m.Points, point)
	}
	m.Ratio = float64(m.Points[len(m.Points)-1].PeakBytes) / float64(m.Points[0].PeakBytes)
	return &m, nil
}

func streamOf(tokens int) []byte {
	var stream bytes.Buffer
	for range tokens {
		stream.WriteString(`data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" a"},"finish_reason":null}]}` + "\n\n")
	}
	fmt.Fprintf(&stream, `data: {"choices":[],"usage":{"prompt_tokens":40,"completion_tokens":%d}}`+"\n\ndata: [DONE]\n\n", tokens)
	return stream.Bytes()
}
