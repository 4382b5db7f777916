/**
 * One engine for all files of the project `engine`, with every image in it, for as long as the run lasts. Whoever
 * works on these tests starts one by `node test/engine/start.ts ragscale nginx haproxy redis`, exports what that
 * prints, and has it used in run after run by `RAGSCALE_ENGINE=$DOCKER_HOST`.
 */
import type { TestProject } from 'vitest/node'
import { imageNames, makeImages } from '../images/make.ts'
import { startEngine } from './engine.ts'
import { whyNoEngine } from './prerequisites.ts'
import type { ProvidedEngine } from './provided.ts'

export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const missing = await whyNoEngine()
  if (missing !== null) {
    process.stderr.write(`SKIPPED, what wants a real Docker engine: ${missing}\n`)
    project.provide('engine', { env: null, missing } satisfies ProvidedEngine)
    return undefined
  }
  const { RAGSCALE_ENGINE: given, DOCKER_CONFIG = '' } = process.env
  if (given !== undefined) {
    project.provide('engine', {
      env: { DOCKER_HOST: given, DOCKER_CONFIG },
      missing: null,
    } satisfies ProvidedEngine)
    return undefined
  }
  const engine = await startEngine()
  try {
    await makeImages(imageNames, engine.env)
  } catch (error) {
    await engine.close()
    throw error
  }
  project.provide('engine', { env: engine.env, missing: null } satisfies ProvidedEngine)
  return async () => {
    await engine.close()
  }
}
