/** `Tracing` by OpenTelemetry; imported only where somebody collects. Without globals: a test may have several. */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Context, Span as OtelSpan, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Sampler } from '@opentelemetry/sdk-trace'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import { ragscaleVersion } from '../version.ts'
import type { Environment } from './secrets.ts'
import type { GivenHeaders, Span, Tracing } from './tracing.ts'

const propagator = new W3CTraceContextPropagator()
const getter: TextMapGetter<GivenHeaders> = {
  keys: (carrier) => Object.keys(carrier),
  get: (carrier, key) => carrier[key],
}
const setter: TextMapSetter<Record<string, string>> = {
  set: (carrier, key, value) => {
    carrier[key] = value
  },
}

export function otlpTracing(about: { service: string; url: string; env: Environment }): Tracing {
  const { service, url, env } = about
  const version = ragscaleVersion()
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      ...attributesIn(env['OTEL_RESOURCE_ATTRIBUTES']),
      'service.name': env['OTEL_SERVICE_NAME'] || service,
      'service.version': version,
      ...(env['HOSTNAME'] ? { 'service.instance.id': env['HOSTNAME'] } : {}),
    }),
    sampler: samplerOf(env),
    // What cannot be sent in time is dropped: a query never waits for its trace.
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }), scheduledDelayMillis: 1_000 }),
    ],
  })
  const tracer = provider.getTracer('ragscale', version)

  const open = (name: string, kind: SpanKind, within: Context, attributes = {}): Span => {
    const span = tracer.startSpan(name, { kind, attributes }, within)
    const context = trace.setSpan(within, span)
    const headers: Record<string, string> = {}
    propagator.inject(context, headers, setter)
    return {
      headers,
      child: (childName, more) => open(childName, SpanKind.CLIENT, context, more),
      set: (more) => span.setAttributes(more),
      event: (eventName) => span.addEvent(eventName),
      end: (error) => end(span, error),
    }
  }
  return {
    start: (name, given, attributes) =>
      open(name, SpanKind.SERVER, propagator.extract(ROOT_CONTEXT, given, getter), attributes),
    close: async () => {
      await Promise.race([
        provider.shutdown().catch(() => undefined),
        delay(2_000, undefined, { ref: false }),
      ])
    },
  }
}

function end(span: OtelSpan, error: unknown): void {
  if (error !== undefined) {
    span.recordException(error instanceof Error ? error : new Error(messageOf(error)))
    span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
  }
  span.end()
}

/** `OTEL_TRACES_SAMPLER` and its argument; by default every trace, unless its caller decided otherwise. */
function samplerOf(env: Environment): Sampler {
  const name = env['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on'
  const ratio = Number(env['OTEL_TRACES_SAMPLER_ARG'] || '1')
  const root = rootSampler(name.replace(/^parentbased_/, ''), ratio)
  if (root === undefined || Number.isNaN(ratio) || ratio < 0 || ratio > 1) {
    throw new Error(
      `OTEL_TRACES_SAMPLER=${name} with OTEL_TRACES_SAMPLER_ARG=${ratio} is no sampler: always_on, always_off or traceidratio, each also with parentbased_ before it, and an argument from 0 to 1`,
    )
  }
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}

function rootSampler(name: string, ratio: number): Sampler | undefined {
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler()
    case 'always_off':
      return new AlwaysOffSampler()
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio)
    default:
      return undefined
  }
}

/** `key=value,key=value`, values percent-encoded (OpenTelemetry's specification of the variable). */
function attributesIn(text: string | undefined): Record<string, string> {
  return Object.fromEntries(
    (text ?? '').split(',').flatMap((pair) => {
      const at = pair.indexOf('=')
      return at < 1 ? [] : [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]]
    }),
  )
}
