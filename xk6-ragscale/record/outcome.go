package record

import "time"

// Metric is what latency.hlog keeps a histogram of.
type Metric int

// The metrics, in the order of metricNames.
const (
	Latency Metric = iota
	ScheduleDelay
	TTFT
	TTFO
	RagTTFT
	TPOT
	ITLGap
	Gateway
	Embed
	Retrieve
	Rerank
	Generate
	metricCount
)

var metricNames = [metricCount]string{
	"latency", "schedule_delay", "ttft", "ttfo", "rag_ttft", "tpot", "itl_gap",
	"gateway", "embed", "retrieve", "rerank", "generate",
}

func (m Metric) String() string { return metricNames[m] }

// MetricByName is the metric of a name in the plan or in a server's timings; false when there is none.
func MetricByName(name string) (Metric, bool) {
	for metric, known := range metricNames {
		if known == name {
			return Metric(metric), true
		}
	}
	return 0, false
}

// The caches that a gateway reports on.
const (
	EmbeddingCache = iota
	RetrievalCache
	AnswerCache
	cacheCount
)

var cacheNames = [cacheCount]string{"embedding", "retrieval", "answer"}

// CacheByName is the index of a cache in Outcome.Cache; false when it is not one of ours.
func CacheByName(name string) (int, bool) {
	for i, known := range cacheNames {
		if known == name {
			return i, true
		}
	}
	return 0, false
}

// CacheState is what one cache did for one query.
type CacheState uint8

// The states of a cache; off and unknown are not counted.
const (
	CacheOff CacheState = iota
	CacheHit
	CacheMiss
)

// Outcome is how one arrival ended. It is reused by the next arrival of the same virtual user.
type Outcome struct {
	// Sent is the instant at which the first request was handed to the transport; zero when none was.
	Sent time.Time
	// End is the instant of the last byte read of the last request.
	End time.Time
	// Error is the label of the first failure, "" when there was none.
	Error string

	values [metricCount]time.Duration
	has    [metricCount]bool
	// Gaps are the times between token-bearing chunks.
	Gaps []time.Duration

	Recall    float64
	HasRecall bool
	Cache     [cacheCount]CacheState

	// Streamed says that an answer made of tokens was read; Counted, that its server told their number.
	Streamed, Counted                               bool
	InputTokens, CachedTokens, OutputTokens, Chunks int64

	NewConnections, ReusedConnections int64
}

// Reset empties the outcome and keeps its memory.
func (o *Outcome) Reset() { *o = Outcome{Gaps: o.Gaps[:0]} }

// Set gives a metric its value; a later value of the same metric adds to the earlier one, since two
// requests of one arrival follow one another.
func (o *Outcome) Set(metric Metric, value time.Duration) {
	o.values[metric] += max(0, value)
	o.has[metric] = true
}

// Value is a metric of this outcome; false when it has none.
func (o *Outcome) Value(metric Metric) (time.Duration, bool) { return o.values[metric], o.has[metric] }

// Fail gives the arrival its error label, unless it has one.
func (o *Outcome) Fail(label string) {
	if o.Error == "" {
		o.Error = label
	}
}

// Limits are what one request must meet to count as goodput.
type Limits map[Metric]time.Duration

// Good says whether the outcome met every limit. A metric that the answer should have had and has not
// breaks its limit; an answer of one token has no time per output token and no gaps, so neither limit
// applies to it.
func (l Limits) Good(o *Outcome) bool {
	if o.Error != "" {
		return false
	}
	for metric, limit := range l {
		value, known := o.Value(metric)
		if metric == ITLGap {
			for _, gap := range o.Gaps {
				value, known = max(value, gap), true
			}
		}
		if !known {
			if (metric == TPOT || metric == ITLGap) && o.Chunks <= 1 && (!o.Counted || o.OutputTokens <= 1) && o.Streamed {
				continue
			}
			return false
		}
		if value > limit {
			return false
		}
	}
	return true
}
