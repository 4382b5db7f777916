import type { Component } from '../component.ts'
import { unknownTiming } from '../component.ts'

/**
 * An API provider that speaks the OpenAI protocol: somebody else runs it, within limits on requests and tokens a
 * minute and at a price a token. No container; nothing to scale.
 */
export const openai: Component = {
  name: 'openai',
  title: 'an API provider',
  fills: ['embed', 'generate'],
  protocol: 'openai',
  ports: {},
  healthPath: null,
  metricsPath: null,
  metrics: {},
  scales: 'replicas',
  timing: () =>
    unknownTiming('component', 'an API provider has a timing of its own, which no data sheet tells'),
}
