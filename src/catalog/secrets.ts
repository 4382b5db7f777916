/** The secrets that a stack may need, by name: each is a file, and none is ever rendered. */

export const secretNames = {
  vectorKey: 'qdrant-api-key',
  redisPassword: 'redis-password',
  postgresPassword: 'postgres-password',
  grafanaPassword: 'grafana-password',
  huggingFaceToken: 'huggingface-token',
} as const

/** Of the environment variable that an API provider's key is given by: `OPENAI_API_KEY` → `openai-api-key`. */
export function secretNameOf(apiKeyEnv: string): string {
  return apiKeyEnv
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

/** Where a secret's file is in a container, on every target that mounts files. */
export function secretPath(name: string): string {
  return `/run/secrets/${name}`
}
