package client

import (
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ragscale.dev/xk6-ragscale/record"
)

// stagesOfHeader files the times that a server reports as `Server-Timing: embed;dur=1.2, retrieve;dur=3.4`,
// in milliseconds (W3C Server Timing). Names that are not stages of ours are left out.
func stagesOfHeader(outcome *record.Outcome, header http.Header) {
	for _, value := range header.Values("Server-Timing") {
		for entry := range unquoted(value, ',') {
			name, parameters, _ := strings.Cut(entry, ";") // a name is never quoted
			for parameter := range unquoted(parameters, ';') {
				key, duration, found := strings.Cut(parameter, "=")
				if !found || !strings.EqualFold(strings.TrimSpace(key), "dur") {
					continue
				}
				if ms, err := strconv.ParseFloat(strings.Trim(strings.TrimSpace(duration), `"`), 64); err == nil {
					setStage(outcome, strings.TrimSpace(name), ms)
				}
			}
		}
	}
}

// setStage files one stage's time; it says whether the name is a stage's.
func setStage(outcome *record.Outcome, name string, ms float64) bool {
	metric, known := record.MetricByName(name)
	if !known || metric < record.Gateway || !(ms >= 0) || ms > float64(time.Hour.Milliseconds()) {
		return false
	}
	outcome.Set(metric, time.Duration(ms*float64(time.Millisecond)))
	return true
}

// unquoted splits at a separator outside of quoted strings.
func unquoted(text string, separator byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		from, quoted := 0, false
		for i := 0; i < len(text); i++ {
			switch {
			case text[i] == '"':
				quoted = !quoted
			case quoted && text[i] == '\\':
				i++
			case !quoted && text[i] == separator:
				if !yield(text[from:i]) {
					return
				}
				from = i + 1
			}
		}
		yield(text[from:])
	}
}
