/** Text Generation Inference as a container, and the job that fetches its model. */
import type { ReplicaTier, Stack } from '../../stack/stack.ts'
import type { Container, Deployment, Image } from '../container.ts'
import { flags } from '../flags.ts'
import { fetchFromHub, hubToken, modelDiskBytes, modelsMount } from '../huggingface.ts'
import { languageModel } from '../models.ts'
import { gibibyte, resources, showBytes } from '../resources.ts'
import { weightsBytes } from '../vllm/memory.ts'

const port = 80
/** `--graceful-termination-timeout`: how long answers that are being written may take to end. */
const shutdownSeconds = 120

/** The image keeps the Hub's cache under /data (`HF_HOME` in its Dockerfile). */
const hubCache = '/data'

export function tgiContainer({ stack }: Deployment): Container {
  const tier = generateOf(stack)
  const { model = '', tensorParallel: span = 1, maxModelLength = 8192, maxSequences = 128 } = tier
  const bytes = bytesOf(tier)
  return {
    image: imageOf(tier),
    args: [
      ...flags({
        '--model-id': model,
        '--num-shard': span,
        '--max-total-tokens': maxModelLength,
        // All but the one token that an answer has at least.
        '--max-input-tokens': Math.max(1, maxModelLength - 1),
        '--max-batch-size': maxSequences,
        // As many again may wait; one more is answered 429.
        '--max-concurrent-requests': 2 * maxSequences,
        '--graceful-termination-timeout': shutdownSeconds,
        '--usage-stats': 'off',
      }),
      '--json-output',
    ],
    // The fetching job has put everything into the volume: a start needs no Hub, and gets the same model.
    env: { HF_HUB_OFFLINE: '1' },
    secrets: [hubToken],
    ports: { http: port },
    mounts: [modelsMount(hubCache, modelDiskBytes(bytes))],
    files: [],
    health: {
      http: { path: '/health', port },
      // The image installs curl (`Dockerfile` of 3.3.7).
      command: [
        'curl',
        '--fail',
        '--silent',
        '--show-error',
        '--max-time',
        '4',
        `http://127.0.0.1:${port}/health`,
      ],
      livePath: null,
      // Loading and warming up, from a disk of 200 MB/s; never under 15 minutes.
      startupSeconds: Math.max(900, Math.ceil((bytes ?? 0) / 200e6) + 600),
      intervalSeconds: 10,
      timeoutSeconds: 5,
      failures: 6,
    },
    resources: resources(
      {
        cpus: 2 + 2 * span,
        memoryBytes: (2 + 4 * span) * gibibyte,
        memoryLimitBytes: (4 + 8 * span) * gibibyte + (bytes ?? 32 * gibibyte),
        because: `a router, and a process of about 4 GiB for each of ${span} GPUs; ${bytes === null ? 'the weights, of a size that is not known,' : `weights of ${showBytes(bytes)}`} pass through memory as they load`,
      },
      tier.resources,
    ),
    gpus: span,
    // NCCL's exchange between the processes of a replica.
    sharedMemoryBytes: span > 1 ? 16 * gibibyte : null,
    stop: { graceSeconds: shutdownSeconds + 15, preStopSeconds: 15 },
    // The image has no user of its own, and its entrypoint runs ldconfig.
    root: true,
    readOnly: false,
  }
}

export function tgiPrefetch({ stack }: Deployment): Container | null {
  const tier = generateOf(stack)
  const image = imageOf(tier)
  return fetchFromHub({
    image,
    model: tier.model ?? '',
    cachePath: hubCache,
    env: {},
    weightsBytes: bytesOf(tier),
  })
}

/** 3.3.7, of December 2025, is the last: the project is in maintenance. */
function imageOf({ image }: ReplicaTier): Image {
  if (image !== undefined) return { reference: image, because: 'as ragscale.yaml says' }
  return {
    reference: 'ghcr.io/huggingface/text-generation-inference:3.3.7',
    because: 'the last release, one build for GPUs from Turing to Hopper',
  }
}

function generateOf(stack: Stack): ReplicaTier {
  const { generate } = stack.tiers
  if (generate?.model === undefined) throw new Error('there is no tier generate to make a TGI for')
  return generate
}

function bytesOf(tier: ReplicaTier): number | null {
  const known = languageModel(tier.model ?? '')
  return known === undefined ? null : weightsBytes(known)
}
