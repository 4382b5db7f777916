/** A rehearsed tier: our emulator in place of the software that it names, on the same ports and with the same health. */
import { type EmulatedTier, emulationOf, servingComponent } from '../catalog/catalog.ts'
import type { Component } from '../catalog/component.ts'
import type { Addresses, Container, Mount } from '../catalog/container.ts'
import { encoderModel } from '../catalog/models.ts'
import { type OwnService, ownHealth, ownService } from '../catalog/reference/service.ts'
import { gibibyte, mebibyte } from '../catalog/resources.ts'
import type { Stack } from '../stack/stack.ts'

/** Throws a UserError (exit 2) where nothing is known of the tier's timing. */
export function rehearsedContainer(stack: Stack, tier: EmulatedTier, addresses: Addresses): Container {
  const component = servingComponent(stack, tier)
  if (component === undefined) throw new Error(`there is no tier ${tier} to rehearse`)
  const port = portOf(component, 'http')
  const live = tier === 'vector' ? '/livez' : null
  return ownService({
    ...emulatorOf(stack, tier, addresses, port),
    ports: tier === 'vector' ? { http: port, peers: portOf(component, 'peers') } : { http: port },
    health: ownHealth(port, component.healthPath ?? '/health', live),
    reservation: {
      cpus: 0.25,
      memoryBytes: tier === 'vector' ? 512 * mebibyte : 192 * mebibyte,
      memoryLimitBytes: tier === 'vector' ? 2 * gibibyte : 512 * mebibyte,
      because:
        'a rehearsal: an emulator waits most of its time; what the real software needs is not reserved',
    },
    graceSeconds: 30,
  })
}

function portOf({ name, ports }: Component, use: string): number {
  const port = ports[use]
  if (port === undefined) throw new Error(`component ${name} has no port ${use}`)
  return port
}

type Emulator = Pick<OwnService, 'service' | 'config' | 'mounts'>

function emulatorOf(stack: Stack, tier: EmulatedTier, addresses: Addresses, port: number): Emulator {
  const { tiers } = stack
  const common = {
    host: '0.0.0.0',
    port,
    component: tiers[tier]?.component,
    emulation: emulationOf(tiers, tier),
    // No two replicas of a stack draw the same.
    seed: `${stack.workload.seed} \${HOSTNAME}`,
  }
  switch (tier) {
    case 'embed':
    case 'rerank':
      return { service: 'emulators/tei', config: { ...common, ...encoder(stack, tier) } }
    case 'generate': {
      const { model, alsoServes, maxModelLength = null } = tiers.generate ?? {}
      return { service: 'emulators/vllm', config: { ...common, model, alsoServes, maxModelLength } }
    }
    case 'vector':
      return { service: 'emulators/qdrant', config: { ...common, ...node(addresses) }, mounts: [vectors] }
  }
}

const dataFolder = '/data'
const vectors: Mount = { name: 'vector-data', path: dataFolder, kind: 'own', sizeBytes: gibibyte }

/** The same for every node: a bootstrap that is one's own URI means "the first", as with Qdrant itself. */
function node(addresses: Addresses) {
  const peerPort = 6335
  return {
    peerPort,
    uri: addresses.peer('own', peerPort),
    bootstrap: addresses.peer(1, peerPort),
    dataFolder,
  }
}

function encoder({ tiers }: Stack, tier: 'embed' | 'rerank') {
  const model = tiers[tier]?.model ?? ''
  const known = encoderModel(model)
  const dimensions =
    tier === 'embed' ? (tiers.vector?.collection.dimensions ?? known?.dimensions ?? undefined) : undefined
  return {
    model,
    modelType: tier === 'embed' ? 'embedding' : 'reranker',
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(known === undefined ? {} : { maxInputTokens: known.maxTokens }),
  }
}
