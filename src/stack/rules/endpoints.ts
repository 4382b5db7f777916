import { type Rule, type RuleFinding, error } from './rule.ts'

export const externalTakesEndpoints: Rule = (shape) => {
  const endpoints = Object.keys(shape.endpoints)
  const tiers = Object.keys(shape.tiers)
  if (shape.target !== 'external') {
    const found = endpoints.map((name) =>
      error(
        [`endpoints.${name}`, 'target'],
        `endpoints are for target external; this target is ${shape.target}`,
      ),
    )
    if (tiers.length > 0) return found
    return [
      ...found,
      error(['tiers', 'target', 'endpoints'], 'no tier: nothing would run', 'tiers.embed, for example'),
    ]
  }
  const found = tiers.map((name) =>
    error(
      [`tiers.${name}`, 'target'],
      'target external takes endpoints in place of tiers: someone else runs them',
    ),
  )
  if (endpoints.length > 0) return found
  return [
    ...found,
    error(['target', 'endpoints'], 'target external needs endpoints', 'endpoints.embed.url, for example'),
  ]
}

export const endpointsAreWhole: Rule = ({ endpoints }) => {
  const found: RuleFinding[] = []
  for (const [name, endpoint] of Object.entries(endpoints)) {
    if (endpoint === undefined) continue
    const at = `endpoints.${name}`
    if (endpoint.protocol !== 'http' && /[?#]/.test(endpoint.url)) {
      found.push(
        error(
          [`${at}.url`],
          'has a ? or # in it, and the path of each request is put behind it',
          'put what follows the ? into a header (headersEnv), or use an endpoint of protocol http',
        ),
      )
    }
    if ((endpoint.certFile === undefined) !== (endpoint.keyFile === undefined)) {
      const [there, lacking] =
        endpoint.certFile === undefined ? ['keyFile', 'certFile'] : ['certFile', 'keyFile']
      found.push(error([`${at}.${there}`, `${at}.${lacking}`], `needs ${lacking} beside it`))
    }
  }
  const { embed, pipeline } = endpoints
  if (embed?.protocol === 'openai' && embed.model === undefined) {
    found.push(
      error(
        ['endpoints.embed.model', 'endpoints.embed.protocol'],
        'missing: protocol openai asks for a model',
      ),
    )
  }
  if (pipeline?.protocol === 'http') {
    for (const [key, message] of [
      ['body', 'missing: protocol http posts it'],
      ['answer', 'missing: protocol http looks for the answer there'],
    ] as const) {
      if (pipeline[key] !== undefined) continue
      found.push(error([`endpoints.pipeline.${key}`, 'endpoints.pipeline.protocol'], message))
    }
  }
  if (pipeline?.body !== undefined) found.push(...templateWorks(pipeline.body))
  if (pipeline?.protocol === 'ragscale') {
    for (const key of ['body', 'answer'] as const) {
      if (pipeline[key] === undefined) continue
      found.push(
        error(
          [`endpoints.pipeline.${key}`, 'endpoints.pipeline.protocol'],
          'means nothing with protocol ragscale',
        ),
      )
    }
  }
  return found
}

function templateWorks(body: string): RuleFinding[] {
  const at = ['endpoints.pipeline.body']
  if (!body.includes('{{query}}'))
    return [error(at, 'has no {{query}} in it: every request would be the same')]
  try {
    JSON.parse(body.replaceAll('{{query}}', '""'))
    return []
  } catch {
    return [
      error(
        at,
        'is not JSON once {{query}} has become the query in quotes',
        `'{"question": {{query}}}', for example`,
      ),
    ]
  }
}
