import { type AlertCase, rising, steady } from '../alert-case.ts'

const gateway = 'job="gateway", replica="a"'

const gatewayCases: readonly AlertCase[] = [
  {
    alert: 'GatewayRefusesQueries',
    over: { [`ragscale_gateway_requests_total{${gateway}, route="query", status="429"}`]: rising(0.05) },
    under: { [`ragscale_gateway_requests_total{${gateway}, route="query", status="503"}`]: rising(5) },
    at: '15m',
    notAt: '4m',
  },
  {
    alert: 'GatewayNearFull',
    over: {
      [`ragscale_gateway_in_flight{${gateway}, route="query"}`]: steady(40),
      [`ragscale_gateway_in_flight{${gateway}, route="retrieve"}`]: steady(12),
      [`ragscale_gateway_max_in_flight{${gateway}}`]: steady(64),
    },
    under: {
      [`ragscale_gateway_in_flight{${gateway}, route="query"}`]: steady(40),
      [`ragscale_gateway_in_flight{${gateway}, route="retrieve"}`]: steady(11),
      [`ragscale_gateway_max_in_flight{${gateway}}`]: steady(64),
    },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'GatewayCircuitOpen',
    over: { [`ragscale_gateway_circuit_open{${gateway}, stage="embed"}`]: steady(1) },
    under: { [`ragscale_gateway_circuit_open{${gateway}, stage="embed"}`]: steady(0) },
    at: '5m',
  },
  {
    alert: 'GatewayCacheFails',
    over: { [`ragscale_gateway_cache_failures_total{${gateway}, cache="answer"}`]: rising(1) },
    under: { [`ragscale_gateway_cache_failures_total{${gateway}, cache="answer"}`]: rising(0.005) },
    at: '20m',
    notAt: '9m',
  },
  {
    alert: 'WorkerDocumentsFail',
    over: {
      'ragscale_worker_documents_total{job="worker", replica="a", result="stored"}': rising(9.4),
      'ragscale_worker_documents_total{job="worker", replica="a", result="failed"}': rising(0.6),
    },
    under: {
      'ragscale_worker_documents_total{job="worker", replica="a", result="stored"}': rising(9.6),
      'ragscale_worker_documents_total{job="worker", replica="a", result="failed"}': rising(0.4),
    },
    at: '25m',
    notAt: '9m',
  },
  {
    alert: 'WorkerBacklogGrows',
    over: { 'ragscale_worker_queue_backlog{job="worker", replica="a"}': '200+2x90' },
    under: { 'ragscale_worker_queue_backlog{job="worker", replica="a"}': '400-2x90' },
    at: '60m',
    notAt: '20m',
  },
  {
    alert: 'WorkerDeadLetters',
    over: { 'ragscale_worker_queue_dead_letters_total{job="worker", replica="a"}': '0x20 1x70' },
    under: { 'ragscale_worker_queue_dead_letters_total{job="worker", replica="a"}': '3x90' },
    at: '25m',
    notAt: '10m',
  },
  {
    alert: 'WorkerQueueAway',
    over: { 'ragscale_worker_queue_up{job="worker", replica="a"}': steady(0) },
    under: { 'ragscale_worker_queue_up{job="worker", replica="a"}': '1 1 0 0 0 0 1x80' },
    at: '10m',
    notAt: '4m',
  },
]

const queueCases: readonly AlertCase[] = [
  {
    alert: 'WorkerQueueStands',
    over: {
      'ragscale_worker_queue_backlog{job="worker", replica="a"}': steady(5),
      'ragscale_worker_documents_total{job="worker", replica="a", result="stored"}': '0+60x9 540x80',
    },
    under: {
      'ragscale_worker_queue_backlog{job="worker", replica="a"}': steady(5),
      'ragscale_worker_documents_total{job="worker", replica="a", result="stored"}': rising(1),
    },
    at: '35m',
    notAt: '19m',
  },
  {
    alert: 'WorkerBacklogGrows',
    over: { 'ragscale_worker_queue_backlog{job="worker", replica="a"}': '200+10x90' },
    under: { 'ragscale_worker_queue_backlog{job="worker", replica="a"}': '2000-10x90' },
    at: '60m',
    notAt: '29m',
  },
  {
    alert: 'WorkerDeadLetters',
    over: { 'ragscale_worker_queue_dead_letters_total{job="worker", replica="a"}': '0x10 1x50' },
    under: { 'ragscale_worker_queue_dead_letters_total{job="worker", replica="a"}': steady(1) },
    at: '15m',
    notAt: '9m',
  },
  {
    alert: 'WorkerQueueAway',
    over: { 'ragscale_worker_queue_up{job="worker", replica="a"}': steady(0) },
    under: { 'ragscale_worker_queue_up{job="worker", replica="a"}': '1 0 1 0 1 1 0 1 1 1 0 1 1' },
    at: '10m',
    notAt: '4m',
  },
]

export const serviceCases: readonly AlertCase[] = [...gatewayCases, ...queueCases]
