/** Where the files lie under `deploy/`, a folder for each server that reads them. */
import type { RenderTarget } from '../topology.ts'

/**
 * Relative to `deploy/`, without a slash at the end. Below it: `prometheus/` (what `/etc/prometheus` holds), `grafana/`
 * (`/etc/grafana`) and `collector/` (`/etc/otelcol-contrib`). On Kubernetes, where the cluster has these servers, only
 * `prometheus/rules/` and `grafana/dashboards/`: files of the chart, which makes resources of them.
 */
export const observabilityRoot: Readonly<Record<RenderTarget, string>> = {
  compose: 'compose',
  swarm: 'swarm',
  kubernetes: 'helm/ragscale/files',
  systemd: 'systemd',
}
