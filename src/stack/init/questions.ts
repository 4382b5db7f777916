/** What `init` asks, when somebody can answer; every question has a flag that answers it beforehand. */
import { encoderModel, encoderModels } from '../../catalog/models.ts'
import { messageOf } from '../../errors.ts'
import type { Prompts } from '../../runtime.ts'
import { readStack } from '../load.ts'
import { type Preset, presetText, presets } from '../presets.ts'
import type { Change } from '../save.ts'
import { type EndpointName, type Stack, type Target, endpointNames } from '../stack.ts'
import { formatDuration, formatRate, parseDuration, parseRate } from '../units.ts'

export interface Choices {
  readonly target: Target
  readonly preset: Preset
  /** To the preset's text. */
  readonly changes: readonly Change[]
}

/** What the flags have answered already. */
export interface Given {
  readonly target?: Target
  readonly preset?: Preset
  readonly changes: readonly Change[]
}

const targetChoices: { value: Target; name: string; description: string }[] = [
  { value: 'local', name: 'local', description: 'a rehearsal on this machine: no Docker, no GPU' },
  { value: 'external', name: 'external', description: 'servers that somebody else runs, by their URLs' },
  { value: 'compose', name: 'compose', description: 'Docker Compose on one machine' },
  { value: 'swarm', name: 'swarm', description: 'Docker Swarm' },
  { value: 'kubernetes', name: 'kubernetes', description: 'a Kubernetes cluster' },
]

export async function ask(given: Given, prompts: Prompts): Promise<Choices> {
  const target =
    given.target ??
    (await prompts.select<Target>('Where does the stack run?', targetChoices, { initial: 'local' }))
  if (target === 'external') {
    const changes = [...(await askEndpoints(given, prompts)), ...given.changes]
    return { target, preset: 'laptop', changes }
  }
  const preset =
    given.preset ??
    (await prompts.select<Preset>('What should it begin as?', presetChoices(), { initial: 'laptop' }))
  const { stack } = readStack(await presetText(preset), '/ragscale.yaml')
  if (stack === null) throw new Error(`the preset ${preset} is broken`)
  return {
    target,
    preset,
    changes: [...(await askAboutTiers(stack, target, given, prompts)), ...given.changes],
  }
}

function presetChoices(): { value: Preset; name: string; description: string }[] {
  return Object.entries(presets).map(([name, description]) => ({ value: name as Preset, name, description }))
}

async function askAboutTiers(
  stack: Stack,
  target: Target,
  given: Given,
  prompts: Prompts,
): Promise<Change[]> {
  const changes: Change[] = []
  const set = (path: string, value: string, before: string): void => {
    if (value !== before) changes.push({ path, value })
  }
  const answered = (path: string) => given.changes.some((change) => change.path === path)
  const model = stack.tiers.embed?.model
  if (model !== undefined && !answered('tiers.embed.model')) {
    const validate = (name: string) => validModel(name.trim(), target)
    set(
      'tiers.embed.model',
      (await prompts.input('Which embedding model?', { initial: model, validate })).trim(),
      model,
    )
  }
  if (!answered('workload.rate')) {
    const rate = formatRate(stack.workload.rate)
    set(
      'workload.rate',
      await prompts.input('How many queries to expect?', { initial: rate, validate: valid(parseRate) }),
      rate,
    )
  }
  const limit = stack.slo.find((slo) => slo.on === 'pipeline.latency.p95')
  if (limit !== undefined && !answered('slo.pipeline.p95')) {
    const p95 = formatDuration(limit.limit)
    const question = 'Within what time should 95 % of the queries be answered?'
    set(
      'slo.pipeline.p95',
      await prompts.input(question, { initial: p95, validate: valid(parseDuration) }),
      p95,
    )
  }
  return changes
}

function validModel(name: string, target: Target): true | string {
  const model = encoderModel(name)
  if (model?.dimensions === null) return 'This is a cross-encoder: it gives no vectors.'
  if (model !== undefined || (target !== 'local' && name !== '')) return true
  const known = encoderModels.filter(({ dimensions }) => dimensions !== null).map((known) => known.name)
  return `A rehearsal needs a model whose timing is known: ${known.join(', ')}`
}

const urlQuestions: Readonly<Record<EndpointName, string>> = {
  embed: 'URL of the embeddings server (empty: none)',
  vector: 'URL of Qdrant (empty: none)',
  rerank: 'URL of the reranking server (empty: none)',
  generate: 'URL of the OpenAI-compatible chat server (empty: none)',
  pipeline: 'URL of the whole RAG service (empty: none)',
}

/** The template has embed, vector and generate; what somebody does not have is taken out, its limits with it. */
async function askEndpoints(given: Given, prompts: Prompts): Promise<Change[]> {
  const changes: Change[] = []
  const answered = endpointNames.filter((name) =>
    given.changes.some(({ path }) => path.startsWith(`endpoints.${name}`)),
  )
  for (const name of endpointNames) {
    if (answered.includes(name)) continue
    const url = (await prompts.input(urlQuestions[name], { initial: '', validate: validUrl })).trim()
    if (url === '') {
      changes.push({ path: `endpoints.${name}`, value: undefined })
      const stage = name === 'vector' ? 'retrieve' : name
      changes.push({ path: `slo.${stage}`, value: undefined })
      continue
    }
    changes.push({ path: `endpoints.${name}.url`, value: url })
    changes.push(...(await askAboutEndpoint(name, prompts)))
  }
  return changes
}

async function askAboutEndpoint(name: EndpointName, prompts: Prompts): Promise<Change[]> {
  const notEmpty = (text: string) => text.trim() !== '' || 'A name is needed.'
  if (name === 'vector') {
    const value = await prompts.input('Which collection?', { initial: 'docs', validate: notEmpty })
    return [{ path: 'endpoints.vector.collection', value }]
  }
  if (name === 'generate') {
    return [
      {
        path: 'endpoints.generate.model',
        value: await prompts.input('Which model?', { validate: notEmpty }),
      },
    ]
  }
  if (name !== 'pipeline') return []
  const body = await prompts.input('What is posted to it? {{query}} becomes the question.', {
    initial: '{"question": {{query}}}',
    validate: (text) => text.includes('{{query}}') || 'It needs {{query}} in it.',
  })
  const answer = await prompts.input('Where in what it answers is the text?', {
    initial: '$.answer',
    validate: (text) => text.startsWith('$') || 'A path begins with $, such as $.answer.',
  })
  return [
    { path: 'endpoints.pipeline.protocol', value: 'http' },
    { path: 'endpoints.pipeline.body', value: body },
    { path: 'endpoints.pipeline.answer', value: answer },
  ]
}

function validUrl(text: string): true | string {
  const url = URL.parse(text.trim())
  if (text.trim() === '' || url?.protocol === 'http:' || url?.protocol === 'https:') return true
  return 'A URL begins with http:// or https://.'
}

function valid(parse: (text: string) => number): (text: string) => true | string {
  return (text) => {
    try {
      parse(text)
      return true
    } catch (error) {
      return messageOf(error)
    }
  }
}
