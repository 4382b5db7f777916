/**
 * What containers read that is not in `deploy/`: the balancer's configuration, which is replaced under a running
 * balancer, and what a stack that departs from its file needs (`ragscale scale`). Pure.
 */
import { parseDocument, stringify } from 'yaml'
import type { Balancing } from '../../catalog/balancing.ts'
import { componentNamed } from '../../catalog/catalog.ts'
import type { Reload } from '../../catalog/component.ts'
import type { Change } from '../../deployed/plan.ts'
import { balancingOf } from '../../render/balancer/balancer.ts'
import type { Rendered } from '../../render/rendered.ts'
import type { Stack } from '../../stack/stack.ts'

export interface Applied {
  /** Path below the state folder → text: what Compose reads, and what containers mount. */
  readonly files: ReadonlyMap<string, string>
  /** The balancer's configuration, where it can be changed without a restart; null: it cannot. */
  readonly balancer: {
    readonly component: string
    readonly path: string
    readonly text: string
    readonly reload: Reload
    /** What the text says. */
    readonly balancing: Balancing
  } | null
}

/** Below the state folder: the rendering of a stack that departs from its file, and where files are otherwise. */
export const departedFile = 'compose.yaml'
export const appliedFile = 'applied.yaml'
const filesFolder = 'files'

interface RenderedCompose {
  readonly configs?: Readonly<Record<string, { readonly file: string }>>
  readonly services: Readonly<
    Record<
      string,
      {
        readonly configs?: readonly { readonly source: string }[]
        readonly volumes?: readonly {
          readonly type: string
          readonly source?: string
          readonly target: string
        }[]
      }
    >
  >
}

/**
 * @param changes of `deploy/`, against which a departing stack is compared
 * @param folder the state folder, absolute
 */
export function appliedOf(
  stack: Stack,
  rendered: Rendered,
  { departs, changes, folder }: { departs: boolean; changes: readonly Change[]; folder: string },
): Applied {
  const text = rendered.get('compose/compose.yaml') ?? ''
  const compose = parseDocument(text, { merge: true }).toJS({ maxAliasCount: -1 }) as RenderedCompose
  const reload = componentNamed(stack.balancer.component)?.reload ?? null
  const ofBalancer = compose.services['balancer']?.configs?.[0]?.source
  const differs = new Set(
    departs ? changes.filter(({ before, after }) => before !== after).map(({ path }) => path) : [],
  )
  const files = new Map<string, string>()
  const place = (source: string): string => {
    files.set(`${filesFolder}/${source}`, rendered.get(`compose/${source}`) ?? '')
    return `${folder}/${filesFolder}/${source}`
  }
  const configs = Object.entries(compose.configs ?? {}).flatMap(([name, { file }]) => {
    const source = file.replace(/^\.\//, '')
    const reloaded = name === ofBalancer && reload !== null
    return reloaded || differs.has(`compose/${source}`) ? [[name, { file: place(source) }] as const] : []
  })
  const services = Object.entries(compose.services).flatMap(([name, { volumes = [] }]) => {
    const moved = volumes.flatMap((volume) => {
      const { type, source = '', target } = volume
      const inner = `compose/${source.replace(/^\.\//, '')}/`
      if (type !== 'bind' || !source.startsWith('./')) return []
      if (![...differs].some((path) => path.startsWith(inner))) return []
      for (const path of rendered.keys()) if (path.startsWith(inner)) place(path.slice('compose/'.length))
      const at = `${folder}/${filesFolder}/${source.slice(2)}`
      return [{ type, source: at, target, read_only: true, bind: { create_host_path: false } }]
    })
    return moved.length === 0 ? [] : [[name, { volumes: moved }] as const]
  })
  const parts = {
    ...(configs.length === 0 ? {} : { configs: Object.fromEntries(configs) }),
    ...(services.length === 0 ? {} : { services: Object.fromEntries(services) }),
  }
  if (Object.keys(parts).length > 0) {
    const about = '# Written by ragscale: files of what runs that are not those of deploy/compose.\n'
    files.set(appliedFile, about + stringify(parts, { lineWidth: 0 }))
  }
  if (departs) files.set(departedFile, text)
  return { files, balancer: balancerOf(compose, ofBalancer, reload, { stack, rendered }) }
}

function balancerOf(
  { configs = {} }: RenderedCompose,
  name: string | undefined,
  reload: Reload | null,
  { stack, rendered }: { readonly stack: Stack; readonly rendered: Rendered },
): Applied['balancer'] {
  const file = name === undefined ? undefined : configs[name]?.file.replace(/^\.\//, '')
  if (file === undefined || reload === null) return null
  const text = rendered.get(`compose/${file}`) ?? ''
  const { component } = stack.balancer
  const path = `${filesFolder}/${file}`
  return { component, path, text, reload, balancing: balancingOf(stack, 'compose') }
}
