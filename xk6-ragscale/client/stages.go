package client

import (
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
		for entry := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(entry, ";")
			for parameter := range strings.SplitSeq(parameters, ";") {
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
