/**
 * One container of a counted service, with a number of its own. Compose makes it, as nobody else knows what a user's
 * files make of the service; it numbers what it makes on from the highest that there is, so that one in between is made
 * a second time as Compose has made it, but for name and number.
 */
import type { ContainerCreateOptions, ContainerInspectInfo, EndpointSettings } from 'dockerode'
import { containersWith } from '../docker/containers.ts'
import type { Engine } from '../docker/engine.ts'
import { numberOf, projectLabel, serviceOf } from './found.ts'
import { isOurs } from './service-change.ts'
import { ignoringMissing } from './take-back.ts'
import type { WantedService } from './wanted.ts'

const numberLabel = 'com.docker.compose.container-number'

export interface Numbered {
  readonly project: string
  readonly service: string
  readonly number: number
}

/** Counts for Compose that end nobody: those that are too many go by steps of their own, when nobody asks them any more. */
export async function scalesOf(
  engine: Engine,
  project: string,
  services: readonly Pick<WantedService, 'name' | 'replicas'>[],
): Promise<string[]> {
  const found = (await containersWith(engine, [`${projectLabel}=${project}`])).filter(isOurs)
  return services.flatMap(({ name, replicas }) => {
    const there = found.filter((one) => serviceOf(one) === name).length
    return ['--scale', `${name}=${Math.max(replicas, there)}`]
  })
}

/** @param compose runs `docker compose` with these arguments, and throws where it fails */
export async function makeNumbered(
  engine: Engine,
  { project, service, number }: Numbered,
  compose: (args: readonly string[]) => Promise<void>,
): Promise<void> {
  const own = async () =>
    (await containersWith(engine, [`${projectLabel}=${project}`])).filter(
      (one) => serviceOf(one) === service && isOurs(one),
    )
  const before = await own()
  const only = [
    '--no-build',
    '--no-deps',
    '--no-recreate',
    '--scale',
    `${service}=${before.length + 1}`,
    service,
  ]
  await compose(['up', '--no-start', ...only])
  const made = (await own()).find(({ id }) => !before.some((one) => one.id === id))
  if (made === undefined) throw new Error(`docker compose made no other container of ${service}`)
  if (numberOf(made) !== number) await renumber(engine, made.id, number)
  await compose(['up', '--detach', ...only])
}

async function renumber({ docker }: Engine, id: string, number: number): Promise<void> {
  const model = await docker.getContainer(id).inspect()
  const { options, networks } = numberedAs(model, number)
  const created = await docker.createContainer(options)
  for (const [name, EndpointConfig] of networks)
    await docker.getNetwork(name).connect({ Container: created.id, EndpointConfig })
  await ignoringMissing(docker.getContainer(id).remove({ force: true, v: true }))
}

/**
 * What makes the same container with another number. Of its networks the first is given when it is made: an engine
 * before API 1.44 takes no more.
 */
export function numberedAs(
  model: ContainerInspectInfo,
  number: number,
): { options: ContainerCreateOptions & { name: string }; networks: [string, EndpointSettings][] } {
  const before = model.Name.replace(/^\//, '')
  const name = before.replace(/\d+$/, String(number))
  const isOwnId = (text: string): boolean => text.length >= 12 && model.Id.startsWith(text)
  const {
    Hostname,
    MacAddress: _,
    ...config
  } = model.Config as ContainerInspectInfo['Config'] & {
    MacAddress?: string
  }
  const endpoints = Object.entries(model.NetworkSettings.Networks).map(
    ([network, found]): [string, EndpointSettings] => {
      const { Aliases, IPAMConfig, Links, DriverOpts } = found as Partial<EndpointSettings>
      const aliases = (Aliases ?? [])
        .filter((alias) => !isOwnId(alias))
        .map((alias) => (alias === before ? name : alias))
      // What an engine has none of, it may say as null.
      const others = Object.entries({ IPAMConfig, Links, DriverOpts }).filter(([, value]) => value != null)
      return [network, { Aliases: aliases, ...Object.fromEntries(others) }]
    },
  )
  const own = model.HostConfig.NetworkMode
  const first = endpoints.filter(([network]) => network === own)
  return {
    options: {
      ...config,
      ...(isOwnId(Hostname) ? {} : { Hostname }),
      name,
      Labels: { ...model.Config.Labels, [numberLabel]: String(number) },
      HostConfig: model.HostConfig,
      NetworkingConfig: { EndpointsConfig: Object.fromEntries(first) },
    },
    networks: endpoints.filter(([network]) => network !== own),
  }
}
