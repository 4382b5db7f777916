/** Spans of a service's work, as far as anybody collects them. */
import type { Environment } from './secrets.ts'

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** Headers of a request, as Node has them. */
export type GivenHeaders = Readonly<Record<string, string | string[] | undefined>>

export interface Span {
  /** What a server that is called within this span must be sent, so that it joins the trace (W3C Trace Context). */
  readonly headers: Readonly<Record<string, string>>
  child(name: string, attributes?: Attributes): Span
  set(attributes: Attributes): void
  /** A moment within the span: `first token`. */
  event(name: string): void
  /** Once; with what went wrong, where something did. */
  end(error?: unknown): void
}

export interface Tracing {
  /** The span of a request that came, in the trace that its `traceparent` names, else in one of its own. */
  start(name: string, given: GivenHeaders, attributes?: Attributes): Span
  /** Sends what is not sent yet, within two seconds. */
  close(): Promise<void>
}

/**
 * Sends spans by OTLP over HTTP where `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`) is set and
 * `OTEL_SDK_DISABLED` is not true; else passes on the trace that a request came with, and records nothing.
 * @param service `service.name`, unless `OTEL_SERVICE_NAME` says another
 */
export async function openTracing(service: string, env: Environment): Promise<Tracing> {
  const general = env['OTEL_EXPORTER_OTLP_ENDPOINT']
  const own = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']
  const url = own || (general ? `${general.replace(/\/+$/, '')}/v1/traces` : '')
  if (url === '' || env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return passedOn
  const { otlpTracing } = await import('./otlp.ts')
  return otlpTracing({ service, url, env })
}

/** Records nothing. */
export const passedOn: Tracing = {
  start: (_name, given) => {
    const headers = Object.fromEntries(
      ['traceparent', 'tracestate'].flatMap((name) => {
        const value = given[name]
        return typeof value === 'string' ? [[name, value]] : []
      }),
    )
    const span: Span = { headers, child: () => span, set: () => {}, event: () => {}, end: () => {} }
    return span
  },
  close: () => Promise.resolve(),
}
