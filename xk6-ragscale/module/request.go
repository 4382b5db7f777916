package module

import (
	"crypto/tls"
	"sync"

	"github.com/grafana/sobek"

	"ragscale.dev/xk6-ragscale/client"
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

// request makes one HTTP exchange.
func (i *instance) request(options *sobek.Object) *resultView {
	outcome, slot, timeout := i.outcome()
	request := i.requestOf(options, timeout)
	ctx := i.vu.Context()
	if slot != nil {
		ctx = slot.Context
	}
	view := viewOf(i.client().Do(ctx, request, outcome))
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
		})
	})
	return shared.client
}
