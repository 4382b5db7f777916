/** vLLM's OpenAI-compatible server as a container, and the job that fetches its model. */
import type { ReplicaTier, Stack } from '../../stack/stack.ts'
import type { Container, Deployment, Health, Resources } from '../container.ts'
import { flags } from '../flags.ts'
import { capabilityOf, isCpu } from '../gpus.ts'
import { fetchFromHub, hubToken, modelDiskBytes, modelsMount } from '../huggingface.ts'
import { kvBytesPerToken, languageModel } from '../models.ts'
import { gibibyte, resources, showBytes } from '../resources.ts'
import { vllmImage } from './images.ts'
import { memoryShare, weightsBytes } from './memory.ts'

const port = 8000
const hubCache = '/root/.cache/huggingface'
/** How long answers that are being written may take to end; vLLM's own default of 0 cuts them off. */
const shutdownSeconds = 120
/** NCCL's and torch's exchange between the processes of a replica, by vLLM's own advice on `/dev/shm`. */
const sharedMemoryBytes = 16 * gibibyte
/** Cores of a replica without a GPU. */
const cpuCores = 16

export function vllmContainer({ stack }: Deployment): Container {
  const tier = generateOf(stack)
  const cpu = isCpu(tier.gpu)
  const span = tier.tensorParallel ?? 1
  const bytes = bytesOf(tier)
  return {
    image: vllmImage(tier.gpu, tier.image),
    // By a shell, since only an argument turns tracing on. It stays away where no variable says where to send it.
    command: [
      'bash',
      '-c',
      'exec vllm serve "$@" ${OTEL_EXPORTER_OTLP_ENDPOINT:+--otlp-traces-endpoint "$OTEL_EXPORTER_OTLP_ENDPOINT/v1/traces"}',
      'vllm',
    ],
    args: argumentsOf(tier),
    env: {
      // The fetching job has put everything into the volume: a start needs no Hub, and gets the same model.
      HF_HUB_OFFLINE: '1',
      VLLM_NO_USAGE_STATS: '1',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
      OTEL_SERVICE_NAME: 'generate',
      ...(cpu ? { VLLM_CPU_KVCACHE_SPACE: String(Math.ceil(cpuCacheBytes(tier) / gibibyte)) } : {}),
    },
    tracesEnv: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    secrets: [hubToken],
    ports: { http: port },
    mounts: [
      modelsMount(hubCache, modelDiskBytes(bytes)),
      // Compiled kernels, so that a restart does not compile them again. Not shared: each writes while it starts.
      { name: 'generate-kernels', path: '/root/.cache/vllm', kind: 'own', sizeBytes: 4 * gibibyte },
    ],
    files: [],
    health: healthOf(bytes),
    resources: cpu ? cpuResources(tier, bytes) : gpuResources(tier, bytes, span),
    gpus: cpu ? 0 : span,
    sharedMemoryBytes: span > 1 ? sharedMemoryBytes : null,
    stop: { graceSeconds: shutdownSeconds + 15, preStopSeconds: 15 },
    // The image runs as root, and its caches are root's.
    root: true,
    readOnly: false,
  }
}

export function vllmPrefetch({ stack }: Deployment): Container | null {
  const tier = generateOf(stack)
  return fetchFromHub({
    image: vllmImage(tier.gpu, tier.image),
    model: tier.model ?? '',
    cachePath: hubCache,
    env: {},
    weightsBytes: bytesOf(tier),
  })
}

function generateOf(stack: Stack): ReplicaTier {
  const { generate } = stack.tiers
  if (generate?.model === undefined) throw new Error('there is no tier generate to make a vLLM for')
  return generate
}

function argumentsOf(tier: ReplicaTier): string[] {
  const { model = '', gpu, tensorParallel = 1, maxModelLength = 8192, maxSequences = 256 } = tier
  const capability = capabilityOf(gpu ?? '')
  return [
    model,
    // Offline the model is a path, which would else become its name. The first of several is what its metrics say.
    '--served-model-name',
    model,
    ...(tier.alsoServes ?? []),
    ...flags({
      '--host': '0.0.0.0',
      '--port': port,
      '--max-model-len': maxModelLength,
      '--max-num-seqs': maxSequences,
      '--gpu-memory-utilization': isCpu(gpu) ? null : memoryShare,
      '--tensor-parallel-size': tensorParallel > 1 ? tensorParallel : null,
      // GPUs before Ampere have no bfloat16.
      '--dtype': capability !== undefined && capability < 8 ? 'half' : null,
      '--shutdown-timeout': shutdownSeconds,
    }),
    '--enable-prompt-tokens-details',
  ]
}

function healthOf(bytes: number | null): Health {
  return {
    http: { path: '/health', port },
    // The image is Python's: no other program in it has to be counted on.
    command: [
      'python3',
      '-c',
      `import urllib.request as r; r.urlopen("http://127.0.0.1:${port}/health", timeout=4)`,
    ],
    livePath: null,
    // It does not listen before the model is loaded and its graphs are captured: ten minutes, and more for large weights
    // from a disk of 200 MB/s.
    startupSeconds: Math.max(900, Math.ceil((bytes ?? 0) / 200e6) + 600),
    intervalSeconds: 10,
    timeoutSeconds: 5,
    failures: 6,
  }
}

function bytesOf(tier: ReplicaTier): number | null {
  const known = languageModel(tier.model ?? '')
  return known === undefined ? null : weightsBytes(known)
}

/** Memory of the host: a process for the API, one for the engine and one a GPU, through which the weights pass. */
function gpuResources(tier: ReplicaTier, bytes: number | null, span: number): Resources {
  const processes = 2 + span
  const own = processes * 4 * gibibyte
  const weights =
    bytes === null
      ? 'weights of a size that is not known, so that the limit is a guess'
      : `weights of ${showBytes(bytes)} that pass through memory as they load`
  return resources(
    {
      cpus: 2 + 2 * span,
      memoryBytes: own,
      memoryLimitBytes: own * 2 + (bytes ?? 32 * gibibyte),
      because: `${processes} processes of about 4 GiB (API, engine, one a GPU), and ${weights}; two cores for each GPU’s, two for the API`,
    },
    tier.resources,
  )
}

/** KV cache in memory: four sequences of full length, at least 1 GiB; 4 GiB where the model is not known. */
function cpuCacheBytes(tier: ReplicaTier): number {
  const known = languageModel(tier.model ?? '')
  if (known === undefined) return 4 * gibibyte
  return Math.max(gibibyte, kvBytesPerToken(known) * (tier.maxModelLength ?? 8192) * 4)
}

function cpuResources(tier: ReplicaTier, bytes: number | null): Resources {
  const cache = cpuCacheBytes(tier)
  const weights = bytes ?? 16 * gibibyte
  const said = bytes === null ? 'weights of a size that is not known' : `weights of ${showBytes(bytes)}`
  return resources(
    {
      cpus: cpuCores,
      memoryBytes: weights + cache + 8 * gibibyte,
      memoryLimitBytes: Math.ceil((weights + cache) * 1.25) + 12 * gibibyte,
      because: `${said}, a KV cache of ${showBytes(cache)} (four sequences of full length), and 8 GiB; ${cpuCores} cores compute`,
    },
    tier.resources,
  )
}
