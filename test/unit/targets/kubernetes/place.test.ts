import { expect, test } from 'vitest'
import { isLocalCluster } from '../../../../src/targets/kubernetes/place.ts'

test.for<[string, string]>([
  ['kind-dev', 'https://172.18.0.2:6443'],
  ['k3d-dev', 'https://0.0.0.0:6443'],
  ['minikube', 'https://192.168.49.2:8443'],
  ['docker-desktop', 'https://kubernetes.docker.internal:6443'],
  ['orbstack', 'https://orbstack.local:26443'],
  ['any', 'https://127.0.0.1:6443'],
  ['any', 'https://[::1]:6443'],
  ['any', 'https://localhost:6443'],
])('context %s at %s is of this machine', ([context, server]) => {
  expect(isLocalCluster(context, server)).toBe(true)
})

test.for<[string, string]>([
  ['prod', 'https://10.0.0.1:6443'],
  ['mankind-prod', 'https://10.0.0.1:6443'],
  ['minikube-of-the-team', 'https://10.0.0.1:6443'],
  ['any', 'https://127.0.0.1.example.com'],
  ['any', ''],
])('context %s at %s is not', ([context, server]) => {
  expect(isLocalCluster(context, server)).toBe(false)
})
