/** Who makes containers and images of what was rendered: `docker compose`, or, where there is none, ragscale alone. */
import { readFile } from 'node:fs/promises'
import { UserError, messageOf } from '../../errors.ts'
import type { Env } from '../docker/context.ts'
import type { Engine } from '../docker/engine.ts'
import { applyAlone, makeAlone } from './alone/apply.ts'
import { buildImage } from './alone/build.ts'
import type { Placed } from './alone/container.ts'
import { makeNumbered, scalesOf } from './another.ts'
import type { Places } from './places.ts'
import { readAlone } from './resolve.ts'
import type { ActionOf } from './steps.ts'
import { type ComposeTool, callCompose } from './tool.ts'
import { buildByCompose } from './tool-build.ts'
import { composeFailure, portTaken } from './tool-failure.ts'
import type { WantedService } from './wanted.ts'

export interface MakerMeans {
  readonly engine: Engine
  readonly tool: ComposeTool
  /** The stack's name. */
  readonly project: string
  readonly places: Places
  readonly env: Env
  /** Absolute paths of what is read, each over the one before. */
  readonly files: () => Promise<readonly string[]>
}

export interface Maker {
  /** Makes and starts what these services lack, in the order of what they wait for; what went wrong, in words. */
  services(steps: readonly ActionOf<'apply'>[], signal: AbortSignal): Promise<UserError | null>
  /** One container of a counted service; what went wrong, in words. */
  numbered(service: WantedService, number: number, signal: AbortSignal): Promise<UserError | null>
  image(step: ActionOf<'build'>, signal: AbortSignal): Promise<void>
}

export function makerWith(means: MakerMeans): Maker {
  const { tool } = means
  return tool.kind === 'none' ? new Alone(means) : new ByCompose(means, tool)
}

class ByCompose implements Maker {
  readonly #means: MakerMeans
  readonly #tool: Exclude<ComposeTool, { kind: 'none' }>

  constructor(means: MakerMeans, tool: Exclude<ComposeTool, { kind: 'none' }>) {
    this.#means = means
    this.#tool = tool
  }

  async services(steps: readonly ActionOf<'apply'>[], signal: AbortSignal): Promise<UserError | null> {
    const { engine, project } = this.#means
    const services = steps.map(({ service }) => service)
    const args = [
      'up',
      '--detach',
      '--no-build',
      ...(steps.every(({ alone }) => alone) ? ['--no-deps'] : []),
      ...(steps.every(({ force }) => force) ? ['--force-recreate'] : []),
      ...(await scalesOf(engine, project, services)),
      ...services.map(({ name }) => name),
    ]
    return await this.#call(args, services, signal)
  }

  async numbered(service: WantedService, number: number, signal: AbortSignal): Promise<UserError | null> {
    const { engine, project, places } = this.#means
    try {
      await makeNumbered(engine, { project, service: service.name, number }, async (args) => {
        const failure = await this.#call(args, [service], signal)
        if (failure !== null) throw failure
      })
      return null
    } catch (error) {
      if (error instanceof UserError) return error
      throw portTaken(messageOf(error), places) ?? error
    }
  }

  async image({ service, image }: ActionOf<'build'>, signal: AbortSignal): Promise<void> {
    const { project, places, env, files } = this.#means
    const call = { files: await files(), folder: places.compose, project }
    await buildByCompose(this.#tool, { ...call, args: ['build', service], signal }, { image, env })
  }

  async #call(
    args: readonly string[],
    services: readonly WantedService[],
    signal: AbortSignal,
  ): Promise<UserError | null> {
    const { project, places, env, files } = this.#means
    const call = { files: await files(), folder: places.compose, project }
    const { failed, stderr } = await callCompose(this.#tool, { ...call, args, signal }, env)
    return failed && !signal.aborted ? composeFailure(stderr, services, places) : null
  }
}

class Alone implements Maker {
  readonly #means: MakerMeans

  constructor(means: MakerMeans) {
    this.#means = means
  }

  async services(steps: readonly ActionOf<'apply'>[], signal: AbortSignal): Promise<null> {
    await this.#withPlaced(async (placed) => await applyAlone(this.#means.engine, placed, steps, signal))
    return null
  }

  async numbered(service: WantedService, number: number): Promise<null> {
    await this.#withPlaced(async (placed) => await makeAlone(this.#means.engine, placed, service, number))
    return null
  }

  async image({ image, context }: ActionOf<'build'>, signal: AbortSignal): Promise<void> {
    await buildImage(this.#means.engine, image, context, signal)
  }

  async #withPlaced(act: (placed: Placed) => Promise<void>): Promise<void> {
    const { places, env, files } = this.#means
    const [main = '', applied] = await files()
    const texts = {
      rendered: await readFile(main, 'utf8'),
      applied: applied === undefined ? undefined : await readFile(applied, 'utf8'),
    }
    const placed = { model: await readAlone(texts, places, env), folder: places.compose }
    try {
      await act(placed)
    } catch (error) {
      throw portTaken(messageOf(error), places) ?? error
    }
  }
}
