import type { Component } from '../component.ts'
import { ollamaContainer, ollamaPrefetch } from './deploy.ts'
import { ollamaRoom } from './memory.ts'
import { ollamaTiming } from './timing.ts'

/** Ollama: llama.cpp behind an OpenAI-compatible API, for small machines. It exports no metrics, so nothing can scale it. */
export const ollama: Component = {
  name: 'ollama',
  title: 'Ollama',
  fills: ['generate'],
  protocol: 'openai',
  ports: { http: 11_434 },
  healthPath: '/api/version',
  metricsPath: null,
  metrics: {},
  scales: 'replicas',
  timing: ollamaTiming,
  room: ollamaRoom,
  deploy: ollamaContainer,
  prefetch: ollamaPrefetch,
}
