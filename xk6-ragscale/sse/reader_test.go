package sse_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"ragscale.dev/xk6-ragscale/sse"
)

// eventsOf reads a stream to its end; each event is written "name|data".
func eventsOf(stream io.Reader) (events []string, err error) {
	reader := sse.NewReader(stream)
	defer reader.Release()
	for {
		event, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		events = append(events, string(event.Name)+"|"+string(event.Data))
	}
}

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	for _, c := range []struct {
		name   string
		stream string
		want   []string
	}{
		{"LF", "data: a\n\ndata: b\n\n", []string{"|a", "|b"}},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"|a", "|b"}},
		{"no space after the colon", "data:a\n\n", []string{"|a"}},
		{"only one space is taken away", "data:  a\n\n", []string{"| a"}},
		{"many lines of data", "data: {\ndata: \"x\": 1\ndata: }\n\n", []string{"|{\n\"x\": 1\n}"}},
		{"comments", ": ping\n\ndata: a\n: in between\n\n", []string{"|a"}},
		{"names", "event: token\ndata: a\n\ndata: b\n\n", []string{"token|a", "|b"}},
		{"a name after its data", "data: a\nevent: token\n\n", []string{"token|a"}},
		{"a name without data is no event, and is forgotten", "event: token\n\ndata: b\n\n", []string{"|b"}},
		{"id, retry and unknown fields", "id: 7\nretry: 10\nfoo: bar\nfoo\ndata: a\n\n", []string{"|a"}},
		{"a field without a colon", "data\n\n", []string{"|"}},
		{"a colon in the data", "data: a: b\n\n", []string{"|a: b"}},
		{"blank lines", "\n\n\ndata: a\n\n\n\n", []string{"|a"}},
		{"a byte order mark", "\xef\xbb\xbfdata: a\n\n", []string{"|a"}},
		{"an end without an empty line", "data: a\n\ndata: [DONE]\n", []string{"|a", "|[DONE]"}},
		{"[DONE] without any line end", "data: a\n\ndata: [DONE]", []string{"|a", "|[DONE]"}},
		{"half a line at the end is no event", "data: a\n\ndata: {\"x\":", []string{"|a"}},
		{"a line longer than the buffer", "data: " + strings.Repeat("x", 100_000) + "\n\ndata: b\n\n", []string{"|" + strings.Repeat("x", 100_000), "|b"}},
		{"nothing", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for how, stream := range map[string]io.Reader{
				"at once":      strings.NewReader(c.stream),
				"byte by byte": iotest.OneByteReader(strings.NewReader(c.stream)),
			} {
				got, err := eventsOf(stream)
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("%s: read %.200q, %v; want %.200q", how, got, err, c.want)
				}
			}
		})
	}
}

func TestAnEventIsGivenAsSoonAsItsEmptyLineIsThere(t *testing.T) {
	stream, server := io.Pipe()
	defer stream.Close()
	reader := sse.NewReader(stream)
	for i := range 3 {
		go fmt.Fprintf(server, "data: %d\n\n", i)
		if event, err := reader.Next(); err != nil || string(event.Data) != fmt.Sprint(i) {
			t.Fatalf("event %d is %q, %v", i, event.Data, err)
		}
	}
}

func TestAnEventWithoutEndIsAnErrorAndNotAllMemory(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("data: "), io.LimitReader(iotest.DataErrReader(zeros{}), 64<<20))
	if _, err := eventsOf(endless); !errors.Is(err, sse.ErrTooLong) {
		t.Errorf("one endless line: %v", err)
	}
	lines := strings.NewReader(strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 10_000))
	if _, err := eventsOf(lines); !errors.Is(err, sse.ErrTooLong) {
		t.Errorf("endless lines: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(into []byte) (int, error) {
	clear(into)
	return len(into), nil
}

func TestTheStreamsOwnErrorIsPassedOn(t *testing.T) {
	broken := errors.New("connection reset")
	got, err := eventsOf(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || !slices.Equal(got, []string{"|a"}) {
		t.Errorf("read %q, %v", got, err)
	}
}

// Any events, written in any of the ways that the standard allows and cut into any pieces, are read back.
func TestEventsSurviveWritingAndCutting(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		var want []string
		var stream strings.Builder
		for range random.IntN(20) {
			name, data := word(random), word(random)
			for range random.IntN(3) {
				data += "\n" + word(random)
			}
			want = append(want, name+"|"+data)
			write(random, &stream, name, data)
		}
		got, err := eventsOf(&pieces{text: stream.String(), random: random})
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("seed %d: %q was read as %q, %v; want %q", seed, stream.String(), got, err, want)
		}
	}
}

func word(random *rand.Rand) string {
	letters := []rune(" :aä{}\"0,日")
	text := make([]rune, random.IntN(12))
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

func write(random *rand.Rand, stream *strings.Builder, name, data string) {
	end := []string{"\n", "\r\n"}[random.IntN(2)]
	if random.IntN(3) == 0 {
		stream.WriteString(": a comment" + end)
	}
	stream.WriteString("event: " + name + end)
	for line := range strings.SplitSeq(data, "\n") {
		stream.WriteString("data: " + line + end)
	}
	stream.WriteString(end)
}

type pieces struct {
	text   string
	random *rand.Rand
}

func (p *pieces) Read(into []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(into, p.text[:min(len(p.text), 1+p.random.IntN(7))])
	p.text = p.text[n:]
	return n, nil
}

func FuzzAnyBytesEnd(f *testing.F) {
	f.Add("data: a\n\n")
	f.Add("event: x\r\ndata\r\n\r\n:\n")
	f.Add("\xef\xbb\xbf\ndata:[DONE]")
	f.Fuzz(func(t *testing.T, stream string) {
		atOnce, err := eventsOf(strings.NewReader(stream))
		if err != nil {
			t.Fatalf("%q: %v", stream, err)
		}
		if byByte, _ := eventsOf(iotest.OneByteReader(strings.NewReader(stream))); !slices.Equal(atOnce, byByte) {
			t.Errorf("%q: %q at once, %q byte by byte", stream, atOnce, byByte)
		}
	})
}
