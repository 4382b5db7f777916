import type { Component } from '../component.ts'
import type { Container, Deployment } from '../container.ts'
import { providerOf } from '../provided.ts'
import { gibibyte, resources } from '../resources.ts'
import { secretNameOf } from '../secrets.ts'

/** Newest release in August 2026. */
const image = 'ghcr.io/open-webui/open-webui:v0.11.2'

const port = 8080

function openWebuiContainer({ stack, addresses }: Deployment): Container {
  const { image: ownImage, resources: override } = stack.support.ui ?? {}
  const generate = providerOf(stack, 'generate')
  const embed = providerOf(stack, 'embed')
  return {
    image:
      ownImage === undefined
        ? { reference: image, because: 'a chat page for any OpenAI-compatible server' }
        : { reference: ownImage, because: 'as ragscale.yaml says' },
    // The image's own command, told because a key may have to be put into its environment.
    command: ['bash', 'start.sh'],
    env: {
      OPENAI_API_BASE_URL: `${generate?.url ?? addresses.url('generate')}/v1`,
      ENABLE_OLLAMA_API: 'false',
      // Its own embedding model would be downloaded, and run on a core: the stack has one.
      RAG_EMBEDDING_ENGINE: 'openai',
      RAG_EMBEDDING_MODEL: stack.tiers.embed?.model ?? '',
      RAG_OPENAI_API_BASE_URL: `${embed?.url ?? addresses.url('embed')}/v1`,
      ANONYMIZED_TELEMETRY: 'false',
      // vLLM and TEI ask for no key, and the page does not call without one.
      ...(generate === undefined ? { OPENAI_API_KEY: 'none' } : {}),
      ...(embed === undefined ? { RAG_OPENAI_API_KEY: 'none' } : {}),
    },
    secrets: [
      ...(generate === undefined
        ? []
        : [{ name: secretNameOf(generate.apiKeyEnv), valueEnv: 'OPENAI_API_KEY' }]),
      ...(embed === undefined
        ? []
        : [{ name: secretNameOf(embed.apiKeyEnv), valueEnv: 'RAG_OPENAI_API_KEY' }]),
    ],
    ports: { http: port },
    mounts: [{ name: 'ui-data', path: '/app/backend/data', kind: 'own', sizeBytes: 5 * gibibyte }],
    files: [],
    health: {
      http: { path: '/health', port },
      // The image has curl, which its own health check uses too.
      command: ['curl', '--silent', '--fail', '--output', '/dev/null', `http://127.0.0.1:${port}/health`],
      livePath: null,
      startupSeconds: 180,
      intervalSeconds: 10,
      timeoutSeconds: 5,
      failures: 3,
    },
    resources: resources(
      {
        cpus: 0.5,
        memoryBytes: gibibyte,
        because: 'a Python server with its own database; about 700 MiB idle',
      },
      override,
    ),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 30, preStopSeconds: 5 },
    // It writes its session key beside its code, and its makers call other users untested.
    root: true,
    readOnly: false,
  }
}

/** A chat page on `generate`. */
export const openWebui: Component = {
  name: 'open-webui',
  title: 'Open WebUI',
  fills: ['ui'],
  protocol: null,
  ports: { http: port },
  healthPath: '/health',
  metricsPath: null,
  metrics: {},
  scales: 'replicas',
  deploy: openWebuiContainer,
}
