package module

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"github.com/grafana/sobek"

	"ragscale.dev/xk6-ragscale/client"
	"ragscale.dev/xk6-ragscale/record"
)

type resultView struct {
	OK     bool    `js:"ok"`
	Status int     `js:"status"`
	Error  string  `js:"error"`
	Body   *string `js:"body"`
}

func viewOf(result client.Result) resultView {
	return resultView{OK: result.OK, Status: result.Status, Error: result.Error, Body: result.Body}
}

// call is a request about to be made, and where its outcome goes.
type call struct {
	ctx       context.Context
	request   client.Request
	outcome   *record.Outcome
	scheduled time.Time
}

func (i *instance) call(options *sobek.Object) call {
	outcome, slot, timeout := i.outcome()
	c := call{ctx: i.vu.Context(), request: i.requestOf(options, timeout), outcome: outcome}
	if slot != nil {
		c.ctx, c.scheduled = slot.Context, slot.Scheduled
	}
	return c
}

// request makes one HTTP exchange.
func (i *instance) request(options *sobek.Object) *resultView {
	c := i.call(options)
	view := viewOf(i.client().Do(c.ctx, c.request, c.outcome))
	return &view
}

var shared struct {
	once   sync.Once
	client *client.Client
}

// client is the one client of the process, with k6's dialer and TLS settings (which are the same for every
// virtual user), so that --insecure-skip-tls-verify, hosts, tlsAuth and the like apply.
func (i *instance) client() *client.Client {
	state := i.vu.State()
	if state == nil {
		i.throw("requests belong in an iteration or in setup(), not at the top of the script")
	}
	shared.once.Do(func() {
		var settings *tls.Config
		if state.TLSConfig != nil {
			settings = state.TLSConfig.Clone()
		}
		shared.client = client.New(client.Settings{
			DialContext: state.Dialer.DialContext, TLS: settings, DisableKeepAlives: state.Options.NoConnectionReuse.Bool,
			UserAgent: state.Options.UserAgent.String,
		})
	})
	return shared.client
}
