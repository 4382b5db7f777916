// Package sse reads server-sent events (WHATWG HTML, section 9.2) as they arrive.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Event is one event. Its slices are valid until the next call of Next.
type Event struct {
	// Name is the `event` field, empty for a plain message.
	Name []byte
	// Data is what the `data` lines hold, joined by newlines.
	Data []byte
}

// ErrTooLong is the error of an event longer than MaxEvent bytes.
var ErrTooLong = fmt.Errorf("an event is longer than %d bytes", MaxEvent)

// MaxEvent bounds one event.
const MaxEvent = 8 << 20

const bufferSize = 16 << 10

var readers = sync.Pool{New: func() any {
	return &Reader{buffered: bufio.NewReaderSize(nil, bufferSize)}
}}

// Reader reads events. It takes lines that end in LF or CRLF, comments, fields with or without a space
// after the colon, and fields it does not know, which it leaves out.
type Reader struct {
	buffered *bufio.Reader
	name     []byte
	data     []byte
	long     []byte // a line that did not fit the buffer
	hasData  bool
	begun    bool
}

// NewReader reads events from a stream; Release gives its memory back.
func NewReader(stream io.Reader) *Reader {
	r := readers.Get().(*Reader)
	r.buffered.Reset(stream)
	r.begun = false
	return r
}

// Release ends the use of the reader and of the last event.
func (r *Reader) Release() {
	if cap(r.data) > 1<<20 || cap(r.long) > 1<<20 {
		r.data, r.long = nil, nil
	}
	r.buffered.Reset(nil)
	readers.Put(r)
}

// Peek is the stream's first byte; it does not take it.
func (r *Reader) Peek() (byte, error) {
	first, err := r.buffered.Peek(1)
	if err != nil {
		return 0, err
	}
	return first[0], nil
}

// Rest reads what is left as plain bytes, for a stream that turns out to hold no events.
func (r *Reader) Rest() io.Reader { return r.buffered }

// Next is the next event that has data, as soon as the empty line that ends it has been read. At the
// stream's end an event whose last line is whole counts as ended; then the error is io.EOF. Other errors
// are the stream's own, or ErrTooLong.
func (r *Reader) Next() (Event, error) {
	r.name, r.data, r.hasData = r.name[:0], r.data[:0], false
	for {
		line, whole, err := r.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return Event{}, err
		}
		if whole || isDone(line) {
			if len(line) == 0 && r.hasData {
				return Event{Name: r.name, Data: r.data}, nil
			}
			if len(line) == 0 {
				r.name = r.name[:0] // an event without data is none
			} else if err := r.field(line); err != nil {
				return Event{}, err
			}
		}
		if err != nil {
			if r.hasData {
				return Event{Name: r.name, Data: r.data}, nil
			}
			return Event{}, io.EOF
		}
	}
}

// isDone knows the one line that servers of the OpenAI format may end a stream with and leave unended.
func isDone(line []byte) bool {
	value, found := bytes.CutPrefix(line, []byte("data:"))
	return found && string(bytes.TrimPrefix(value, []byte(" "))) == "[DONE]"
}

// line is the next line without its end; `whole` says that it had one.
func (r *Reader) line() (line []byte, whole bool, err error) {
	line, err = r.buffered.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.longLine(line)
	}
	if !r.begun && len(line) > 0 {
		r.begun = true
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if err != nil {
		return line, false, err
	}
	line = line[:len(line)-1]
	return bytes.TrimSuffix(line, []byte("\r")), true, nil
}

func (r *Reader) longLine(start []byte) (line []byte, err error) {
	r.long = append(r.long[:0], start...)
	for {
		start, err = r.buffered.ReadSlice('\n')
		if len(r.long)+len(start) > MaxEvent {
			return nil, ErrTooLong
		}
		r.long = append(r.long, start...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return r.long, err
		}
	}
}

func (r *Reader) field(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		if len(r.data)+len(value) > MaxEvent {
			return ErrTooLong
		}
		if r.hasData {
			r.data = append(r.data, '\n')
		}
		r.data = append(r.data, value...)
		r.hasData = true
	case "event":
		r.name = append(r.name[:0], value...)
	}
	return nil
}
