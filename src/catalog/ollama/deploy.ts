/** Ollama as a container, and the job that pulls its model. */
import type { ReplicaTier, Stack } from '../../stack/stack.ts'
import type { Container, Deployment, Image, Resources } from '../container.ts'
import { isCpu } from '../gpus.ts'
import { modelDiskBytes, modelsMount } from '../huggingface.ts'
import { gibibyte, resources, showBytes } from '../resources.ts'
import { contextBytes, weightsBytes } from './memory.ts'
import { ollamaModel } from './models.ts'

const port = 11_434
const modelsFolder = '/models/ollama'
/** Cores of a replica without a GPU: what the timing of the catalogue assumes as well. */
const cpuCores = 8

/** Loads the model at once and not with the first request, and passes on the signal to stop. */
const serveScript = `
ollama serve & server=$!
trap 'kill -TERM $server' TERM INT
until ollama list > /dev/null 2>&1; do kill -0 $server || exit 1; sleep 1; done
ollama run "$1" '' > /dev/null || { kill -TERM $server; wait $server; exit 1; }
wait $server
wait $server
`.trim()

/** A model that is there already is not asked for again: a restart needs no registry. */
const pullScript = `
ollama serve & server=$!
until ollama list > /dev/null 2>&1; do kill -0 $server || exit 1; sleep 1; done
ollama show "$1" > /dev/null 2>&1 || ollama pull "$1"
status=$?
kill -TERM $server
wait $server
exit $status
`.trim()

export function ollamaContainer({ stack }: Deployment): Container {
  const tier = generateOf(stack)
  const { model = '', maxModelLength = 8192, maxSequences = 4 } = tier
  return {
    image: imageOf(tier),
    command: ['bash', '-c', serveScript, 'ollama'],
    args: [model],
    env: {
      OLLAMA_MODELS: modelsFolder,
      OLLAMA_CONTEXT_LENGTH: String(maxModelLength),
      OLLAMA_NUM_PARALLEL: String(maxSequences),
      // Never unloaded: the next question would wait for it.
      OLLAMA_KEEP_ALIVE: '-1',
      OLLAMA_MAX_LOADED_MODELS: '1',
      OLLAMA_NOPRUNE: '1',
      OLLAMA_NO_CLOUD: '1',
    },
    secrets: [],
    ports: { http: port },
    mounts: [modelsMount('/models', diskBytes(tier))],
    files: [],
    health: {
      // Any path answers before the model is loaded: only `ollama ps` tells. The image has neither curl nor wget.
      http: null,
      command: ['bash', '-c', 'ollama ps | grep -q -F "$0"', model],
      livePath: null,
      startupSeconds: 900,
      intervalSeconds: 10,
      timeoutSeconds: 5,
      failures: 6,
    },
    resources: resourcesOf(tier),
    gpus: isCpu(tier.gpu) ? 0 : (tier.tensorParallel ?? 1),
    sharedMemoryBytes: null,
    // It cuts off what it is writing as soon as it is told to stop: the wait before that is what lets answers end.
    stop: { graceSeconds: 15, preStopSeconds: 60 },
    root: true,
    readOnly: false,
  }
}

export function ollamaPrefetch({ stack }: Deployment): Container | null {
  const tier = generateOf(stack)
  return {
    image: imageOf(tier),
    command: ['bash', '-c', pullScript, 'ollama'],
    args: [tier.model ?? ''],
    env: { OLLAMA_MODELS: modelsFolder, OLLAMA_NOPRUNE: '1', OLLAMA_HOST: `127.0.0.1:${port}` },
    secrets: [],
    ports: {},
    mounts: [modelsMount('/models', diskBytes(tier))],
    files: [],
    health: null,
    resources: resources({
      cpus: 0.5,
      memoryBytes: gibibyte / 2,
      memoryLimitBytes: 2 * gibibyte,
      because: 'parts of the model pass through memory, several at a time',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 10, preStopSeconds: 0 },
    root: true,
    readOnly: false,
  }
}

/** The newest release in August 2026; one build for CPUs and NVIDIA's GPUs. */
function imageOf({ image }: ReplicaTier): Image {
  if (image !== undefined) return { reference: image, because: 'as ragscale.yaml says' }
  return { reference: 'ollama/ollama:0.32.15', because: 'one build for CPUs and NVIDIA’s GPUs' }
}

function generateOf(stack: Stack): ReplicaTier {
  const { generate } = stack.tiers
  if (generate?.model === undefined) throw new Error('there is no tier generate to make an Ollama for')
  return generate
}

function diskBytes({ model }: ReplicaTier): number | null {
  const known = ollamaModel(model ?? '')
  return modelDiskBytes(known === undefined ? null : weightsBytes(known))
}

function resourcesOf(tier: ReplicaTier): Resources {
  const known = ollamaModel(tier.model ?? '')
  const weights = known === undefined ? 8 * gibibyte : weightsBytes(known)
  const context = known === undefined ? 4 * gibibyte : contextBytes(known, tier)
  const said =
    known === undefined ? 'a model of a size that is not known' : `weights of ${showBytes(weights)} at 4 bits`
  if (isCpu(tier.gpu)) {
    return resources(
      {
        cpus: cpuCores,
        memoryBytes: weights + context + gibibyte,
        memoryLimitBytes: Math.ceil((weights + context) * 1.25) + 2 * gibibyte,
        because: `${said}, and ${showBytes(context)} for the contexts of ${tier.maxSequences ?? 4} sequences; ${cpuCores} cores compute`,
      },
      tier.resources,
    )
  }
  return resources(
    {
      cpus: 2,
      memoryBytes: 2 * gibibyte,
      memoryLimitBytes: weights + 4 * gibibyte,
      because: `${said} pass through memory to the GPU, and 2 GiB for the server`,
    },
    tier.resources,
  )
}
