package record

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// writer writes from one goroutine, so that a slow disk or a slow reader of stdout holds up nobody who
// measures.
type writer struct {
	jobs   chan func() error
	done   chan struct{}
	failed chan struct{}
	err    error // read after failed or done is closed

	closeOnce sync.Once
	closed    sync.RWMutex
	ended     bool

	log, lines *appendFile
	stdout     io.Writer
}

// jobsAhead bounds what waits to be written: a few jobs a second, so about a quarter of a minute.
const jobsAhead = 64

func openWriter(folder string, stdout io.Writer, now time.Time) (*writer, error) {
	log, err := openAppend(filepath.Join(folder, "latency.hlog"))
	if err != nil {
		return nil, err
	}
	lines, err := openAppend(filepath.Join(folder, "load.ndjson"))
	if err != nil {
		_ = log.close()
		return nil, err
	}
	w := &writer{
		jobs: make(chan func() error, jobsAhead), done: make(chan struct{}), failed: make(chan struct{}),
		log: log, lines: lines, stdout: stdout,
	}
	if log.empty() {
		if err := log.append([]byte(logHeader(now))); err != nil {
			_, _ = log.close(), lines.close()
			return nil, err
		}
	}
	go w.run()
	return w, nil
}

func logHeader(now time.Time) string {
	return fmt.Sprintf("#[Histogram log format version %s]\n#[StartTime: %.3f (seconds since epoch), %s]\n%s\n",
		hdrhistogram.HISTOGRAM_LOG_FORMAT_VERSION, wallMs(now)/1000, now.UTC().Format(time.RFC3339Nano),
		`"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"`)
}

func (w *writer) run() {
	defer close(w.done)
	for job := range w.jobs {
		if w.err != nil {
			continue
		}
		if err := job(); err != nil {
			w.err = err
			close(w.failed)
		}
	}
}

func (w *writer) enqueue(job func() error) {
	w.closed.RLock()
	defer w.closed.RUnlock()
	if !w.ended {
		w.jobs <- job
	}
}

func (w *writer) line(document any) {
	w.enqueue(func() error { return w.writeLine(document) })
}

func (w *writer) writeLine(document any) error {
	line, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("could not encode a line of load.ndjson: %w", err)
	}
	line = append(line, '\n')
	if err := w.lines.append(line); err != nil {
		return err
	}
	if _, err := w.stdout.Write(line); err != nil {
		return fmt.Errorf("could not write to stdout: %w", err)
	}
	return nil
}

// interval writes what one interval recorded, from its start to its end, and gives it back.
func (w *writer) interval(full *interval, line intervalLine, start, end time.Time, reuse func(*interval)) {
	w.enqueue(func() error {
		defer reuse(full)
		if err := w.writeHistograms(full, line.Step+"."+line.Stage, start, end); err != nil {
			return err
		}
		line.Scheduled, line.Sent, line.Succeeded, line.Failed = full.scheduled, full.sent, full.succeeded, full.failed
		line.Errors, line.Latency, line.TTFT = full.errors, quantilesOf(full.latency), quantilesOf(full.ttft)
		line.CPUSeconds, line.RSSBytes = processUsage()
		return w.writeLine(line)
	})
}

func (w *writer) writeHistograms(full *interval, tag string, start, end time.Time) error {
	for metric, histogram := range full.window {
		if histogram == nil || histogram.TotalCount() == 0 {
			continue
		}
		encoded, err := histogram.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			return fmt.Errorf("could not encode the histogram of %s: %w", Metric(metric), err)
		}
		line := fmt.Sprintf("Tag=%s.%s,%.3f,%.3f,%.6f,%s\n", tag, Metric(metric),
			wallMs(start)/1000, end.Sub(start).Seconds(), float64(histogram.Max())/hdrhistogram.MsToNsRatio, encoded)
		if err := w.log.append([]byte(line)); err != nil {
			return err
		}
	}
	return nil
}

// close writes the last line, waits for everything before it, and makes sure that the disk has it.
func (w *writer) close(end endLine) error {
	w.closeOnce.Do(func() {
		w.line(end)
		w.closed.Lock()
		w.ended = true
		close(w.jobs)
		w.closed.Unlock()
		<-w.done
		for _, file := range []*appendFile{w.log, w.lines} {
			if err := file.close(); err != nil && w.err == nil {
				w.err = err
			}
		}
	})
	return w.err
}
