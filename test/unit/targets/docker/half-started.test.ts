import { expect, test } from 'vitest'
import { isHalfStarted } from '../../../../src/targets/docker/half-started.ts'

test.each([
  'id already in use',
  'failed to create task for container: task 0d9f already exists: unknown',
  'task 738e60d52cf288957daaad2018b0cc875fe770fed80aa1de: already exists: unknown',
  'OCI runtime create failed: container with given ID already exists: unknown',
])('a task that an engine left behind is known by what the next one says: %s', (says) => {
  expect(isHalfStarted(says)).toBe(true)
})

test.each([
  'network handbook_default already exists',
  'Conflict. The container name "/handbook-embed-1" is already in use by container "0d9f"',
  '',
])('nothing else is taken for one: %s', (says) => {
  expect(isHalfStarted(says)).toBe(false)
})
