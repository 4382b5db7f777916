package record

// The lines of load.ndjson (docs/architecture.md, "What k6 writes"). Times of day are milliseconds since
// 1970, durations milliseconds.

const schemaName = "ragscale.load/1"

type startLine struct {
	Type   string  `json:"type"`
	Schema string  `json:"schema"`
	At     float64 `json:"at"`
	K6     string  `json:"k6"`
	Stage  string  `json:"stage"`
}

type intervalLine struct {
	Type       string           `json:"type"`
	At         float64          `json:"at"`
	Step       string           `json:"step"`
	Stage      string           `json:"stage"`
	Phase      Phase            `json:"phase"`
	ElapsedMs  float64          `json:"elapsedMs"`
	Rate       float64          `json:"rate"`
	Scheduled  int64            `json:"scheduled"`
	Sent       int64            `json:"sent"`
	Succeeded  int64            `json:"succeeded"`
	Failed     int64            `json:"failed"`
	InFlight   int              `json:"inFlight"`
	Errors     map[string]int64 `json:"errors"`
	Latency    *quantiles       `json:"latency"`
	TTFT       *quantiles       `json:"ttft"`
	CPUSeconds float64          `json:"cpuSeconds"`
	RSSBytes   int64            `json:"rssBytes"`
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

type stepLine struct {
	Type             string                   `json:"type"`
	Step             string                   `json:"step"`
	Stage            string                   `json:"stage"`
	FromRate         float64                  `json:"fromRate"`
	ToRate           float64                  `json:"toRate"`
	StartedAt        float64                  `json:"startedAt"`
	WindowStartedAt  float64                  `json:"windowStartedAt"`
	WindowMs         float64                  `json:"windowMs"`
	DrainedMs        float64                  `json:"drainedMs"`
	Scheduled        int64                    `json:"scheduled"`
	Sent             int64                    `json:"sent"`
	Succeeded        int64                    `json:"succeeded"`
	Failed           int64                    `json:"failed"`
	Shed             int64                    `json:"shed"`
	Cut              int64                    `json:"cut"`
	Errors           map[string]int64         `json:"errors"`
	Good             int64                    `json:"good"`
	Saturated        bool                     `json:"saturated"`
	LimitReachedMs   float64                  `json:"limitReachedMs"`
	MaxInFlightSeen  int                      `json:"maxInFlightSeen"`
	Stopped          *string                  `json:"stopped"`
	Recall           recallTotals             `json:"recall"`
	InputTokens      int64                    `json:"inputTokens"`
	CachedTokens     int64                    `json:"cachedTokens"`
	OutputTokens     int64                    `json:"outputTokens"`
	Chunks           int64                    `json:"chunks"`
	UnmeasuredTokens int64                    `json:"unmeasuredTokens"`
	Cache            map[string]hitsAndMisses `json:"cache"`
	Connections      connectionCount          `json:"connections"`
	CPUSeconds       float64                  `json:"cpuSeconds"`
	RSSBytes         int64                    `json:"rssBytes"`
}

type recallTotals struct {
	Sum   float64 `json:"sum"`
	Count int64   `json:"count"`
}

type hitsAndMisses struct {
	Hit  int64 `json:"hit"`
	Miss int64 `json:"miss"`
}

type connectionCount struct {
	New    int64 `json:"new"`
	Reused int64 `json:"reused"`
}

type endLine struct {
	Type   string  `json:"type"`
	At     float64 `json:"at"`
	Reason Reason  `json:"reason"`
}

// Reason is why a run ended.
type Reason string

// The reasons: every step ran; somebody interrupted; stopWhen stopped it; something broke, and k6's exit
// code and stderr say what.
const (
	Finished    Reason = "finished"
	Interrupted Reason = "interrupted"
	Stopped     Reason = "stopped"
	Failed      Reason = "failed"
)

// Phase is the part of a step that an instant falls in.
type Phase string

// The phases of a step.
const (
	WarmupPhase Phase = "warmup"
	WindowPhase Phase = "window"
	DrainPhase  Phase = "drain"
)
