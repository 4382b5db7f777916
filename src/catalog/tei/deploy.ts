/** Text Embeddings Inference as a container. */
import type { ReplicaTier } from '../../stack/stack.ts'
import type { Container, Deployment, Resources } from '../container.ts'
import { flags } from '../flags.ts'
import { isCpu } from '../gpus.ts'
import { modelDiskBytes, modelsMount } from '../huggingface.ts'
import { encoderModel } from '../models.ts'
import { gibibyte, resources, showBytes } from '../resources.ts'
import { teiImage } from './images.ts'
import { weightsBytes } from './memory.ts'
import { maxBatchTokens, maxClientBatch, maxConcurrent, modelFolder } from './settings.ts'

/** Cores of a replica without a GPU: what the timing of the catalogue assumes as well. */
const cpuCores = 8

export function teiContainer({ stack, tier }: Deployment): Container {
  const of = tier === 'rerank' ? stack.tiers.rerank : stack.tiers.embed
  if (of?.model === undefined) throw new Error(`there is no tier ${tier} to make a TEI for`)
  const cpu = isCpu(of.gpu)
  const known = encoderModel(of.model)
  const bytes = known === undefined ? null : weightsBytes(known, 'cpu')
  return {
    image: teiImage(of.gpu, of.image),
    args: [
      ...flags({
        '--model-id': modelFolder(of.model),
        '--served-model-name': of.model,
        '--max-concurrent-requests': maxConcurrent,
        '--max-batch-tokens': maxBatchTokens,
        '--max-client-batch-size': maxClientBatch,
        // Without a GPU not at the cost of the model, which computes on the same cores.
        '--tokenization-workers': cpu ? 2 : 4,
      }),
      '--json-output',
    ],
    env: {},
    secrets: [],
    ports: { http: 80 },
    mounts: [modelsMount('/data', modelDiskBytes(bytes))],
    files: [],
    health: {
      http: { path: '/health', port: 80 },
      // The image installs curl (`Dockerfile`, `Dockerfile-cuda` of 1.9.3). /health runs the model: a GPU that is lost shows.
      command: [
        'curl',
        '--fail',
        '--silent',
        '--show-error',
        '--max-time',
        '4',
        'http://127.0.0.1:80/health',
      ],
      livePath: null,
      // Reading the weights and warming up with a full batch, which takes a CPU minutes.
      startupSeconds: cpu ? 900 : 300,
      intervalSeconds: 5,
      timeoutSeconds: 5,
      failures: 6,
    },
    resources: resourcesOf(of, bytes, cpu),
    gpus: cpu ? 0 : 1,
    sharedMemoryBytes: null,
    // It stops listening at SIGTERM and answers what it has; a batch ends within seconds.
    stop: { graceSeconds: 30, preStopSeconds: 15 },
    // The image has no user of its own, listens on port 80, and its entrypoint writes to /etc/ld.so.conf.d.
    root: true,
    readOnly: false,
  }
}

function resourcesOf(of: ReplicaTier, bytes: number | null, cpu: boolean): Resources {
  const base = 2 * gibibyte
  const said =
    bytes === null
      ? `the size of ${of.model} is not known: give resources in ragscale.yaml`
      : `weights of ${showBytes(bytes)} at 32 bits`
  const weights = bytes ?? 4 * gibibyte
  if (!cpu) {
    const because = `${said} pass through memory to the GPU, and 2 GiB for tokenizers and queues; two cores feed the GPU`
    return resources({ cpus: 2, memoryBytes: base + weights, because }, of.resources)
  }
  const because = `${said}, as much again for a batch of ${maxBatchTokens} tokens, and 2 GiB; ${cpuCores} cores compute`
  return resources({ cpus: cpuCores, memoryBytes: base + 2 * weights, because }, of.resources)
}
