/** `deploy/ci/`: a job that decides whether the counts of `ragscale.yaml` suffice, for GitHub and for GitLab. */
import { type Document, isMap, visit } from 'yaml'
import { version } from '../../catalog/reference/service.ts'
import type { Stack } from '../../stack/stack.ts'
import type { Rendered, Templates } from '../rendered.ts'
import { loadCommand, loadStepOf } from './load-step.ts'
import { runnerFor, secretVariables } from './needs.ts'
import { commentOn, documentOf, indexOf, textOf, withoutItem } from './template.ts'

export function renderCi(stack: Stack, templates: Templates): Rendered {
  return new Map([
    ['ci/github-actions.yaml', githubActions(stack, templates)],
    ['ci/gitlab-ci.yaml', gitlab(stack, templates)],
  ])
}

function githubActions(stack: Stack, templates: Templates): string {
  const document = documentOf(templates, 'ci/github-actions.yaml')
  const job = ['jobs', 'capacity']
  const steps = [...job, 'steps']
  const run = (holding: string, command: string): number => {
    const index = indexOf(document, steps, holding)
    document.setIn([...steps, index, 'run'], command)
    return index
  }
  document.setIn(['name'], `ragscale ${stack.name}`)
  const cache = indexOf(document, steps, 'actions/cache@')
  document.setIn(
    [...steps, cache, 'with', 'key'],
    `ragscale-${version}-\${{ runner.os }}-\${{ runner.arch }}`,
  )
  run('npm install', `npm install --global ragscale@${version}`)
  const load = loadStepOf(stack)
  commentOn(document, [...steps, run('ragscale --yes loadtest', loadCommand(load))], load.because)

  for (const command of superfluous(stack)) withoutItem(document, steps, command)
  if (stack.target !== 'kubernetes') withoutItem(document, steps, 'KUBECONFIG_TEXT')
  if (stack.target === 'external') {
    const index = run('ragscale --yes up', 'ragscale status')
    document.setIn([...steps, index, 'name'], 'Do the servers answer?')
  }
  if (!ingests(stack)) document.deleteIn([...job, 'env', 'DOCUMENTS'])
  const runner = runnerFor(stack)
  if (runner.kind === 'gpu') document.setIn([...job, 'runs-on'], ['self-hosted', 'gpu'])
  commentOn(document, [...job, 'runs-on'], runner.because)
  for (const name of secretVariables(stack)) {
    document.setIn([...job, 'env', name], `\${{ secrets.${name} }}`)
  }
  return textOf(ofFile(document, stack))
}

function gitlab(stack: Stack, templates: Templates): string {
  const document = documentOf(templates, 'ci/gitlab-ci.yaml')
  const replace = (list: string, holding: string, command: string): number => {
    const index = indexOf(document, ['ragscale', list], holding)
    document.setIn(['ragscale', list, index], command)
    return index
  }
  document.setIn(['ragscale', 'cache', 'key'], `ragscale-${version}`)
  replace(
    'before_script',
    'npm install',
    `npm install --no-save --no-audit --no-fund --prefix .cache/node node@24 ragscale@${version}`,
  )
  const load = loadStepOf(stack)
  const index = replace('script', 'ragscale --yes loadtest', `${loadCommand(load)} || loaded=$?`)
  commentOn(document, ['ragscale', 'script', index], load.because)

  for (const command of superfluous(stack)) {
    withoutItem(
      document,
      ['ragscale', command === logs || command === down ? 'after_script' : 'script'],
      command,
    )
  }
  if (stack.target === 'external') {
    document.deleteIn(['ragscale', 'after_script'])
    replace('script', 'ragscale --yes up', 'ragscale status')
  }
  if (!ingests(stack)) document.deleteIn(['ragscale', 'variables', 'DOCUMENTS'])
  const runner = runnerFor(stack)
  if (runner.kind === null) {
    document.deleteIn(['ragscale', 'tags'])
    commentOn(document, ['ragscale', 'image'], runner.because)
  } else {
    // A job in a container does not reach what runs beside it: the runner's own shell does.
    document.setIn(['ragscale', 'tags', 0], runner.kind)
    commentOn(document, ['ragscale', 'tags'], runner.because)
    commentOn(document, ['ragscale', 'tags'], 'Of the shell executor, with npm and Go 1.25 or newer.')
    document.deleteIn(['ragscale', 'image'])
    withoutItem(document, ['ragscale', 'before_script'], 'apt-get')
  }
  const secrets = secretVariables(stack)
  const masked = stack.target === 'kubernetes' ? ['KUBECONFIG (of type file)', ...secrets] : secrets
  const variables = document.getIn(['ragscale', 'variables'])
  if (masked.length > 0 && isMap(variables)) {
    variables.comment = ` And as masked CI/CD variables of the project: ${masked.join(', ')}.`
  }
  return textOf(ofFile(document, stack))
}

const logs = 'ragscale logs'
const down = 'ragscale --yes down'

/** The commands of the templates that this stack has no use for. */
function superfluous(stack: Stack): string[] {
  const ours = stack.target !== 'external'
  const rendered = ours && stack.target !== 'local'
  return [
    ...(rendered ? [] : ['ragscale render']),
    ...(ingests(stack) ? [] : ['ragscale --yes ingest']),
    ...(ours ? [] : [logs, down]),
  ]
}

function ingests({ target, tiers }: Stack): boolean {
  return target !== 'external' && tiers.embed !== undefined && tiers.vector !== undefined
}

/** Names the stack's file in every command, where it is not the one that commands find by themselves. */
function ofFile(document: Document, { file }: Stack): Document {
  const name = file.split(/[\\/]/).at(-1) ?? file
  if (name === 'ragscale.yaml') return document
  visit(document, {
    Scalar: (_key, scalar) => {
      if (typeof scalar.value !== 'string') return
      scalar.value = scalar.value
        .replaceAll('ragscale.yaml', name)
        .replaceAll(/\bragscale (?=--yes |doctor|logs|recommend|render|status)/g, `ragscale --file ${name} `)
    },
  })
  return document
}
